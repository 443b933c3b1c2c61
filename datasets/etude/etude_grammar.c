#include "datasets/etude/etude_grammar.h"

#include <ctype.h>
#include <string.h>

#include "datasets/etude/etude_parts.h"

enum { MAX_DEPTH = 8, MAX_NAME_BYTES = 64, COMMON_WEIGHT = 40, RARE_WEIGHT = 1, N_FORMS = 4 };

/* One story while it is told. */
struct teller {
    const struct leit_etude_grammar *grammar;
    const struct leit_etude_telling *telling;
    leit_rng *rng;
    const char *hero; /* "noun phrase/he/him/his", NULL until somebody enters */
    leit_buffer *story;
};

static const char *const FORMS[N_FORMS] = {"hero", "he", "him", "his"};

static const struct leit_etude_rule *find_rule(const struct leit_etude_grammar *grammar,
                                               const char *name)
{
    for (const struct leit_etude_rule *rule = grammar->rules; rule->name != NULL; rule++)
        if (strcmp(rule->name, name) == 0) return rule;
    return NULL;
}

static uint32_t weight(const char *alternative, bool unseen)
{
    return alternative[0] == '~' && !unseen ? RARE_WEIGHT : COMMON_WEIGHT;
}

/* One alternative of a rule, without its tilde; NULL when the rule is missing or has none. */
static const char *choose(struct teller *teller, const char *name)
{
    const struct leit_etude_rule *rule = find_rule(teller->grammar, name);
    if (rule == NULL) return NULL;
    bool unseen = teller->telling->unseen;
    uint32_t total = 0;
    for (const char *const *a = rule->alternatives; *a != NULL; a++) total += weight(*a, unseen);
    if (total == 0) return NULL;
    uint32_t drawn = leit_rng_below(teller->rng, total);
    for (const char *const *a = rule->alternatives; *a != NULL; a++) {
        if (drawn < weight(*a, unseen)) return **a == '~' ? *a + 1 : *a;
        drawn -= weight(*a, unseen);
    }
    return NULL;
}

/* Writes the name of a rule with its last letter resolved: '@' to a label of this story, '#' to
 * another label. */
static leit_status resolve_name(struct teller *teller, const char *symbol, size_t length,
                                char name[MAX_NAME_BYTES])
{
    const struct leit_etude_grammar *grammar = teller->grammar;
    LEIT_FAIL_IF(length == 0 || length + 16 >= MAX_NAME_BYTES, LEIT_INTERNAL,
                 "a symbol of the grammar has %zu letters", length);
    memcpy(name, symbol, length);
    name[length] = '\0';
    char last = name[length - 1];
    if (last != '@' && last != '#') return LEIT_OK;

    int label = teller->telling->label;
    if (last == '#') {
        int other = (int)leit_rng_below(teller->rng, (uint32_t)(grammar->n_labels - 1));
        label = other < label ? other : other + 1;
    } else if (teller->telling->ambiguous && leit_rng_below(teller->rng, 2) == 0) {
        label = grammar->neighbours[label];
    }
    name[length - 1] = '.';
    strncat(name, grammar->labels[label], MAX_NAME_BYTES - length - 1);
    return LEIT_OK;
}

/* "hero" and the pronouns: the field of the hero's line that belongs to `form`. */
static leit_status tell_hero(struct teller *teller, int form)
{
    if (teller->hero == NULL) teller->hero = choose(teller, "hero");
    LEIT_FAIL_IF(teller->hero == NULL, LEIT_INTERNAL, "the grammar has no rule \"hero\"");
    const char *field = teller->hero;
    for (int i = 0; i < form; i++) {
        const char *slash = strchr(field, '/');
        LEIT_FAIL_IF(slash == NULL, LEIT_INTERNAL, "the hero \"%s\" has not %d forms", teller->hero,
                     (int)N_FORMS);
        field = slash + 1;
    }
    return leit_buffer_append(teller->story, field, strcspn(field, "/"));
}

static leit_status expand(struct teller *teller, const char *text, int depth);

static leit_status tell_symbol(struct teller *teller, const char *symbol, size_t length, int depth)
{
    char name[MAX_NAME_BYTES];
    LEIT_TRY(resolve_name(teller, symbol, length, name));
    for (int form = 0; form < N_FORMS; form++)
        if (strcmp(name, FORMS[form]) == 0) return tell_hero(teller, form);
    const char *chosen = choose(teller, name);
    LEIT_FAIL_IF(chosen == NULL, LEIT_INTERNAL, "the grammar has no rule \"%s\"", name);
    return expand(teller, chosen, depth + 1);
}

/* Expansions of the symbols of a story (depth 0) are sentences and begin with a capital. */
static leit_status expand(struct teller *teller, const char *text, int depth)
{
    LEIT_FAIL_IF(depth > MAX_DEPTH, LEIT_INTERNAL, "the grammar goes deeper than %d rules",
                 (int)MAX_DEPTH);
    while (*text != '\0') {
        if (*text != '<') {
            size_t plain = strcspn(text, "<");
            LEIT_TRY(leit_buffer_append(teller->story, text, plain));
            text += plain;
            continue;
        }
        size_t length = strcspn(text + 1, ">");
        size_t start = teller->story->size_bytes;
        LEIT_TRY(tell_symbol(teller, text + 1, length, depth));
        if (depth == 0 && teller->story->size_bytes > start)
            teller->story->data[start] = (char)toupper((unsigned char)teller->story->data[start]);
        text += length + 1 + (text[1 + length] == '>');
    }
    return LEIT_OK;
}

leit_status leit_etude_tell(const struct leit_etude_grammar *grammar,
                            const struct leit_etude_telling *telling, leit_rng *rng,
                            leit_buffer *story)
{
    struct teller teller = {.grammar = grammar, .telling = telling, .rng = rng, .story = story};
    const char *plan = choose(&teller, "story");
    LEIT_FAIL_IF(plan == NULL, LEIT_INTERNAL, "the grammar has no rule \"story\"");
    return expand(&teller, plan, 0);
}

leit_status leit_etude_split_words(const char *text,
                                   leit_status (*visit)(void *context, const char *word),
                                   void *context)
{
    char word[MAX_NAME_BYTES];
    size_t length = 0;
    for (;; text++) {
        if (*text == '<') text += strcspn(text, ">");
        unsigned char letter = (unsigned char)*text;
        if (isalpha(letter) && length + 1 < sizeof word) {
            word[length++] = (char)tolower(letter);
            continue;
        }
        word[length] = '\0';
        if (length > 0) LEIT_TRY(visit(context, word));
        length = 0;
        if (*text == '\0') return LEIT_OK;
    }
}

leit_status leit_etude_visit_words(const struct leit_etude_grammar *grammar,
                                   leit_status (*visit)(void *context, const char *word),
                                   void *context)
{
    for (const struct leit_etude_rule *rule = grammar->rules; rule->name != NULL; rule++)
        for (const char *const *a = rule->alternatives; *a != NULL; a++)
            LEIT_TRY(leit_etude_split_words(*a, visit, context));
    return LEIT_OK;
}

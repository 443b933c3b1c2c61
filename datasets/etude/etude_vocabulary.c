/* vocabulary.txt: the special pieces, every printable character and its continuation, common inner
 * pieces, then all words of the grammars and plain English ones in byte order. A word that is in no
 * story is still spelled by pieces.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/memory.h"
#include "datasets/etude/etude_grammar.h"
#include "datasets/etude/etude_parts.h"

static const char *const SPECIAL[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

static const char *const PIECES[] = {
    "able",  "age",   "al",    "an",   "ance",  "ant",   "ar",    "ard",       "ary", "at",
    "ate",   "ation", "berry", "ck",   "ed",    "el",    "en",    "ence",      "end", "ent",
    "er",    "ers",   "es",    "ess",  "est",   "et",    "ful",   "fully",     "gh",  "hood",
    "ian",   "ible",  "ic",    "ical", "ied",   "ier",   "ies",   "ification", "ily", "in",
    "ing",   "ings",  "ion",   "ish",  "ist",   "it",    "ity",   "ive",       "ize", "keeper",
    "le",    "less",  "let",   "ling", "ll",    "low",   "ly",    "man",       "men", "ment",
    "ness",  "ng",    "nt",    "ock",  "old",   "on",    "oo",    "or",        "ous", "out",
    "ow",    "ral",   "re",    "room", "ry",    "self",  "ship",  "some",      "ss",  "st",
    "stone", "ter",   "th",    "ther", "tion",  "tions", "tt",    "ty",        "ual", "ular",
    "un",    "ure",   "ves",   "ward", "wards", "work",  "woman", "yard"};

struct word_list {
    leit_arena strings;
    const char **words;
    size_t count, capacity;
};

static leit_status keep_word(void *context, const char *word)
{
    struct word_list *list = context;
    if (word[1] == '\0') return LEIT_OK; /* single letters are characters already */
    LEIT_TRY(LEIT_GROW(list->words, list->count, list->capacity));
    char *copy = leit_arena_strdup(&list->strings, word);
    if (copy == NULL) return LEIT_INTERNAL;
    list->words[list->count++] = copy;
    return LEIT_OK;
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static leit_status print_pieces(leit_buffer *text)
{
    for (size_t i = 0; i < sizeof SPECIAL / sizeof *SPECIAL; i++)
        LEIT_TRY(leit_buffer_printf(text, "%s\n", SPECIAL[i]));
    for (int letter = '!'; letter <= '~'; letter++)
        if (!isupper(letter)) LEIT_TRY(leit_buffer_printf(text, "%c\n", letter));
    for (int letter = '!'; letter <= '~'; letter++)
        if (islower(letter) || isdigit(letter))
            LEIT_TRY(leit_buffer_printf(text, "##%c\n", letter));
    for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; i++)
        LEIT_TRY(leit_buffer_printf(text, "##%s\n", PIECES[i]));
    return LEIT_OK;
}

static leit_status print_vocabulary(struct word_list *list, leit_buffer *text)
{
    LEIT_TRY(leit_etude_visit_words(&leit_etude_grammar_alm, keep_word, list));
    LEIT_TRY(leit_etude_visit_words(&leit_etude_grammar_isear, keep_word, list));
    for (const char *const *line = leit_etude_plain_words; *line != NULL; line++)
        LEIT_TRY(leit_etude_split_words(*line, keep_word, list));
    qsort(list->words, list->count, sizeof *list->words, compare_words);

    LEIT_TRY(print_pieces(text));
    for (size_t i = 0; i < list->count; i++)
        if (i == 0 || strcmp(list->words[i], list->words[i - 1]) != 0)
            LEIT_TRY(leit_buffer_printf(text, "%s\n", list->words[i]));
    return LEIT_OK;
}

leit_status leit_etude_write_vocabulary(const char *directory)
{
    struct word_list list = {0};
    leit_buffer text = {0};
    leit_status status = print_vocabulary(&list, &text);
    if (status == LEIT_OK) status = leit_etude_write_file(directory, "vocabulary.txt", &text);
    leit_buffer_clear(&text);
    leit_free(list.words);
    leit_arena_clear(&list.strings);
    return status;
}

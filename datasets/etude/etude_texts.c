#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "datasets/etude/etude_grammar.h"
#include "datasets/etude/etude_parts.h"

/* About one text in fourteen mixes its cues with those of a neighbouring emotion. */
static const float AMBIGUOUS_SHARE = 0.07f;

enum { MAX_DRAWS = 200 };

struct tale_set {
    const struct leit_etude_grammar *grammar;
    const char *prefix; /* of the ids */
    uint32_t purpose;
};

/* FNV-1a: enough to tell a few thousand stories apart. */
static uint64_t digest(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static bool known(const uint64_t *digests, size_t n, uint64_t wanted)
{
    for (size_t i = 0; i < n; i++)
        if (digests[i] == wanted) return true;
    return false;
}

/* A story that is not among the n told before: so no story is in two splits. A grammar that runs
 * dry repeats itself after MAX_DRAWS attempts. */
static leit_status tell_new(const struct tale_set *set, const struct leit_etude_telling *telling,
                            leit_rng *rng, uint64_t *digests, size_t n, leit_buffer *story)
{
    for (int draw = 0; draw < MAX_DRAWS; draw++) {
        leit_buffer_clear(story);
        LEIT_TRY(leit_etude_tell(set->grammar, telling, rng, story));
        digests[n] = digest(leit_buffer_text(story));
        if (!known(digests, n, digests[n])) break;
    }
    return LEIT_OK;
}

static leit_status tell_all(const struct tale_set *set, const struct leit_etude_options *options,
                            uint64_t *digests, leit_buffer *story, leit_buffer *table)
{
    int n = options->n_texts_per_label;
    for (int label = 0; label < set->grammar->n_labels; label++) {
        for (int i = 0; i < n; i++) {
            uint32_t item = (uint32_t)(label * n + i);
            leit_rng rng = leit_rng_start(options->seed, LEIT_STREAM_ETUDE, set->purpose, item);
            const char *split = leit_etude_split(i, n);
            struct leit_etude_telling telling = {.label = label,
                                                 .unseen = strcmp(split, "train") != 0,
                                                 .ambiguous =
                                                     leit_rng_uniform(&rng) < AMBIGUOUS_SHARE};
            LEIT_TRY(tell_new(set, &telling, &rng, digests, item, story));
            LEIT_TRY(leit_buffer_printf(table, "%s-%s-%04d\t%s\t%s\t%s\n", set->prefix,
                                        set->grammar->labels[label], i, set->grammar->labels[label],
                                        split, leit_buffer_text(story)));
        }
    }
    return LEIT_OK;
}

leit_status leit_etude_write_texts(const char *directory, const struct leit_etude_options *options)
{
    static const struct tale_set SETS[] = {
        {&leit_etude_grammar_alm, "alm", LEIT_ETUDE_ALM},
        {&leit_etude_grammar_isear, "isear", LEIT_ETUDE_ISEAR},
    };
    static const char *const NAMES[] = {"texts_alm.tsv", "texts_isear.tsv"};

    leit_status status = LEIT_OK;
    for (size_t i = 0; i < sizeof SETS / sizeof *SETS && status == LEIT_OK; i++) {
        uint64_t *digests = NULL;
        leit_buffer story = {0}, table = {0};
        status = LEIT_ALLOC(digests, SETS[i].grammar->n_labels * options->n_texts_per_label);
        if (status == LEIT_OK) status = tell_all(&SETS[i], options, digests, &story, &table);
        if (status == LEIT_OK) status = leit_etude_write_file(directory, NAMES[i], &table);
        leit_free(digests);
        leit_buffer_clear(&story);
        leit_buffer_clear(&table);
    }
    return status;
}

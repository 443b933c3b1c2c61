#include "corpus/mapping.h"

#include <math.h>
#include <string.h>

const char *const leit_taxonomy_alm[] = {"anger", "fearful", "happy", "sad", "surprised", NULL};
const char *const leit_taxonomy_isear[] = {"anger", "disgust", "fear",  "guilt",
                                           "joy",   "sadness", "shame", NULL};
const char *const leit_taxonomy_music[] = {"angry", "exciting", "funny",  "happy",
                                           "sad",   "scary",    "tender", NULL};

/* Table 2 of the paper. Both text taxonomies in one table: "anger", which they share, has one
 * answer. */
enum { MAX_ANSWERS = 4 };
static const struct row {
    const char *text;
    const char *manual[MAX_ANSWERS], *w2v[MAX_ANSWERS];
} TABLE[] = {
    {"anger", {"angry"}, {"angry"}},
    {"fearful", {"scary"}, {"scary"}},
    {"happy", {"exciting", "funny", "happy"}, {"happy"}},
    {"sad", {"sad"}, {"sad"}},
    {"surprised", {"exciting"}, {"happy"}},
    {"disgust", {"angry", "scary"}, {"angry"}},
    {"fear", {"scary"}, {"angry"}},
    {"guilt", {"angry", "sad"}, {"angry"}},
    {"joy", {"exciting", "funny", "happy"}, {"tender"}},
    {"sadness", {"sad"}, {"tender"}},
    {"shame", {"angry", "sad"}, {"sad"}},
};

enum leit_mapping leit_mapping_meant(const leit_recipe *recipe, const char *word)
{
    if (strcmp(word, "w2v") == 0)
        return recipe->mapping.w2v == LEIT_W2V_MAPPING_PAPER ? LEIT_MAPPING_W2V_PAPER
                                                             : LEIT_MAPPING_W2V_VECTORS;
    enum leit_mapping mapping = LEIT_MAPPING_VA;
    while (mapping < LEIT_MAPPING_MANUAL && strcmp(leit_mapping_name(mapping), word) != 0)
        mapping++;
    return mapping;
}

const char *leit_mapping_name(enum leit_mapping mapping)
{
    static const char *const names[] = {
#define MAPPING_WORD(constant, word) [LEIT_MAPPING_##constant] = (word),
        LEIT_MAPPING_LIST(MAPPING_WORD)
#undef MAPPING_WORD
    };
    return names[mapping];
}

static const struct row *find_row(const char *text)
{
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (strcmp(TABLE[i].text, text) == 0) return &TABLE[i];
    return NULL;
}

static bool contains(const char *const *words, size_t n_words, const char *word)
{
    for (size_t i = 0; i < n_words && words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0) return true;
    return false;
}

static leit_status fill_from_table(enum leit_mapping mapping, int32_t n_text_labels,
                                   const char *const *text_labels, int32_t n_music_labels,
                                   const char *const *music_labels, uint8_t *matrix)
{
    for (int32_t j = 0; j < n_music_labels; j++)
        LEIT_FAIL_IF(!contains(leit_taxonomy_music, SIZE_MAX, music_labels[j]), LEIT_DATA,
                     "music label '%s' is outside the taxonomy of the mapping %s: angry, exciting, "
                     "funny, happy, sad, scary, tender",
                     music_labels[j], leit_mapping_name(mapping));
    for (int32_t i = 0; i < n_text_labels; i++) {
        const struct row *row = find_row(text_labels[i]);
        LEIT_FAIL_IF(
            row == NULL, LEIT_DATA,
            "text label '%s' is outside the taxonomies of the mapping %s: those of Alm and "
            "ISEAR",
            text_labels[i], leit_mapping_name(mapping));
        const char *const *answers = mapping == LEIT_MAPPING_MANUAL ? row->manual : row->w2v;
        for (int32_t j = 0; j < n_music_labels; j++)
            matrix[i * n_music_labels + j] = contains(answers, MAX_ANSWERS, music_labels[j]);
    }
    return LEIT_OK;
}

/* Smaller is nearer. */
static double distance(enum leit_mapping mapping, const leit_tag_corpus *tags, int64_t a, int64_t b)
{
    if (mapping == LEIT_MAPPING_VA)
        return hypot((double)tags->valence[a] - (double)tags->valence[b],
                     (double)tags->arousal[a] - (double)tags->arousal[b]);
    const int width = tags->vector_width;
    const float *left = tags->vectors + a * width, *right = tags->vectors + b * width;
    double dot = 0, left_squares = 0, right_squares = 0;
    for (int k = 0; k < width; k++) {
        dot += (double)left[k] * (double)right[k];
        left_squares += (double)left[k] * (double)left[k];
        right_squares += (double)right[k] * (double)right[k];
    }
    return -dot / (sqrt(left_squares) * sqrt(right_squares));
}

static leit_status find_tag(const leit_tag_corpus *tags, enum leit_modality modality,
                            const char *label, int64_t *tag)
{
    *tag = leit_tag_corpus_find(tags, modality, label);
    LEIT_FAIL_IF(*tag < 0, LEIT_DATA, "%s label '%s' has no tag in the tag corpus '%s'",
                 modality == LEIT_MODALITY_TEXT ? "text" : "music", label,
                 tags->about.name == NULL ? "" : tags->about.name);
    return LEIT_OK;
}

static leit_status fill_nearest(enum leit_mapping mapping, int32_t n_text_labels,
                                const char *const *text_labels, int32_t n_music_labels,
                                const char *const *music_labels, const leit_tag_corpus *tags,
                                uint8_t *matrix)
{
    memset(matrix, 0, (size_t)n_text_labels * (size_t)n_music_labels);
    for (int32_t i = 0; i < n_text_labels; i++) {
        int64_t text_tag = 0, music_tag = 0;
        LEIT_TRY(find_tag(tags, LEIT_MODALITY_TEXT, text_labels[i], &text_tag));
        int32_t nearest = 0;
        double least = INFINITY;
        for (int32_t j = 0; j < n_music_labels; j++) {
            LEIT_TRY(find_tag(tags, LEIT_MODALITY_MUSIC, music_labels[j], &music_tag));
            double here = distance(mapping, tags, text_tag, music_tag);
            if (here < least) least = here, nearest = j;
        }
        matrix[i * n_music_labels + nearest] = 1;
    }
    return LEIT_OK;
}

leit_status leit_mapping_build(enum leit_mapping mapping, int32_t n_text_labels,
                               const char *const *text_labels, int32_t n_music_labels,
                               const char *const *music_labels, const leit_tag_corpus *tags,
                               uint8_t *matrix)
{
    LEIT_FAIL_IF(n_text_labels < 1 || n_music_labels < 1, LEIT_USAGE,
                 "%d text labels and %d music labels, expected at least 1", n_text_labels,
                 n_music_labels);
    if (mapping == LEIT_MAPPING_MANUAL || mapping == LEIT_MAPPING_W2V_PAPER)
        return fill_from_table(mapping, n_text_labels, text_labels, n_music_labels, music_labels,
                               matrix);
    LEIT_FAIL_IF(tags == NULL, LEIT_USAGE, "the mapping %s needs a tag corpus",
                 leit_mapping_name(mapping));
    const char *name = tags->about.name == NULL ? "" : tags->about.name;
    LEIT_FAIL_IF(mapping == LEIT_MAPPING_VA && tags->valence == NULL, LEIT_DATA,
                 "the tag corpus '%s' has no valence and arousal", name);
    LEIT_FAIL_IF(mapping == LEIT_MAPPING_W2V_VECTORS && tags->vectors == NULL, LEIT_DATA,
                 "the tag corpus '%s' has no word vectors", name);
    return fill_nearest(mapping, n_text_labels, text_labels, n_music_labels, music_labels, tags,
                        matrix);
}

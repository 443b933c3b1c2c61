/* Which music moods answer a text mood: the three mappings of the paper's Table 2, by which
 * retrievals are judged and the metric strategies draw their triplets.
 *
 * A mapping is a matrix (K_text, K_music) of 0 and 1. `manual` and `w2v` (paper) are tables over
 * the paper's taxonomies; `va` and `w2v` (vectors) are computed from a tag corpus: the one music
 * tag nearest in valence-arousal (Euclidean) or in word vectors (cosine), the first one of a tie.
 */
#ifndef LEIT_CORPUS_MAPPING_H
#define LEIT_CORPUS_MAPPING_H

#include "corpus/corpus.h"
#include "recipe/recipe.h"

/* X(CONSTANT, word) */
#define LEIT_MAPPING_LIST(X)                                                                       \
    X(VA, "va")                                                                                    \
    X(W2V_PAPER, "w2v_paper")                                                                      \
    X(W2V_VECTORS, "w2v_vectors")                                                                  \
    X(MANUAL, "manual")

enum leit_mapping {
#define LEIT_MAPPING_ENUM(constant, word) LEIT_MAPPING_##constant,
    LEIT_MAPPING_LIST(LEIT_MAPPING_ENUM)
#undef LEIT_MAPPING_ENUM
};

const char *leit_mapping_name(enum leit_mapping mapping);

/* The mapping that a recipe means by a word of evaluate.mappings: "w2v" is the kind that
 * mapping.w2v says, the others are names. */
enum leit_mapping leit_mapping_meant(const leit_recipe *recipe, const char *word);

/* Fills matrix (K_text, K_music). `tags` is needed by VA and W2V_VECTORS, NULL otherwise. A music
 * mood of the table that the music labels lack is left out, so a row may be empty: nothing is right
 * for that mood. LEIT_DATA, naming it, for a label outside the taxonomies, or without a tag of its
 * modality, or when the tags have no valence and arousal or no vectors. */
leit_status leit_mapping_build(enum leit_mapping mapping, int32_t n_text_labels,
                               const char *const *text_labels, int32_t n_music_labels,
                               const char *const *music_labels, const leit_tag_corpus *tags,
                               uint8_t *matrix);

/* The paper's taxonomies, alphabetical; NULL-terminated. */
extern const char *const leit_taxonomy_alm[];
extern const char *const leit_taxonomy_isear[];
extern const char *const leit_taxonomy_music[];

#endif

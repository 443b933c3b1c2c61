/* The corpora of one recipe, opened together, with labels tied to tags. */
#ifndef LEIT_CORPUS_DATASET_H
#define LEIT_CORPUS_DATASET_H

#include "corpus/corpus.h"
#include "corpus/mapping.h"
#include "kernels/crop_clips.h"
#include "recipe/recipe.h"

typedef struct leit_dataset {
    leit_text_corpus *text; /* NULL for tagging */
    leit_music_corpus *music;
    leit_tag_corpus *tags; /* NULL where the recipe names none */
    leit_clip_source
        clips; /* where kernels crop the clips of `music`: in place, until somebody sets
                               it to what a device has */

    int32_t *text_tag, *music_tag; /* (K) index of each label's tag; NULL without tags */
    float *text_va, *music_va;     /* (K, 2) valence, arousal scaled to [0, 1]; NULL if unknown */
    int32_t *mapped_label; /* (K_text) the music label that triplets draw for a text label */
} leit_dataset;

/* Opens what the recipe's strategy needs. LEIT_DATA where a label has no tag, a needed lexicon or
 * vector is missing, or there is nothing to train on. */
leit_status leit_dataset_open(const leit_recipe *recipe, leit_dataset *data);
void leit_dataset_close(leit_dataset *data);

/* Compares the sum of what opening only maps, the samples: for those who are about to use them. */
leit_status leit_dataset_verify(const leit_dataset *data);

/* XXH3-64 over what the texts and clips are, their labels and splits: equal for equal contents,
 * whatever the files are called and wherever their sources lay. Not of tagging. */
leit_status leit_dataset_sum(const leit_dataset *data, uint64_t *sum);

/* Rows of text or music in a split, ascending; *n of them, in new memory. */
leit_status leit_dataset_rows(const uint8_t *split, int64_t n_rows, int splits, int64_t **rows,
                              int64_t *n);

#endif

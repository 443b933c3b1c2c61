/* What the towers of a matcher answer for the texts and clips of a split, and how music is ranked
 * by it. */
#ifndef LEIT_EVALUATE_ANSWERS_H
#define LEIT_EVALUATE_ANSWERS_H

#include "dist/dist.h"
#include "evaluate/ranking.h"
#include "strategy/matcher.h"

typedef struct leit_answers {
    int64_t n_texts, n_clips;
    int64_t text_width, clip_width;
    int64_t *text_rows, *clip_rows;   /* rows of the corpora */
    int32_t *text_label, *clip_label; /* (n); clip_label is NULL for tagging */
    float *text;                      /* (n_texts, text_width) */
    float *clip;                      /* (n_clips, clip_width) */
} leit_answers;

/* Runs the towers over a split; a NULL tower leaves its half empty. With several ranks each answers
 * for its part, and all get the whole, the same to the bit; `dist` may be NULL. */
leit_status leit_answers_collect(leit_dist *dist, leit_tower *text_tower, leit_tower *music_tower,
                                 const leit_dataset *data, int splits, leit_answers *answers);
void leit_answers_clear(leit_answers *answers);

/* Ranks every clip for every text by the strategy's rule, in one retrieval for each mapping. */
leit_status leit_answers_rank(const leit_matcher *matcher, const leit_answers *answers,
                              int n_retrievals, leit_retrieval *const *retrievals);

/* A mapping between the labels of a dataset, in new memory (K_text, K_music). */
leit_status leit_answers_mapping(const leit_dataset *data, enum leit_mapping mapping,
                                 uint8_t **matrix);

#endif

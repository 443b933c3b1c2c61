/* The batches of a training phase. A batch is a pure function of (seed, step): nothing has to be
 * kept to go on in the middle of an epoch, and every rank can compute every batch. */
#ifndef LEIT_CORPUS_SAMPLER_H
#define LEIT_CORPUS_SAMPLER_H

#include "corpus/dataset.h"
#include "kernels/draw_batch.h"

typedef struct leit_batch {
    uint64_t seed;
    uint32_t step;
    int64_t n_texts, n_clips, n_tags; /* n_tags: pairs only */
    int32_t *texts, *clips;           /* (B) rows of the corpora */
    int32_t *tags;                    /* (B) rows of the tag corpus: text tags, then music tags */
} leit_batch;

typedef struct leit_sampler leit_sampler;

/* `data` must outlive the sampler. n_steps_per_epoch 0: as many as the data gives: every row once,
 * or max(clips, texts) draws for pairs. LEIT_DATA when a label to draw from has no training row. */
leit_status leit_sampler_create(const leit_dataset *data, leit_sampling sampling, int64_t batch,
                                int64_t n_steps_per_epoch, uint64_t seed, leit_sampler **sampler);
void leit_sampler_free(leit_sampler *sampler);

int64_t leit_sampler_steps_per_epoch(const leit_sampler *sampler);

/* The batch of a step, counted from 0 over all epochs; valid until the next call. Not thread-safe.
 */
leit_status leit_sampler_batch(leit_sampler *sampler, int64_t step, const leit_batch **batch);

/* What draws the batches (kernels/draw_batch.h), for who draws them elsewhere: pools in the program's
 * memory; `batch` and the outputs are not set. */
const struct leit_draw_batch *leit_sampler_draw(const leit_sampler *sampler);
/* Puts the epochs that a batch reads among the orders of the pools; says whether one was missing. */
bool leit_sampler_prepare(leit_sampler *sampler, int64_t step);

#endif

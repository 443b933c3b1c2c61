/* The batches of a training phase. A batch is a pure function of (seed, step): nothing has to be
 * kept to go on in the middle of an epoch, and every rank can compute every batch. */
#ifndef LEIT_CORPUS_SAMPLER_H
#define LEIT_CORPUS_SAMPLER_H

#include "corpus/dataset.h"

/* What a phase trains on. */
typedef enum leit_sampling {
    LEIT_SAMPLE_TEXTS, /* shuffled epochs of the training texts, last batch kept */
    LEIT_SAMPLE_CLIPS, /* the same of the training clips */
    LEIT_SAMPLE_BOTH,  /* full batches of both side by side; the shorter one starts over */
    LEIT_SAMPLE_PAIRS  /* tag-text, tag-music and text-music pairs, paper section 3.2.4 */
} leit_sampling;

typedef struct leit_batch {
    uint64_t seed;
    uint32_t step;
    int64_t n_texts, n_clips, n_tags; /* n_tags: pairs only */
    int64_t *texts, *clips;           /* (B) rows of the corpora */
    int64_t *tags;                    /* (B) rows of the tag corpus: text tags, then music tags */
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

#endif

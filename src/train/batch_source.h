/* The batches of a phase, drawn where the kernels run: rows come from the same Philox streams as those
 * of the sampler, and what they stand for is copied on the device, so that a step that is run again has
 * the next batch and nothing passes the bus. For a step that is whole, on a device with memory of its
 * own; elsewhere leit_step_fill does the same in the program's memory. */
#ifndef LEIT_TRAIN_BATCH_SOURCE_H
#define LEIT_TRAIN_BATCH_SOURCE_H

#include "corpus/sampler.h"
#include "kernels/draw_batch.h"
#include "kernels/fill_batch.h"
#include "strategy/step.h"

enum { LEIT_SOURCE_ARRAYS = 24 };

/* A zero-initialised source is closed. */
typedef struct leit_batch_source {
    const leit_backend *backend;
    leit_sampler *sampler;
    struct leit_draw_batch draw;
    struct leit_fill_batch fill;
    int64_t *batch; /* of the device: the number of the next one */
    void *taken[LEIT_SOURCE_ARRAYS];
    int n_taken;
    int64_t bytes; /* of them */
} leit_batch_source;

/* Takes the device's memory and copies there what batches are made of: token ids, labels, tags and
 * vectors, the rows of the pools. The step is finished; it and the sampler outlive the source. What no batch
 * changes is the caller's to fill (leit_step_fill_constants). LEIT_DEVICE where there is no room. */
leit_status leit_batch_source_open(const leit_backend *backend, const leit_step *step,
                                   const leit_dataset *data, leit_sampler *sampler,
                                   leit_batch_source *source);
void leit_batch_source_close(leit_batch_source *source);
/* Only the bytes of the device that open would take. */
leit_status leit_batch_source_measure(const leit_dataset *data, leit_sampler *sampler,
                                      int64_t *bytes);

/* The next batch that enqueue draws is this one, counted from 0. Once before the first, and where
 * batches do not follow each other. */
leit_status leit_batch_source_seek(leit_batch_source *source, int64_t batch);
/* Before a batch is drawn: the orders of its epochs are on the device. They pass the bus when an epoch
 * begins. */
leit_status leit_batch_source_prepare(leit_batch_source *source, int64_t batch);
/* Draws the next batch and fills the inputs of the step with it. Can be recorded. */
leit_status leit_batch_source_enqueue(leit_batch_source *source);

#endif

/* The steps of a phase on their way through the device.
 *
 * A step is queued and the program goes on to the next one: what it left, its loss and the norm of its
 * gradients, is looked at when LEIT_STEPS_AHEAD steps are under way, so that a GPU never waits for the
 * program. Where a step is one plan it is recorded, too. The CPU, steps in shards and steps of several
 * batches are looked at when they are done. */
#ifndef LEIT_TRAIN_STEP_QUEUE_H
#define LEIT_TRAIN_STEP_QUEUE_H

#include "plan/optimizer.h"
#include "plan/recorded.h"
#include "train/batch_source.h"
#include "train/shards.h"

enum { LEIT_STEPS_AHEAD = 4 };

/* `norm` is that of the gradients before clipping. */
typedef struct leit_queued_step {
    int64_t number; /* from 1 */
    float learning_rate, norm;
    double loss;
    leit_device_fetch *plan_results, *optimizer_results;
} leit_queued_step;

/* All but the last part is the caller's to fill in and to outlive the queue. */
typedef struct leit_step_queue {
    const leit_backend *backend;
    leit_shards *shards;
    const leit_dataset *data;
    leit_parameters *parameters;
    leit_sampler *sampler;
    leit_batch_source *source; /* NULL: batches are made in the program's memory */
    leit_optimizer *optimizer;
    int accumulate;

    leit_recorded recorded[2][2]; /* of a batch that is the step's first or not, its last or not */
    bool is_drawing;              /* the source goes from batch to batch */
    leit_queued_step steps[LEIT_STEPS_AHEAD];
    int first, n; /* those on their way, in a ring */
} leit_step_queue;

/* Queues step `number`, the optimizer's next one: `accumulate` batches, then Adam. learning_rate is what its
 * schedule says, for the log. There must be room: pop before. */
leit_status leit_step_queue_push(leit_step_queue *queue, int64_t number, float learning_rate);

/* Waits for the oldest step on its way, if the queue is full or `all` are wanted; NULL otherwise. From
 * the first step on whose loss or norm is not finite, nothing is learnt. */
leit_status leit_step_queue_pop(leit_step_queue *queue, bool all, const leit_queued_step **step);

/* Names what was not finite in a step that pop has shown; "" where nothing is found. */
leit_status leit_step_queue_find_nonfinite(leit_step_queue *queue, int64_t number,
                                           const char **name);

void leit_step_queue_clear(leit_step_queue *queue);

#endif

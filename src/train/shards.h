/* The shards of a phase's step that this rank holds, and how they meet those of the other ranks.
 *
 * A step in V shards is V plans, each with its equal part of the batch. They go side by side; where
 * rows of all are asked for they exchange, and what a step leaves is summed over them in tree order:
 * gradients, each shard's losses weighing the rows it has; running statistics, weighed alike. With
 * one shard the plan is whole and writes to the parameters itself. */
#ifndef LEIT_TRAIN_SHARDS_H
#define LEIT_TRAIN_SHARDS_H

#include "strategy/step.h"
#include "train/device_sums.h"

typedef struct leit_shards {
    leit_dist *dist;
    leit_device_sums sums;
    leit_parameters *parameters;
    bool is_last;     /* the batch under way is its step's last */
    int n_shards, n;  /* of the step, here */
    leit_step *steps; /* (n) */
    leit_plan **plans;
    float *scale, **parts;
    double *losses;  /* (n_shards) */
    size_t *offsets; /* (ranks + 1) of gathers */
} leit_shards;

/* Builds the plans of a phase for run.shards of its recipe; the ranks of `dist` divide them. `sums` has a
 * communicator only where each rank has one shard. Memory
 * is taken by leit_shards_finish, when the parameters are allocated. */
leit_status leit_shards_create(leit_dist *dist, leit_device_sums sums,
                               const leit_strategy *strategy, const leit_phase *phase,
                               const leit_space *space, const leit_dataset *data,
                               const leit_music_front *front, const leit_plan_options *options,
                               leit_parameters *parameters, leit_shards *shards);
leit_status leit_shards_finish(leit_shards *shards);
void leit_shards_clear(leit_shards *shards);

/* Clears all gradients: a step begins. */
leit_status leit_shards_begin(leit_shards *shards);
/* One batch forward and backward, the last of its step or not; *loss is that of the whole batch, the
 * same on all ranks. When it is not finite there was no backward. */
leit_status leit_shards_batch(leit_shards *shards, const leit_dataset *data,
                              const leit_batch *batch, float scale, bool is_last, double *loss);
/* Makes the gradients of all batches since the beginning those of the parameters, on all ranks. */
leit_status leit_shards_end(leit_shards *shards);

#endif

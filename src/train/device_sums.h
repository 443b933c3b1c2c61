/* Sums of gradients among the GPUs of several ranks, over NCCL and beside the backward. They are faster than
 * leit_dist_sum, which goes through the program's memory, and their last bits depend on the number
 * of ranks: run.deterministic=false allows them. */
#ifndef LEIT_TRAIN_DEVICE_SUMS_H
#define LEIT_TRAIN_DEVICE_SUMS_H

#include "cuda/nccl_ranks.h"
#include "dist/dist.h"
#include "recipe/recipe.h"

/* Without a communicator leit_dist_sum it is. */
typedef struct leit_device_sums {
    const leit_nccl_table *table;
    leit_nccl *nccl;
} leit_device_sums;

/* Every rank calls it; table NULL: this one has no GPU. Where NCCL cannot be had, or a rank has several
 * shards, all go on without and say why. LEIT_RANK when a rank does not come. */
leit_status leit_device_sums_open(const leit_nccl_table *table, leit_dist *dist,
                                  const struct leit_recipe_run *run, leit_device_sums *sums);
void leit_device_sums_close(leit_device_sums *sums);

#endif

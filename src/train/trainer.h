/* Training on a backend of the caller's choice, as one rank of several; leit_train chooses by
 * run.device. */
#ifndef LEIT_TRAIN_TRAINER_H
#define LEIT_TRAIN_TRAINER_H

#include "cuda/nccl_ranks.h"
#include "dist/dist.h"
#include "kernels/backend.h"
#include "leitmotif/train.h"

leit_status leit_train_on(const leit_backend *backend, const leit_recipe *recipe,
                          leit_train_summary *summary);

/* Every rank calls it with the same recipe; the first writes the run folder. `nccl` NULL: gradients
 * meet through the program's memory, as they do wherever NCCL is not wanted (train/device_sums.h). */
leit_status leit_train_rank(const leit_backend *backend, const leit_nccl_table *nccl,
                            leit_dist *dist, const leit_recipe *recipe,
                            leit_train_summary *summary);

#endif

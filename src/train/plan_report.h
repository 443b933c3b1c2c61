/* What training will take: the plans of all phases are built and measured, but no memory is taken.
 * leit_train_plan shows it. */
#ifndef LEIT_TRAIN_PLAN_REPORT_H
#define LEIT_TRAIN_PLAN_REPORT_H

#include "kernels/backend.h"
#include "leitmotif/recipe.h"

/* The largest train.batch, at most the recipe's, with which one of n_ranks takes at most room_bytes of the
 * backend's memory, not counting the music; 0: none does. */
leit_status leit_plan_report_batch(const leit_recipe *recipe, const leit_backend *backend,
                                   int n_ranks, int64_t room_bytes, int *batch);

#endif

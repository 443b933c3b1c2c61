/* Adam over all parameters that learn, with gradient clipping, one launch per step. */
#ifndef LEIT_PLAN_OPTIMIZER_H
#define LEIT_PLAN_OPTIMIZER_H

#include "kernels/backend.h"
#include "plan/parameters.h"

typedef struct leit_optimizer_options {
    float beta1, beta2, epsilon, weight_decay;
    float clip_norm; /* 0: off */
} leit_optimizer_options;

typedef struct leit_optimizer leit_optimizer;

/* Optimises the parameters whose name starts with one of the prefixes (NULL-terminated list): a
 * phase touches its own towers only. The parameters must be allocated for training. */
leit_status leit_optimizer_create(const leit_optimizer_options *options,
                                  const leit_backend *backend, leit_threads *threads,
                                  const leit_parameters *parameters, const char *const *prefixes,
                                  leit_optimizer **optimizer);
void leit_optimizer_free(leit_optimizer *optimizer);

/* One step; t counts from 1. *norm is the gradient's norm before clipping; when it is not finite,
 * nothing is changed. */
leit_status leit_optimizer_step(leit_optimizer *optimizer, int64_t t, float learning_rate,
                                float *norm);

#endif

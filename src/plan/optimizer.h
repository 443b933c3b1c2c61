/* Adam over all parameters that learn, with gradient clipping: the norm of the gradients, and one launch
 * for all of them. */
#ifndef LEIT_PLAN_OPTIMIZER_H
#define LEIT_PLAN_OPTIMIZER_H

#include "kernels/backend.h"
#include "plan/mirror.h"
#include "plan/parameters.h"
#include "plan/plan.h"

/* Rows of a table that a step does not read may wait until they are read (kernels/adam.h): what they
 * come to is the same, bit for bit. Where that is asked for, rows are fetched before a plan reads them
 * and flushed before anybody else does. */
typedef struct leit_optimizer_options {
    float beta1, beta2, epsilon, weight_decay;
    float clip_norm;          /* 0: off */
    const leit_plan *lookups; /* finished: what its embeddings alone read waits; NULL: nothing */
} leit_optimizer_options;

typedef struct leit_optimizer leit_optimizer;

/* Optimises the parameters whose name starts with one of the prefixes (NULL-terminated list): a
 * phase touches its own towers only. The parameters must be allocated for training. */
leit_status leit_optimizer_create(const leit_optimizer_options *options,
                                  const leit_backend *backend, leit_threads *threads,
                                  const leit_parameters *parameters, const char *const *prefixes,
                                  leit_optimizer **optimizer);
void leit_optimizer_free(leit_optimizer *optimizer);

/* What a step leaves. */
typedef struct leit_optimizer_result {
    float norm; /* of the gradients, before clipping */
    int32_t
        n_bad; /* steps so far whose norm was not finite: from the first on nothing is changed */
} leit_optimizer_result;

/* The next step is t >= 1; `rates` (n >= 1) are the learning rates of that step and those behind it, of
 * which later ones have the last. Passes them to the device. */
leit_status leit_optimizer_schedule(leit_optimizer *optimizer, int64_t t, const float *rates,
                                    int64_t n);
/* Runs the next step, without a look at the program's memory, so that it can be recorded. */
leit_status leit_optimizer_enqueue(leit_optimizer *optimizer);
/* Before a forward of `plan`, whose inputs are there: the rows that it reads are up to date after it.
 * Can be recorded. */
leit_status leit_optimizer_fetch(leit_optimizer *optimizer, const leit_plan *plan);
/* Before parameters or moments are read by anybody else: saved, evaluated, exported. */
leit_status leit_optimizer_flush(leit_optimizer *optimizer);
/* A leit_optimizer_result. */
const leit_mirror *leit_optimizer_results(const leit_optimizer *optimizer);

/* Step t at that rate, and the norm of its gradients. */
leit_status leit_optimizer_step(leit_optimizer *optimizer, int64_t t, float learning_rate,
                                float *norm);

#endif

/* grad_norm: norm = sqrt(sum over all tensors of sum of g^2), for clipping and for the log; and which step
 * of Adam it is, so that a recorded step, run again, is the next one.
 *   tensors     n_tensors entries of which g and count are read, in n_blocks blocks: the same list, in
 *               the same memory, as in adam.h
 *   norm        (1)  NaN or infinity come through
 *   n_bad       (1)  grows by one where norm is one of them; NULL: not wanted. Steps that are queued
 *               before somebody looks stand still from there on (adam.h).
 *   now         (1)  t grows by one, and learning_rate becomes that of step t; NULL: not wanted
 *   rates       (n_rates)  of step first_rate and those behind it; later ones have the last
 *   Limits      with `now`: n_rates >= 1 and now->t + 1 >= first_rate.
 *   Error       block sums in f32 lanes, blocks added in double: 1e-6 relative.
 *   Repeatable  bit for bit: fixed blocks, added in order.
 *   Source      torch.nn.utils.clip_grad_norm_.
 */
#ifndef LEIT_KERNELS_GRAD_NORM_H
#define LEIT_KERNELS_GRAD_NORM_H

#include "core/rng.h" /* LEIT_HOST_DEVICE */
#include "kernels/adam.h"

struct leit_grad_norm {
    int64_t n_tensors, n_blocks;
    const leit_adam_tensor *tensors;
    float *norm;
    int32_t *n_bad;
    leit_adam_now *now;
    const float *rates;
    int64_t n_rates, first_rate;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_grad_norm_check(const struct leit_grad_norm *args)
{
    LEIT_FAIL_IF(args->now != NULL && args->n_rates < 1, LEIT_INTERNAL,
                 "grad_norm: %lld rates, expected one or more", (long long)args->n_rates);
    return leit_check_tensor_list("grad_norm", args->n_tensors, args->n_blocks);
}

/* What follows the norm, on either backend. */
static inline LEIT_HOST_DEVICE void leit_next_step(const struct leit_grad_norm *args)
{
    if (args->now == NULL) return;
    const int64_t t = args->now->t + 1, i = t - args->first_rate, last = args->n_rates - 1;
    args->now->t = t;
    args->now->learning_rate = args->rates[i < last ? i : last];
}

LEIT_DECLARE_OP_FORWARD(grad_norm)

#endif

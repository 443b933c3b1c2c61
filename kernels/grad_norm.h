/* grad_norm: norm = sqrt(sum over all tensors of sum of g^2), for clipping and for the log.
 *   tensors     n_tensors entries of which g and count are read, in n_blocks blocks: the same list, in
 *               the same memory, as in adam.h
 *   norm        (1)  NaN or infinity come through
 *   n_bad       (1)  grows by one where norm is one of them; NULL: not wanted. Steps that are queued
 *               before somebody looks stand still from there on (adam.h).
 *   Error       block sums in f32 lanes, blocks added in double: 1e-6 relative.
 *   Repeatable  bit for bit: fixed blocks, added in order.
 *   Source      torch.nn.utils.clip_grad_norm_.
 */
#ifndef LEIT_KERNELS_GRAD_NORM_H
#define LEIT_KERNELS_GRAD_NORM_H

#include "kernels/adam.h"

struct leit_grad_norm {
    int64_t n_tensors, n_blocks;
    const leit_adam_tensor *tensors;
    float *norm;
    int32_t *n_bad;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_grad_norm_check(const struct leit_grad_norm *args)
{
    return leit_check_tensor_list("grad_norm", args->n_tensors, args->n_blocks);
}

LEIT_DECLARE_OP_FORWARD(grad_norm)

#endif

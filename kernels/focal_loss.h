/* focal_loss: losses[n] = -(1 - p)^gamma log p with p = softmax(x[n])[labels[n]]; loss = their mean.
 *   x, labels, probabilities, losses, loss, dloss, dx, n_rows   as in softmax_cross_entropy
 *   gamma               >= 0; 0 is cross entropy
 *   weight_is_constant  1: the factor (1 - p)^gamma is not differentiated, as the public code has it
 *                       0: the full gradient of Lin et al.
 *   Limits      N >= 0, K >= 1; a label outside [0, K) is LEIT_INTERNAL. NaN comes through.
 *   Error       at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable  bit for bit.
 *   Source      Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017), equation 4.
 */
#ifndef LEIT_KERNELS_FOCAL_LOSS_H
#define LEIT_KERNELS_FOCAL_LOSS_H

#include "kernels/op.h"

struct leit_focal_loss {
    int64_t N, K;
    float gamma;
    int weight_is_constant;
    const int32_t *n_rows;
    const float *x;
    const int32_t *labels;
    float *probabilities, *losses, *loss;
    const float *dloss;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_focal_loss_check(const struct leit_focal_loss *args)
{
    LEIT_FAIL_IF(
        args->N < 0 || args->K < 1 || !(args->gamma >= 0.0f), LEIT_INTERNAL,
        "focal_loss: N is %lld, K is %lld, gamma is %g; expected N >= 0, K >= 1, gamma >= 0",
        (long long)args->N, (long long)args->K, (double)args->gamma);
    return LEIT_OK;
}

LEIT_DECLARE_OP(focal_loss)

#endif

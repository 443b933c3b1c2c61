/* bce_with_logits: loss = mean over rows and classes of max(x, 0) - x t + log(1 + exp(-|x|)).
 *   x, targets  (N, K)  logits; targets in [0, 1]
 *   losses      (N)     mean over the classes of a row
 *   loss        (1)     mean over the rows that hold data, 0 when there are none
 *   dloss       (1)     in
 *   dx          (N, K)  written: dloss / (rows K) * (sigmoid(x) - t)
 *   n_rows      rows that hold data, NULL: N
 *   Limits      N >= 0, K >= 1.
 *   Error       at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable  bit for bit.
 *   Source      torch.nn.BCEWithLogitsLoss; used by `tagging`.
 */
#ifndef LEIT_KERNELS_BCE_WITH_LOGITS_H
#define LEIT_KERNELS_BCE_WITH_LOGITS_H

#include "kernels/op.h"

struct leit_bce_with_logits {
    int64_t N, K;
    const int32_t *n_rows;
    const float *x, *targets;
    float *losses, *loss;
    const float *dloss;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_bce_with_logits_check(const struct leit_bce_with_logits *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->K < 1, LEIT_INTERNAL,
                 "bce_with_logits: N is %lld and K is %lld, expected N >= 0 and K >= 1",
                 (long long)args->N, (long long)args->K);
    return LEIT_OK;
}

LEIT_DECLARE_OP(bce_with_logits)

#endif

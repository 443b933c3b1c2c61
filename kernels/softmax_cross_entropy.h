/* softmax_cross_entropy: losses[n] = -log p[n][labels[n]], p = softmax(x) row by row.
 *   x              (N, K)  logits
 *   labels         (N)     i32 in [0, K)
 *   probabilities  (N, K)  p, written forward, read backward
 *   losses         (N)
 *   loss           (1)     mean over the rows that hold data, 0 when there are none
 *   dloss          (1)     in
 *   dx             (N, K)  written: dloss / rows * (p - onehot(label))
 *   n_rows         rows that hold data, NULL: N
 *   Limits         N >= 0, K >= 1; a label outside [0, K) is LEIT_INTERNAL. NaN comes through.
 *   Error          at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable     bit for bit.
 *   Source         paper section 3.2.1; torch.nn.functional.cross_entropy.
 */
#ifndef LEIT_KERNELS_SOFTMAX_CROSS_ENTROPY_H
#define LEIT_KERNELS_SOFTMAX_CROSS_ENTROPY_H

#include "kernels/op.h"

struct leit_softmax_cross_entropy {
    int64_t N, K;
    const int32_t *n_rows;
    const float *x;
    const int32_t *labels;
    float *probabilities, *losses, *loss;
    const float *dloss;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status
leit_softmax_cross_entropy_check(const struct leit_softmax_cross_entropy *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->K < 1, LEIT_INTERNAL,
                 "softmax_cross_entropy: N is %lld and K is %lld, expected N >= 0 and K >= 1",
                 (long long)args->N, (long long)args->K);
    return LEIT_OK;
}

LEIT_DECLARE_OP(softmax_cross_entropy)

#endif

/* l2_normalize: y = x / max(|x|, 1e-12) row by row, as torch.nn.functional.normalize.
 *   x, y        (N, E)
 *   norm        (N)      |x|, written forward, read backward
 *   dy          (N, E)   in
 *   dx          (N, E)   written: (dy - y (y . dy)) / |x|, or dy / 1e-12 where |x| < 1e-12
 *   n_rows      rows that hold data, NULL: N
 *   Limits      N >= 0, E >= 1; squares must not overflow: |x| < 1e19.
 *   Error       at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable  bit for bit.
 */
#ifndef LEIT_KERNELS_L2_NORMALIZE_H
#define LEIT_KERNELS_L2_NORMALIZE_H

#include "kernels/op.h"

struct leit_l2_normalize {
    int64_t N, E;
    const int32_t *n_rows;
    const float *x;
    float *y, *norm;
    const float *dy;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_l2_normalize_check(const struct leit_l2_normalize *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->E < 1, LEIT_INTERNAL,
                 "l2_normalize: N is %lld and E is %lld, expected 0 and 1 or more",
                 (long long)args->N, (long long)args->E);
    return LEIT_OK;
}

LEIT_DECLARE_OP(l2_normalize)

#endif

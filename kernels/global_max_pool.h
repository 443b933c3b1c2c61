/* global_max_pool: the largest element of each channel over the whole image.
 *   x, dx      (N, H, W, C)  dx is written
 *   y, dy      (N, C)
 *   argmax     (N, C)        h * W + w, the first of equals; a NaN counts as the largest
 *   n_samples  samples that hold data, NULL: N
 *   Limits     N >= 0, H, W, C >= 1, H * W < 2^31.
 *   Error      none.
 */
#ifndef LEIT_KERNELS_GLOBAL_MAX_POOL_H
#define LEIT_KERNELS_GLOBAL_MAX_POOL_H

#include "kernels/op.h"

struct leit_global_max_pool {
    int64_t N, H, W, C;
    const int32_t *n_samples;
    const float *x;
    float *y;
    int32_t *argmax;
    const float *dy;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_global_max_pool_check(const struct leit_global_max_pool *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->H < 1 || args->W < 1 || args->C < 1 ||
                     args->H > INT32_MAX / args->W,
                 LEIT_INTERNAL,
                 "global_max_pool: (%lld, %lld, %lld, %lld), expected N >= 0, the rest >= 1 and "
                 "H * W < 2^31",
                 (long long)args->N, (long long)args->H, (long long)args->W, (long long)args->C);
    return LEIT_OK;
}

LEIT_DECLARE_OP(global_max_pool)

#endif

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

LEIT_DECLARE_OP(global_max_pool)

#endif

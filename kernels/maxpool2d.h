/* maxpool2d: the largest element of each window of pool_height x pool_width, which do not overlap.
 *   x, dx      (N, H, W, C)  dx is written
 *   y, dy      (N, H / pool_height, W / pool_width, C)  floor division: rest rows are not pooled
 *   argmax     as y          which element of the window (row-major), the first of equals; a NaN
 *                            counts as the largest
 *   n_samples  samples that hold data, NULL: N
 *   Limits     N >= 0, H, W, C >= 1, pools 1 .. 15 and at most H and W.
 *   Error      none.
 */
#ifndef LEIT_KERNELS_MAXPOOL2D_H
#define LEIT_KERNELS_MAXPOOL2D_H

#include "kernels/pool_limits.h"

struct leit_maxpool2d {
    int64_t N, H, W, C;
    int pool_height, pool_width;
    const int32_t *n_samples;
    const float *x;
    float *y;
    uint8_t *argmax;
    const float *dy;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_maxpool2d_check(const struct leit_maxpool2d *args)
{
    return leit_check_windows("maxpool2d", args->N, args->H, args->W, args->C, args->pool_height,
                              args->pool_width);
}

LEIT_DECLARE_OP(maxpool2d)

#endif

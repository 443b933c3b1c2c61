/* conv2d: y[n, h, w, k] = b[k] + sum over i, j, c of x[n, h + i - p, w + j - p, c] * w[k, i, j, c],
 * stride 1, same padding with zeros (p = kernel_size / 2).
 *   x            (N, H, W, C)
 *   w            (K, kernel_size, kernel_size, C)
 *   b            (K)
 *   y            (N, H, W, K)
 *   moments      (2 K + 1)     of y, as batch_moments has them; NULL: not wanted
 *   dy           (N, H, W, K)  in
 *   dx           (N, H, W, C)  written; NULL: not wanted
 *   dw, db       as w and b    accumulated; NULL: not wanted
 *   n_samples    samples that hold data, NULL: N
 *   Limits       N >= 0, H, W, C, K >= 1, kernel_size 1 or 3; H, W <= 65536, C, K <= 16384. No
 *                divisibility rule; multiples of 16 channels and C = 1 are fast.
 *   Error        at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable   bit for bit, for any number of threads.
 */
#ifndef LEIT_KERNELS_CONV2D_H
#define LEIT_KERNELS_CONV2D_H

#include "kernels/batch_moments.h"

struct leit_conv2d {
    int64_t N, H, W, C, K;
    int kernel_size;
    const int32_t *n_samples;
    const float *x, *w, *b;
    float *y, *moments;
    const float *dy;
    float *dx, *dw, *db;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_conv2d_check(const struct leit_conv2d *args)
{
    const int64_t max_extent = 65536, max_channels = 16384;
    LEIT_FAIL_IF(args->N < 0 || args->H < 1 || args->H > max_extent || args->W < 1 ||
                     args->W > max_extent,
                 LEIT_INTERNAL,
                 "conv2d: %lld images of %lld x %lld, expected N >= 0 and extents in 1 .. %lld",
                 (long long)args->N, (long long)args->H, (long long)args->W, (long long)max_extent);
    LEIT_FAIL_IF(args->C < 1 || args->C > max_channels || args->K < 1 || args->K > max_channels,
                 LEIT_INTERNAL, "conv2d: %lld to %lld channels, expected 1 .. %lld",
                 (long long)args->C, (long long)args->K, (long long)max_channels);
    LEIT_FAIL_IF(args->kernel_size != 1 && args->kernel_size != 3, LEIT_INTERNAL,
                 "conv2d: kernel_size is %d, expected 1 or 3", args->kernel_size);
    return LEIT_OK;
}

/* The moments of y by the op that knows nothing else: where no pass of a convolution makes them. */
static inline struct leit_batch_moments leit_conv2d_moments(const struct leit_conv2d *args)
{
    struct leit_batch_moments moments = {args->N, args->H,       args->W, args->K, args->n_samples,
                                         args->y, args->moments, NULL,    NULL,    false};
    return moments;
}

LEIT_DECLARE_OP(conv2d)

#endif

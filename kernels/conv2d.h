/* conv2d: y[n, h, w, k] = b[k] + sum over i, j, c of x[n, h + i - p, w + j - p, c] * w[k, i, j, c],
 * stride 1, same padding with zeros (p = kernel_size / 2).
 *   x            (N, H, W, C)
 *   w            (K, kernel_size, kernel_size, C)
 *   b            (K)
 *   y            (N, H, W, K)
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

#include "kernels/op.h"

struct leit_conv2d {
    int64_t N, H, W, C, K;
    int kernel_size;
    const int32_t *n_samples;
    const float *x, *w, *b;
    float *y;
    const float *dy;
    float *dx, *dw, *db;
};

LEIT_DECLARE_OP(conv2d)

#endif

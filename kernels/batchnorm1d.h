/* batchnorm1d: y = relu((x - mean) * rstd * w + b), per column: batchnorm2d of 1 x 1 images.
 *   x, y, dy, dx  (N, C)
 *   w, b, running_mean, running_var, mean, rstd, dw, db (C)  as in batchnorm2d.h
 *   n_rows        rows that hold data, NULL: N. None: nothing is read or written.
 *   Limits        N >= 0, 1 <= C <= 16384. One row in training has no variance: LEIT_DATA.
 *   Error         at most 2 x that of the naive fp32 loops (two passes), against double.
 *   Repeatable    bit for bit, for any number of threads.
 */
#ifndef LEIT_KERNELS_BATCHNORM1D_H
#define LEIT_KERNELS_BATCHNORM1D_H

#include "kernels/op.h"

struct leit_batchnorm1d {
    int64_t N, C;
    int training, relu;
    float epsilon, momentum;
    const int32_t *n_rows;
    const float *x, *w, *b;
    float *running_mean, *running_var;
    float *mean, *rstd;
    float *y;
    const float *dy;
    float *dx, *dw, *db;
};

LEIT_DECLARE_OP(batchnorm1d)

#endif

/* linear: y = activation(x w^T + b), the layout of torch.nn.Linear.
 *   x            (N, D)
 *   w            (K, D)
 *   b            (K)          NULL: none
 *   y            (N, K)
 *   pre          (N, K)       x w^T + b, written forward, read backward; unused (NULL) when the
 *                             activation is NONE; with RELU it may be y itself
 *   dy           (N, K)       in
 *   dx           (N, D)       written; NULL: not wanted
 *   dw, db       (K, D), (K)  accumulated; NULL: not wanted
 *   n_rows       rows that hold data, NULL: N
 *   Limits       N >= 0, 1 <= D, K <= 1e6, no divisibility rule.
 *   Error        at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable   bit for bit, for any number of threads.
 */
#ifndef LEIT_KERNELS_LINEAR_H
#define LEIT_KERNELS_LINEAR_H

#include "kernels/op.h"

struct leit_linear {
    int64_t N, D, K;
    enum leit_activation activation;
    const int32_t *n_rows;
    const float *x, *w, *b;
    float *y, *pre;
    const float *dy;
    float *dx, *dw, *db;
};

LEIT_DECLARE_OP(linear)

#endif

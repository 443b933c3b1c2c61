/* sigmoid: y = 1 / (1 + e^-x).
 *   x, y        (N, D)   y may alias x: the backward reads y alone
 *   dy          (N, D)   in
 *   dx          (N, D)   written: dy y (1 - y)
 *   n_rows      rows that hold data, NULL: N
 *   Limits      N >= 0, D >= 1.
 *   Error       at most 4 units in the last place, 0 below -87; no overflow for any x.
 *   Repeatable  bit for bit.
 */
#ifndef LEIT_KERNELS_SIGMOID_H
#define LEIT_KERNELS_SIGMOID_H

#include "kernels/op.h"

struct leit_sigmoid {
    int64_t N, D;
    const int32_t *n_rows;
    const float *x;
    float *y;
    const float *dy;
    float *dx;
};

LEIT_DECLARE_OP(sigmoid)

#endif

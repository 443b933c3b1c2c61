/* relu: y = max(x, 0); NaN stays NaN.
 *   x, y        (N, D)   y may alias x only where no backward follows
 *   dy          (N, D)   in
 *   dx          (N, D)   written: dy where x > 0, else 0
 *   n_rows      rows that hold data, NULL: N
 *   Limits      N >= 0, D >= 1.
 *   Error       none.
 *   Repeatable  bit for bit.
 */
#ifndef LEIT_KERNELS_RELU_H
#define LEIT_KERNELS_RELU_H

#include "kernels/op.h"

struct leit_relu {
    int64_t N, D;
    const int32_t *n_rows;
    const float *x;
    float *y;
    const float *dy;
    float *dx;
};

LEIT_DECLARE_OP(relu)

#endif

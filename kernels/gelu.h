/* gelu: y = x Phi(x), Phi the standard normal distribution (the exact form, not the tanh one).
 *   x, y        (N, D)   y may alias x only where no backward follows
 *   dy          (N, D)   in
 *   dx          (N, D)   written: dy (Phi(x) + x phi(x))
 *   n_rows      rows that hold data, NULL: N
 *   Limits      N >= 0, D >= 1.
 *   Error       of Phi and phi at most 1e-7 (vector_math.h): about one rounding of y.
 *   Repeatable  bit for bit.
 */
#ifndef LEIT_KERNELS_GELU_H
#define LEIT_KERNELS_GELU_H

#include "kernels/op.h"

struct leit_gelu {
    int64_t N, D;
    const int32_t *n_rows;
    const float *x;
    float *y;
    const float *dy;
    float *dx;
};

LEIT_DECLARE_OP(gelu)

#endif

/* add: y = a + b.
 *   a, b, y     (N, D)   y may alias a
 *   dy          (N, D)   in
 *   da, db      (N, D)   written: dy; may alias dy; NULL: not wanted
 *   n_rows      rows that hold data, NULL: N
 *   Limits      N >= 0, D >= 1.
 *   Error       one rounding.
 *   Repeatable  bit for bit.
 */
#ifndef LEIT_KERNELS_ADD_H
#define LEIT_KERNELS_ADD_H

#include "kernels/op.h"

struct leit_add {
    int64_t N, D;
    const int32_t *n_rows;
    const float *a, *b;
    float *y;
    const float *dy;
    float *da, *db;
};

LEIT_DECLARE_OP(add)

#endif

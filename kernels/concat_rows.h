/* concat_rows: y = the rows of a, then the rows of b.
 *   a           (Na, D)
 *   b           (Nb, D)
 *   y           (Na + Nb, D)
 *   dy          (Na + Nb, D)   in
 *   da, db      (Na, D), (Nb, D)   written; NULL: not wanted
 *   Limits      Na, Nb >= 0, D >= 1.
 *   Error       none: values are copied.
 *   Repeatable  bit for bit.
 */
#ifndef LEIT_KERNELS_CONCAT_ROWS_H
#define LEIT_KERNELS_CONCAT_ROWS_H

#include "kernels/op.h"

struct leit_concat_rows {
    int64_t Na, Nb, D;
    const float *a, *b;
    float *y;
    const float *dy;
    float *da, *db;
};

LEIT_DECLARE_OP(concat_rows)

#endif

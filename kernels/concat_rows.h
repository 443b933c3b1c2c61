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

/* The limits, on either backend. */
static inline leit_status leit_concat_rows_check(const struct leit_concat_rows *args)
{
    LEIT_FAIL_IF(args->Na < 0 || args->Nb < 0 || args->D < 1, LEIT_INTERNAL,
                 "concat_rows: Na is %lld, Nb is %lld, D is %lld, expected 0, 0 and 1 or more",
                 (long long)args->Na, (long long)args->Nb, (long long)args->D);
    return LEIT_OK;
}

LEIT_DECLARE_OP(concat_rows)

#endif

/* gather_rows: y[n] = x[index[n]], the rows of one token per sequence, for example.
 *   index       (N)      i32, 0 <= index < M, all distinct
 *   x           (M, D)
 *   y           (N, D)
 *   dy          (N, D)   in
 *   dx          (M, D)   written: dy[n] in row index[n], zero where no row was taken; added where
 *                        adds_dx
 *   n_rows      rows of index and y that hold data, NULL: N
 *   Limits      N >= 0, M, D >= 1; an index out of range is LEIT_INTERNAL.
 *   Error       none: values are copied; one rounding where they are added.
 *   Repeatable  bit for bit.
 */
#ifndef LEIT_KERNELS_GATHER_ROWS_H
#define LEIT_KERNELS_GATHER_ROWS_H

#include <stdbool.h>

#include "kernels/op.h"

struct leit_gather_rows {
    int64_t N, M, D;
    bool adds_dx;
    const int32_t *n_rows;
    const int32_t *index;
    const float *x;
    float *y;
    const float *dy;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_gather_rows_check(const struct leit_gather_rows *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->M < 1 || args->D < 1, LEIT_INTERNAL,
                 "gather_rows: N is %lld, M is %lld, D is %lld, expected 0, 1 and 1 or more",
                 (long long)args->N, (long long)args->M, (long long)args->D);
    return LEIT_OK;
}

LEIT_DECLARE_OP(gather_rows)

#endif

/* mse: loss = mean over rows and columns of (x - target)^2.
 *   x, target   (N, D)
 *   losses      (N)     mean over the columns of a row
 *   loss        (1)     mean over the rows that hold data, 0 when there are none
 *   dloss       (1)     in
 *   dx          (N, D)  written: dloss / (rows D) * 2 (x - target)
 *   n_rows      rows that hold data, NULL: N
 *   Limits      N >= 0, D >= 1.
 *   Error       at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable  bit for bit.
 *   Source      paper section 3.2.3.
 */
#ifndef LEIT_KERNELS_MSE_H
#define LEIT_KERNELS_MSE_H

#include "kernels/op.h"

struct leit_mse {
    int64_t N, D;
    const int32_t *n_rows;
    const float *x, *target;
    float *losses, *loss;
    const float *dloss;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_mse_check(const struct leit_mse *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->D < 1, LEIT_INTERNAL,
                 "mse: N is %lld and D is %lld, expected N >= 0 and D >= 1", (long long)args->N,
                 (long long)args->D);
    return LEIT_OK;
}

LEIT_DECLARE_OP(mse)

#endif

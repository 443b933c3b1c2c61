/* layernorm: y = (s - mean(s)) * rstd(s) * w + b with s = x + residual, row by row.
 *   x, residual  (N, D)  residual may be NULL; y may alias residual, and x where there is a
 *                        residual or no backward follows; sum may alias nothing
 *   w, b         (D)
 *   y            (N, D)
 *   sum          (N, D)  s, kept for the backward; unused (x itself) when residual is NULL
 *   mean, rstd   (N)     written forward, read backward; rstd = 1 / sqrt(var + epsilon), biased var
 *   dy           (N, D)  in
 *   dx           (N, D)  written
 *   dresidual    (N, D)  written: the same as dx
 *   dw, db       (D)     accumulated
 *   n_rows       rows that hold data, NULL: N
 *   Limits       N >= 0, 1 <= D <= 65536, no divisibility rule.
 *   Error        at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable   bit for bit, for any number of threads.
 *   Source       Ba et al., "Layer Normalization" (2016), equations 3 and 4.
 */
#ifndef LEIT_KERNELS_LAYERNORM_H
#define LEIT_KERNELS_LAYERNORM_H

#include "kernels/op.h"

struct leit_layernorm {
    int64_t N, D;
    float epsilon;
    const int32_t *n_rows;
    const float *x, *residual, *w, *b;
    float *y, *sum, *mean, *rstd;
    const float *dy;
    float *dx, *dresidual, *dw, *db;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_layernorm_check(const struct leit_layernorm *args)
{
    const int64_t max_D = 65536;
    LEIT_FAIL_IF(args->N < 0 || args->D < 1 || args->D > max_D, LEIT_INTERNAL,
                 "layernorm: N is %lld and D is %lld, expected N >= 0 and 1 <= D <= %lld",
                 (long long)args->N, (long long)args->D, (long long)max_D);
    return LEIT_OK;
}

LEIT_DECLARE_OP(layernorm)

#endif

/* layernorm: y = (s - mean(s)) * rstd(s) * w + b with s = dropout(x) + residual, row by row.
 *   x, residual  (N, D)  residual may be NULL; y may alias residual, and x where there is a
 *                        residual or no backward follows; sum may alias nothing
 *   w, b         (D)
 *   y            (N, D)
 *   sum          (N, D)  s, kept for the backward; unused (x itself) when residual is NULL
 *   mean, rstd   (N)     written forward, read backward; rstd = 1 / sqrt(var + epsilon), biased var
 *   dy           (N, D)  in
 *   dx           (N, D)  written
 *   dresidual    (N, D)  written: dx before its dropout
 *   dw, db       (D)     accumulated
 *   n_rows       rows that hold data, NULL: N
 *   dropout      as in dropout.h: x is kept, and scaled by 1 / (1 - dropout), or 0, by the draw of its
 *                element from `stream`; `random` may be NULL when dropout is 0
 *   Limits       N >= 0, 1 <= D <= 65536, no divisibility rule; 0 <= dropout < 1, and 0 without a
 *                residual.
 *   Error        at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable   bit for bit, for any number of threads.
 *   Source       Ba et al., "Layer Normalization" (2016), equations 3 and 4.
 */
#ifndef LEIT_KERNELS_LAYERNORM_H
#define LEIT_KERNELS_LAYERNORM_H

#include "kernels/op.h"

struct leit_layernorm {
    int64_t N, D;
    float epsilon, dropout;
    uint32_t stream;
    const leit_random *random;
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
    LEIT_FAIL_IF(!(args->dropout >= 0.0f && args->dropout < 1.0f) ||
                     (args->dropout > 0.0f && (args->residual == NULL || args->random == NULL)),
                 LEIT_INTERNAL,
                 "layernorm: dropout is %g, expected 0, or less than 1 with a residual and draws",
                 (double)args->dropout);
    return LEIT_OK;
}

LEIT_DECLARE_OP(layernorm)

#endif

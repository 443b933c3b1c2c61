/* dropout: y = x / (1 - p) where an element is kept, 0 where it is dropped.
 *   x, y        (N, D)   y may alias x
 *   dy          (N, D)   in
 *   dx          (N, D)   written; the same draws, made again; may alias dy
 *   random      seed and step; may be NULL when p is 0
 *   n_rows      rows that hold data, NULL: N
 *   Draws       element i = n D + d is kept when its uniform >= p; the uniform comes from word
 *               i % 4 of the Philox block {i / 4, 0, step, stream}.
 *   Limits      N >= 0, D >= 1, N D <= 2^34, 0 <= p < 1.
 *   Error       one rounding of 1 / (1 - p) and one of the product.
 *   Repeatable  bit for bit.
 */
#ifndef LEIT_KERNELS_DROPOUT_H
#define LEIT_KERNELS_DROPOUT_H

#include "kernels/op.h"

struct leit_dropout {
    int64_t N, D;
    float p;
    uint32_t stream;
    const leit_random *random;
    const int32_t *n_rows;
    const float *x;
    float *y;
    const float *dy;
    float *dx;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_dropout_check(const struct leit_dropout *args)
{
    const int64_t most = (int64_t)1 << 34; /* of elements: 32 bits count blocks of 4 */
    LEIT_TRY(leit_check_matrix("dropout", args->N, args->D));
    LEIT_FAIL_IF(args->N > most / args->D, LEIT_INTERNAL,
                 "dropout: %lld rows of %lld elements, expected at most 2^34 in all",
                 (long long)args->N, (long long)args->D);
    LEIT_FAIL_IF(!(args->p >= 0.0f && args->p < 1.0f), LEIT_INTERNAL,
                 "dropout: p is %g, expected 0 <= p < 1", (double)args->p);
    LEIT_FAIL_IF(args->p > 0.0f && args->random == NULL, LEIT_INTERNAL,
                 "dropout: p is %g and random is NULL", (double)args->p);
    return LEIT_OK;
}

LEIT_DECLARE_OP(dropout)

#endif

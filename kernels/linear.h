/* linear: y = activation(x w^T + b), the layout of torch.nn.Linear.
 *   x            (N, D)
 *   w            (K, D)
 *   b            (K)          NULL: none
 *   y            (N, K)
 *   pre          (N, K)       x w^T + b, written forward, read backward; unused (NULL) when the
 *                             activation is NONE; with RELU it may be y itself
 *   dy           (N, K)       in
 *   dx           (N, D)       written, added where adds_dx; NULL: not wanted
 *   dw, db       (K, D), (K)  accumulated; NULL: not wanted
 *   n_rows       rows that hold data, NULL: N
 *   Limits       N >= 0, 1 <= D, K <= 1e6, no divisibility rule.
 *   Error        at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable   bit for bit, for any number of threads.
 */
#ifndef LEIT_KERNELS_LINEAR_H
#define LEIT_KERNELS_LINEAR_H

#include <stdbool.h>

#include "kernels/op.h"

struct leit_linear {
    int64_t N, D, K;
    enum leit_activation activation;
    bool adds_dx;
    const int32_t *n_rows;
    const float *x, *w, *b;
    float *y, *pre;
    const float *dy;
    float *dx, *dw, *db;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_linear_check(const struct leit_linear *args)
{
    const int64_t max_width = 1000000;
    LEIT_FAIL_IF(args->N < 0 || args->D < 1 || args->D > max_width || args->K < 1 ||
                     args->K > max_width,
                 LEIT_INTERNAL,
                 "linear: N is %lld, D is %lld, K is %lld, expected N >= 0, D and K 1 to %lld",
                 (long long)args->N, (long long)args->D, (long long)args->K, (long long)max_width);
    LEIT_FAIL_IF(args->activation != LEIT_ACTIVATION_NONE && args->pre == NULL, LEIT_INTERNAL,
                 "linear: an activation needs the buffer pre");
    return LEIT_OK;
}

LEIT_DECLARE_OP(linear)

#endif

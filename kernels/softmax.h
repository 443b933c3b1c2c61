/* Softmax of one row: of cross entropy and focal loss in float, with their labels, and the log of it
 * in double for answers that are compared. */
#ifndef LEIT_KERNELS_SOFTMAX_H
#define LEIT_KERNELS_SOFTMAX_H

#include <math.h>

#include "kernels/op.h"

static inline leit_status leit_check_labels(const char *op, const int32_t *labels, int64_t n,
                                            int64_t K)
{
    for (int64_t i = 0; i < n; i++)
        LEIT_FAIL_IF(labels[i] < 0 || labels[i] >= K, LEIT_INTERNAL,
                     "%s: label %lld is %d, expected 0 to %lld", op, (long long)i, labels[i],
                     (long long)K - 1);
    return LEIT_OK;
}

/* Writes softmax(x) of K logits to p (NULL: not wanted) and returns log p[label], from the logits
 * so that a small p loses nothing. fmaxf passes over a NaN, the sum does not. */
static inline float leit_softmax_row(const float *x, int64_t K, int64_t label, float *p)
{
    float largest = x[0], total = 0.0f;
    for (int64_t k = 1; k < K; k++) largest = fmaxf(largest, x[k]);
    for (int64_t k = 0; k < K; k++) {
        const float weight = expf(x[k] - largest);
        total += weight;
        if (p != NULL) p[k] = weight;
    }
    for (int64_t k = 0; p != NULL && k < K; k++) p[k] /= total;
    return x[label] - largest - logf(total);
}

/* log_p = log softmax(x) of K logits, through double; log_p may be x. The largest term is exactly
 * 1: log1p of the others keeps what 1 + others would lose. */
static inline void leit_log_softmax_row(const float *x, int64_t K, float *log_p)
{
    int64_t largest = 0;
    for (int64_t k = 1; k < K; k++)
        if (x[k] > x[largest]) largest = k;
    const double top = x[largest];
    double others = 0.0;
    for (int64_t k = 0; k < K; k++)
        if (k != largest) others += exp((double)x[k] - top);
    const double log_sum = log1p(others);
    for (int64_t k = 0; k < K; k++) log_p[k] = (float)((double)x[k] - top - log_sum);
}

#endif

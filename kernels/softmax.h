/* Softmax of one row, shared by cross entropy and focal loss. */
#ifndef LEIT_KERNELS_SOFTMAX_H
#define LEIT_KERNELS_SOFTMAX_H

#include <math.h>
#include <stdint.h>

/* Writes softmax(x) of K logits to p and returns log p[label], from the logits so that a small p
 * loses nothing. */
static inline float leit_softmax_row(const float *x, int64_t K, int64_t label, float *p)
{
    float largest = x[0];
    for (int64_t k = 1; k < K; k++) largest = fmaxf(largest, x[k]);
    float total = 0.0f;
    for (int64_t k = 0; k < K; k++) total += p[k] = expf(x[k] - largest);
    for (int64_t k = 0; k < K; k++) p[k] /= total;
    return x[label] - largest - logf(total);
}

#endif

/* What ops that a library computes do before and behind it: libraries know no counts in memory. What goes
 * in is a copy that is zero behind the count, and what comes out goes into the workspace, from where
 * the rows that count are taken. */
#ifndef LEIT_KERNELS_LIBRARY_ROWS_CUH
#define LEIT_KERNELS_LIBRARY_ROWS_CUH

#include "kernels/activation.cuh"

/* to (N, width) = from activation'(pre) in the rows that hold data, and 0 in the others. */
static __global__ void complete_rows(int64_t N, int64_t width, const int32_t *n_rows,
                                     enum leit_activation activation, const float *pre,
                                     const float *from, float *to)
{
    const int64_t i = leit_element();
    if (i < leit_device_rows(n_rows, N) * width)
        to[i] = leit_activation_gradient(activation, pre == nullptr ? 0.0f : pre[i], from[i]);
    else if (i < N * width)
        to[i] = 0.0f;
}

static __global__ void take_rows(int64_t N, int64_t width, const int32_t *n_rows, const float *from,
                                 bool is_added, float *to)
{
    const int64_t i = leit_element();
    if (i < leit_device_rows(n_rows, N) * width) to[i] = is_added ? to[i] + from[i] : from[i];
}

#endif

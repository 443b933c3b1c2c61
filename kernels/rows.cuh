/* Ops on rows, one warp each: which row is whose, and sums along it. */
#ifndef LEIT_KERNELS_ROWS_CUH
#define LEIT_KERNELS_ROWS_CUH

#include "kernels/leit_cuda.h"

enum { LEIT_ROW_THREADS = 256, LEIT_ROWS_PER_BLOCK = LEIT_ROW_THREADS / LEIT_WARP };

static inline unsigned leit_row_blocks(int64_t n_rows)
{
    return (unsigned)leit_pieces(n_rows, LEIT_ROWS_PER_BLOCK);
}

/* The row of this warp; the same for all of its lanes. */
LEIT_DEVICE_FUNCTION int64_t leit_warp_row()
{
    return (int64_t)blockIdx.x * LEIT_ROWS_PER_BLOCK + threadIdx.x / LEIT_WARP;
}

LEIT_DEVICE_FUNCTION int leit_lane()
{
    return (int)threadIdx.x % LEIT_WARP;
}

/* The sum of x[i] y[i], the same bits in every lane. */
LEIT_DEVICE_FUNCTION float leit_warp_dot(const float *x, const float *y, int64_t n)
{
    float sum = 0.0f;
    for (int64_t i = leit_lane(); i < n; i += LEIT_WARP) sum += x[i] * y[i];
    return leit_warp_sum(sum);
}

#endif

/* Small launches through kernels/leit_sm90.cuh, for sm90_cases.c. All arrays are device memory. */
#ifndef LEIT_TESTS_SM90_KERNELS_H
#define LEIT_TESTS_SM90_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/check.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the device has compute capability 9.0; the emulator does. */
bool sm90_is_here(void);

/* c (M, N) = a (M, K) b (N, K)^T in bf16 (as its bits) or tf32 (floats), tiles of 64 x 64 or 64 x 256: a warp asks
 * for boxes, a warpgroup multiplies them, three stages between. Rows of a and b are multiples of 16 bytes. */
typedef struct sm90_product {
    int M, N, K, is_bf16, is_wide;
    const void *a, *b;
    float *c;
} sm90_product;
leit_status sm90_multiply(const sm90_product *p);

/* to (8, 32) = the box of the matrix (rows, columns) of floats at (row, column); zeros outside of it. */
typedef struct sm90_box {
    int rows, columns, row, column;
    const float *matrix;
    float *to;
} sm90_box;
leit_status sm90_copy_box(const sm90_box *box);

/* c (64, 64) = a (64, 64) b (64, 64)^T, bf16 as its bits: threads write a and b into shared memory. */
leit_status sm90_multiply_written(const uint16_t *a, const uint16_t *b, float *c);

/* sums[i] of 32: 1 + 2 + ... + n_rounds. One warp adds the number of each round in shared memory, the other reads
 * it; barriers hand it over, back and forth. */
leit_status sm90_hand_over(int n_rounds, int *sums);

#ifdef __cplusplus
}
#endif

#endif

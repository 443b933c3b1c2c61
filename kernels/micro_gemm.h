/* The innermost loop of every matrix product: a block of C of 6 x 16 that stays in registers.
 *
 * GCC vector extensions: the compiler turns a float8 into one AVX register, or into two halves
 * where there are none. Loads and stores need no alignment. */
#ifndef LEIT_KERNELS_MICRO_GEMM_H
#define LEIT_KERNELS_MICRO_GEMM_H

#include <stdbool.h>
#include <stdint.h>

enum { LEIT_MICRO_ROWS = 6, LEIT_MICRO_COLUMNS = 16 };

typedef float leit_float8 __attribute__((vector_size(32), aligned(4), may_alias));

/* Packs n rows (transposed: the source is (n, K)) or n columns (the source is (K, n)) into panels
 * of `width` (LEIT_MICRO_ROWS or LEIT_MICRO_COLUMNS), one behind the other, K x width each, zeros
 * where the last one has no more: panel[k * width + i] = source(start of the panel + i, k). Panels
 * of LEIT_MICRO_ROWS need room for LEIT_PACK_SLACK floats behind the last. */
enum { LEIT_PACK_SLACK = 8 };
void leit_pack_panels(float *panels, int64_t width, bool transposed, const float *source,
                      int64_t stride, int64_t n, int64_t K);

struct leit_micro {
    leit_float8 sum[LEIT_MICRO_ROWS][2];
};

/* sum[r][c] = sum over k < K of a[r * a_row + k * a_k] * b[k * b_k + c] for 6 rows and 16 columns,
 * k ascending: the order that makes every element's bits independent of the tile it lies in. */
static inline __attribute__((always_inline)) void leit_micro_product(struct leit_micro *micro,
                                                                     int64_t K, const float *a,
                                                                     int64_t a_row, int64_t a_k,
                                                                     const float *b, int64_t b_k)
{
    leit_float8 sum[LEIT_MICRO_ROWS][2] = {0};
    for (int64_t k = 0; k < K; k++, a += a_k, b += b_k) {
        const leit_float8 left = *(const leit_float8 *)b, right = *(const leit_float8 *)(b + 8);
#pragma GCC unroll 6
        for (int r = 0; r < LEIT_MICRO_ROWS; r++) {
            const float factor = a[r * a_row];
            sum[r][0] += factor * left;
            sum[r][1] += factor * right;
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < LEIT_MICRO_ROWS; r++) {
        micro->sum[r][0] = sum[r][0];
        micro->sum[r][1] = sum[r][1];
    }
}

#endif

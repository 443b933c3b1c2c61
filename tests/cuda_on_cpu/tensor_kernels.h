/* Small products through kernels/leit_mma.cuh, for test_tensor_cores.c. All pointers are device memory. */
#ifndef LEIT_TESTS_TENSOR_KERNELS_H
#define LEIT_TESTS_TENSOR_KERNELS_H

#include <stdint.h>

#include "core/check.h"
#include "kernels/op.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TENSOR_ROWS = 16, TENSOR_COLUMNS = 8, TENSOR_DEPTH = 16 };

/* c (16, 8) = a (M, K) b, where the rows of a from M on count as 0; K is a multiple of 8. b is
 * (K, 8), or (8, K) when it is transposed. bf16 as its bits. */
typedef struct tensor_product {
    int M, K, b_is_transposed;
    const uint16_t *a, *b;
    float *c;
} tensor_product;
leit_status tensor_product_bf16(const tensor_product *p);

/* c (16, 8) = a (16, 8) b (8, 8) in tf32. */
leit_status tensor_product_tf32(const float *a, const float *b, float *c);

/* c (M, N) = a (M, K) b (N, K)^T by one tile of kernels/gemm_fast.cuh, 128 x 128 when it is large and
 * 64 x 64 otherwise. A side that is not along k is stored (K, M), (K, N). */
typedef struct tensor_tile {
    int M, N, K, is_large, a_along_k, b_along_k;
    enum leit_precision precision;
    const float *a, *b;
    float *c;
} tensor_tile;
leit_status tensor_tile_product(const tensor_tile *p);

/* n values converted; pair[i] has value i in the lower half and value n - 1 - i in the upper. */
typedef struct tensor_conversion {
    int n;
    const float *values;
    uint16_t *bf16;
    float *back;
    uint32_t *pair, *tf32;
} tensor_conversion;
leit_status tensor_convert(const tensor_conversion *c);

/* Matrices of 8 x 8 halves as they come out of ldmatrix: (4, 8, 8) in, and per kind of load 32 lanes
 * of words: x1, x2, x4, then the same transposed: n_words per lane are 1, 2, 4, 1, 2, 4. */
leit_status tensor_load(const uint16_t *matrices, uint32_t *words);

/* 4, 8 and 16 bytes at a time: 128 floats from `from` to `to`, but zeros for the last quarter. */
leit_status tensor_copy(const float *from, float *to);

#ifdef __cplusplus
}
#endif

#endif

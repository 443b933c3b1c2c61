/* Dense matrix products: C = alpha op(A) op(B) + beta C, row-major f32.
 *
 *   op(A)   (M, K)   stored (M, K) with row stride lda, or (K, M) when transpose_a
 *   op(B)   (K, N)   stored (K, N) with row stride ldb, or (N, K) when transpose_b
 *   C       (M, N)   row stride ldc; not read when beta is 0; must not overlap A or B
 *
 * An element of C is a sum over k in ascending order, in blocks whose borders depend on K alone:
 * its bits do not depend on the number of threads, nor on the tile it lies in. M, N and K may be 0
 * (K = 0 leaves beta C). No workspace: packed panels live in 0.5 MiB of thread-local memory.
 */
#ifndef LEIT_KERNELS_GEMM_H
#define LEIT_KERNELS_GEMM_H

#include <stdbool.h>

#include "kernels/blocks.h"
#include "kernels/op.h"

/* Called for each finished tile of C, on the thread that computed it, while the tile is still in
 * its cache: bias, activation. */
typedef void leit_gemm_epilogue(void *context, leit_range rows, leit_range columns);

struct leit_gemm {
    int64_t M, N, K;
    bool transpose_a, transpose_b;
    float alpha, beta;
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc;
    leit_gemm_epilogue *epilogue; /* NULL: none */
    void *context;
};

/* Cuts C into tiles and runs them on `threads` (NULL: the caller). LEIT_INTERNAL when a size is
 * negative or a stride shorter than a row. */
leit_status leit_gemm_run(leit_threads *threads, const struct leit_gemm *gemm);

/* The product on the calling thread, for ops whose tasks contain products: same bits. Sizes and
 * strides are trusted. */
void leit_gemm_tile(const struct leit_gemm *gemm);

#endif

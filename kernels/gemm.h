/* Dense matrix products: C = alpha op(A) op(B) + beta C, row-major f32. The one seam to BLAS.
 *
 *   op(A)   (M, K)   stored (M, K) with row stride lda, or (K, M) when transpose_a
 *   op(B)   (K, N)   stored (K, N) with row stride ldb, or (N, K) when transpose_b
 *   C       (M, N)   row stride ldc; not read when beta is 0; must not overlap A or B
 *
 * C is cut into tiles whose borders depend on M, N and K alone, and one task computes a tile over
 * the whole of K: the bits of C do not depend on the number of threads. M, N and K may be 0 (K = 0
 * leaves beta C); a stride is at most 2^31 - 1.
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

/* Runs the tiles on `threads`. LEIT_INTERNAL when a size is negative or a stride too short or too
 * long. */
leit_status leit_gemm_run(leit_threads *threads, const struct leit_gemm *gemm);

/* The whole product as one tile on the calling thread: for ops whose tasks contain products. The
 * sizes are trusted to satisfy the limits above. */
void leit_gemm_tile(const struct leit_gemm *gemm);

#endif

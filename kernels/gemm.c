#include "kernels/gemm.h"

#include <limits.h>
#include <string.h>

#include "kernels/micro_gemm.h"

/* C = alpha op(A) op(B) + beta C, blocked as in Goto and van de Geijn, "Anatomy of High-Performance
 * Matrix Multiplication" (2008). A task owns a tile of C. It walks over K in blocks of at most
 * BLOCK_K; for each it packs its columns of B into panels 16 wide (one panel of 16 KiB stays in the
 * first-level cache while all rows pass by) and its rows of A into panels 6 high (BLOCK_M of them
 * stay in the second-level cache). Panels are padded with zeros, so that one micro-kernel serves
 * the edges too.
 *
 * Why not BLAS: Debian's serial OpenBLAS 0.3.21 is built without locks and hands one packing buffer
 * to two callers, so that products computed side by side come out wrong (the tests of test_gemm.c
 * failed on it); a threaded build would bring threads and cuts of its own. The speed is about the
 * same: on one core of a shared Zen 3, both give 75 to 90 GFLOP/s on the products of a transformer
 * of width 384 and their gradients, from run to run. */
enum {
    BLOCK_M = 132,
    BLOCK_K = 256,
    TILE_ROWS = 264,
    TILE_COLUMNS = 384,
    SMALLEST = 48,
    MR = LEIT_MICRO_ROWS,
    NR = LEIT_MICRO_COLUMNS
};

static _Thread_local struct {
    float a[BLOCK_M * BLOCK_K + LEIT_PACK_SLACK], b[TILE_COLUMNS * BLOCK_K + LEIT_PACK_SLACK];
} packed __attribute__((aligned(64)));

/* ---- one tile ---- */

static void copy_block(float *to, int64_t to_stride, const float *from, int64_t from_stride,
                       int64_t rows, int64_t columns)
{
    for (int64_t r = 0; r < rows; r++)
        memcpy(to + r * to_stride, from + r * from_stride, (size_t)columns * sizeof(float));
}

/* C = alpha sum + beta C for the rows and columns of the block that exist. An incomplete block goes
 * through a copy, so that the same instructions round every element. */
static void store_block(const struct leit_micro *micro, float alpha, float beta, float *c,
                        int64_t ldc, int64_t rows, int64_t columns)
{
    float copy[MR * NR];
    const bool whole = rows == MR && columns == NR;
    float *block = whole ? c : copy;
    const int64_t stride = whole ? ldc : NR;
    if (!whole && beta != 0.0f) {
        memset(copy, 0, sizeof copy);
        copy_block(copy, NR, c, ldc, rows, columns);
    }
    for (int r = 0; r < MR; r++)
        for (int half = 0; half < 2; half++) {
            leit_float8 *to = (leit_float8 *)(block + r * stride + half * 8);
            leit_float8 value = alpha * micro->sum[r][half];
            if (beta != 0.0f) value += beta * *to;
            *to = value;
        }
    if (!whole) copy_block(c, ldc, copy, NR, rows, columns);
}

/* All products of the packed panels of A (M rows) with those of B (N columns). */
static void multiply_panels(int64_t M, int64_t N, int64_t K, float alpha, float beta, float *c,
                            int64_t ldc)
{
    for (int64_t n = 0; n < N; n += NR)
        for (int64_t m = 0; m < M; m += MR) {
            struct leit_micro micro;
            leit_micro_product(&micro, K, packed.a + m * K, 1, MR, packed.b + n * K, NR);
            store_block(&micro, alpha, beta, c + m * ldc + n, ldc, M - m < MR ? M - m : MR,
                        N - n < NR ? N - n : NR);
        }
}

/* Parts of about equal size, at most `limit` and a multiple of `grain`. */
static int64_t even_part(int64_t n, int64_t limit, int64_t grain)
{
    const int64_t parts = leit_blocks(n, limit);
    return parts == 0 ? grain : leit_blocks(leit_blocks(n, parts), grain) * grain;
}

static void scale_tile(const struct leit_gemm *gemm, leit_range rows, leit_range columns)
{
    for (int64_t m = rows.begin; m < rows.end; m++)
        for (int64_t n = columns.begin; n < columns.end; n++) {
            float *c = gemm->c + m * gemm->ldc + n;
            *c = gemm->beta == 0.0f ? 0.0f : gemm->beta * *c;
        }
}

/* columns at most TILE_COLUMNS wide */
static void compute_tile(const struct leit_gemm *gemm, leit_range rows, leit_range columns)
{
    const int64_t N = columns.end - columns.begin;
    const int64_t block_k = even_part(gemm->K, BLOCK_K, 8);
    const int64_t block_m = even_part(rows.end - rows.begin, BLOCK_M, MR);
    const float *a = gemm->a + rows.begin * (gemm->transpose_a ? 1 : gemm->lda);
    const float *b = gemm->b + columns.begin * (gemm->transpose_b ? gemm->ldb : 1);
    if (gemm->K == 0) scale_tile(gemm, rows, columns);
    for (int64_t k = 0; k < gemm->K; k += block_k) {
        const int64_t K = gemm->K - k < block_k ? gemm->K - k : block_k;
        leit_pack_panels(packed.b, NR, gemm->transpose_b,
                         b + k * (gemm->transpose_b ? 1 : gemm->ldb), gemm->ldb, N, K);
        for (int64_t m = 0; m < rows.end - rows.begin; m += block_m) {
            leit_range block = leit_block_range(m / block_m, rows.end - rows.begin, block_m);
            const int64_t M = block.end - block.begin;
            const float *corner = gemm->transpose_a ? a + k * gemm->lda + m : a + m * gemm->lda + k;
            leit_pack_panels(packed.a, MR, !gemm->transpose_a, corner, gemm->lda, M, K);
            multiply_panels(M, N, K, gemm->alpha, k == 0 ? gemm->beta : 1.0f,
                            gemm->c + (rows.begin + m) * gemm->ldc + columns.begin, gemm->ldc);
        }
    }
    if (gemm->epilogue != NULL) gemm->epilogue(gemm->context, rows, columns);
}

/* ---- all tiles ---- */

struct tiling {
    const struct leit_gemm *gemm;
    int64_t rows, columns, columns_of_tiles; /* of a tile; tiles side by side */
};

static int64_t count_tiles(const struct tiling *tiling)
{
    return leit_blocks(tiling->gemm->M, tiling->rows) *
           leit_blocks(tiling->gemm->N, tiling->columns);
}

/* Large tiles pack less; there should be a few for each thread. */
static struct tiling choose_tiles(const struct leit_gemm *gemm, int n_workers)
{
    struct tiling tiling = {.gemm = gemm,
                            .rows = even_part(gemm->M, TILE_ROWS, MR),
                            .columns = even_part(gemm->N, TILE_COLUMNS, NR)};
    const int64_t wanted = n_workers == 1 ? 1 : 4 * n_workers;
    while (count_tiles(&tiling) < wanted) {
        const bool rows_can = tiling.rows > SMALLEST, columns_can = tiling.columns > SMALLEST;
        if (!rows_can && !columns_can) break;
        if (rows_can && (2 * tiling.rows > tiling.columns || !columns_can))
            tiling.rows = even_part(tiling.rows, tiling.rows / 2, MR);
        else
            tiling.columns = even_part(tiling.columns, tiling.columns / 2, NR);
    }
    tiling.columns_of_tiles = leit_blocks(gemm->N, tiling.columns);
    return tiling;
}

static void tile_task(void *context, int64_t tile, int worker)
{
    (void)worker;
    const struct tiling *tiling = context;
    const int64_t across = tiling->columns_of_tiles;
    compute_tile(tiling->gemm, leit_block_range(tile / across, tiling->gemm->M, tiling->rows),
                 leit_block_range(tile % across, tiling->gemm->N, tiling->columns));
}

static leit_status check(const struct leit_gemm *gemm)
{
    LEIT_FAIL_IF(gemm->M < 0 || gemm->N < 0 || gemm->K < 0, LEIT_INTERNAL,
                 "gemm: M is %lld, N is %lld, K is %lld, expected 0 or more", (long long)gemm->M,
                 (long long)gemm->N, (long long)gemm->K);
    LEIT_FAIL_IF(gemm->lda < (gemm->transpose_a ? gemm->M : gemm->K) ||
                     gemm->ldb < (gemm->transpose_b ? gemm->K : gemm->N) || gemm->ldc < gemm->N,
                 LEIT_INTERNAL,
                 "gemm: strides are %lld, %lld and %lld, expected at least a row of the matrix",
                 (long long)gemm->lda, (long long)gemm->ldb, (long long)gemm->ldc);
    return LEIT_OK;
}

leit_status leit_gemm_run(leit_threads *threads, const struct leit_gemm *gemm)
{
    LEIT_TRY(check(gemm));
    if (gemm->M == 0 || gemm->N == 0) return LEIT_OK;
    struct tiling tiling = choose_tiles(gemm, leit_threads_count(threads));
    leit_threads_run(threads, count_tiles(&tiling), tile_task, &tiling);
    return LEIT_OK;
}

void leit_gemm_tile(const struct leit_gemm *gemm)
{
    (void)leit_gemm_run(NULL, gemm);
}

/* A tiled product in fp32, the textbook one: a block of threads computes TILE x TILE elements of
 * A B^T, reading DEPTH columns of both sides into shared memory at a time; a thread has SHARE x SHARE
 * of the elements in registers. Each element is one sum in the order of k, whatever the grid.
 *
 * linear's products, attention's, and the scores of a search are calls of leit_tile_product. */
#ifndef LEIT_KERNELS_GEMM_CUH
#define LEIT_KERNELS_GEMM_CUH

#include "kernels/leit_cuda.h"

enum { LEIT_TILE = 64, LEIT_TILE_DEPTH = 16, LEIT_TILE_SIDE = 16, LEIT_TILE_SHARE = 4 };
enum { LEIT_TILE_THREADS = LEIT_TILE_SIDE * LEIT_TILE_SIDE };

/* n rows of any matrix in memory: element k of row i is data[i * row_step + k * k_step]. One of the
 * steps is 1, and the matrix is read along it. */
struct leit_rows_view {
    const float *data;
    int64_t n, row_step, k_step;
};

/* Rows first to first + TILE of the view, columns k to k + DEPTH; zeros outside of n and end_k. Two
 * floats behind each row of the tile: the 32 lanes that write it meet 32 banks. */
LEIT_DEVICE_FUNCTION void leit_load_tile(float (&tile)[LEIT_TILE_DEPTH][LEIT_TILE + 2],
                                         const leit_rows_view &view, int64_t first, int64_t k,
                                         int64_t end_k)
{
    for (int e = (int)threadIdx.x; e < LEIT_TILE * LEIT_TILE_DEPTH; e += LEIT_TILE_THREADS) {
        const bool is_along_k = view.k_step == 1;
        const int row = is_along_k ? e / LEIT_TILE_DEPTH : e % LEIT_TILE;
        const int column = is_along_k ? e % LEIT_TILE_DEPTH : e / LEIT_TILE;
        const bool is_inside = first + row < view.n && k + column < end_k;
        tile[column][row] =
            is_inside ? view.data[(first + row) * view.row_step + (k + column) * view.k_step]
                      : 0.0f;
    }
}

/* This thread's share of a tile: a loop over sum[r][c], unrolled so that sum stays in registers, and
 * the rows and columns of the tile that they belong to. */
#define LEIT_EACH_SHARE(r, c)                                                                      \
    LEIT_UNROLL                                                                                    \
    for (int r = 0; r < LEIT_TILE_SHARE; r++) LEIT_UNROLL                                          \
    for (int c = 0; c < LEIT_TILE_SHARE; c++)

LEIT_DEVICE_FUNCTION int leit_tile_row(int share)
{
    return (int)threadIdx.x / LEIT_TILE_SIDE + share * LEIT_TILE_SIDE;
}

LEIT_DEVICE_FUNCTION int leit_tile_column(int share)
{
    return (int)threadIdx.x % LEIT_TILE_SIDE + share * LEIT_TILE_SIDE;
}

typedef float leit_tile_sum[LEIT_TILE_SHARE][LEIT_TILE_SHARE];

/* sum[r][c] += the product, over k < K, of row a_first + leit_tile_row(r) of a and row b_first +
 * leit_tile_column(c) of b. All LEIT_TILE_THREADS threads of the block call it; what they wrote into
 * shared memory before can be read as a or b. */
LEIT_DEVICE_FUNCTION void leit_tile_product(leit_tile_sum &sum, const leit_rows_view &a,
                                            int64_t a_first, const leit_rows_view &b,
                                            int64_t b_first, int64_t K)
{
    LEIT_SHARED(float, tile_a, [LEIT_TILE_DEPTH][LEIT_TILE + 2]);
    LEIT_SHARED(float, tile_b, [LEIT_TILE_DEPTH][LEIT_TILE + 2]);
    const int row = leit_tile_row(0), column = leit_tile_column(0);
    for (int64_t k = 0; k < K; k += LEIT_TILE_DEPTH) {
        __syncthreads(); /* the tiles before have been read, a and b written */
        leit_load_tile(tile_a, a, a_first, k, K);
        leit_load_tile(tile_b, b, b_first, k, K);
        __syncthreads();
        LEIT_UNROLL
        for (int depth = 0; depth < LEIT_TILE_DEPTH; depth++) {
            LEIT_EACH_SHARE (r, c)
                sum[r][c] += tile_a[depth][row + r * LEIT_TILE_SIDE] *
                             tile_b[depth][column + c * LEIT_TILE_SIDE];
        }
    }
}

/* The tile of a block in a grid of leit_tile_blocks(M, N) blocks: its first row and column. Tiles
 * beside each other read the same rows of a. */
struct leit_tile_place {
    int64_t row, column;
};

LEIT_DEVICE_FUNCTION leit_tile_place leit_tile_of_block(int64_t N)
{
    const int64_t across = (N + LEIT_TILE - 1) / LEIT_TILE;
    return {blockIdx.x / across * LEIT_TILE, blockIdx.x % across * LEIT_TILE};
}

static inline unsigned leit_tile_blocks(int64_t M, int64_t N)
{
    return (unsigned)(leit_pieces(M, LEIT_TILE) * leit_pieces(N, LEIT_TILE));
}

#endif

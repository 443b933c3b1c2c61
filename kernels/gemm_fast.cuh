/* The tile product of the fast kernels: 128 threads compute a tile of A B^T from arrays of fp32, with
 * operands as precise as the caller's template parameter says (enum leit_precision).
 *
 * Both sides come into shared memory by cp.async, LEIT_FAST_DEPTH columns of k to a stage, and
 * LEIT_FAST_STAGES - 1 stages are on their way while one is multiplied. Four warps, two by two, own a
 * quarter of the tile each, in fragments of 16 x 8 elements: a fragment is what one mma.sync sums into
 * (leit_mma.cuh has the places of its elements), and fp32 keeps to the same places with plain FMA.
 *
 * Elements are rounded on their way from shared memory into registers, so that arrays stay fp32 and
 * one layout serves all precisions. What a lane needs of a row is always a `quad`, four neighbours in
 * k, one load of 16 bytes: a sum does not care which k is called which, so lane i of a group takes
 * k = 4 i .. 4 i + 3 where the manual says 2 i, 2 i + 1, 2 i + 8, 2 i + 9, on both sides alike. Tiles are
 * permuted so that neither copies nor loads meet in a bank (leit_fast_place).
 *
 * Each element is one sum in an order that depends on the tile's shape alone. */
#ifndef LEIT_KERNELS_GEMM_FAST_CUH
#define LEIT_KERNELS_GEMM_FAST_CUH

#include "kernels/op.h"
#include "kernels/quad_copies.cuh"

enum {
    LEIT_FAST_THREADS = 128,
    LEIT_FAST_DEPTH = 32, /* 128 bytes of a row */
    LEIT_FAST_STAGES = 3,
    LEIT_QUADS = LEIT_FAST_DEPTH / LEIT_QUAD
};

/* A tile by the fragments of one warp: fewest loads for a product where the tile is large, more
 * blocks where it is small. */
template <int m, int n>
struct leit_fast_tile {
    enum { M = m, N = n, ROWS = 2 * 16 * m, COLUMNS = 2 * 8 * n };
    enum { STAGE = (ROWS + COLUMNS) * LEIT_FAST_DEPTH, SHARED_FLOATS = LEIT_FAST_STAGES * STAGE };
    enum { PITCH = COLUMNS + 8 };    /* of leit_fast_lay_down */
    enum { BLOCKS = n > 4 ? 2 : 4 }; /* that share a multiprocessor: what __launch_bounds__ hears */
    typedef float sum[m][n][4];
};
typedef leit_fast_tile<4, 8> leit_large_tile; /* 128 x 128, 96 KiB of shared memory */
typedef leit_fast_tile<2, 4> leit_small_tile; /* 64 x 64, 48 KiB */

/* A loop over sum[m][n][e], unrolled so that it stays in registers. */
#define LEIT_EACH_ELEMENT(Tile, m, n, e)                                                           \
    LEIT_UNROLL                                                                                    \
    for (int m = 0; m < Tile::M; m++) LEIT_UNROLL                                                  \
    for (int n = 0; n < Tile::N; n++) LEIT_UNROLL                                                  \
    for (int e = 0; e < 4; e++)

/* The row and the column of the tile that this thread's sum[m][n][e] belongs to. */
template <class Tile>
LEIT_DEVICE_FUNCTION int leit_fast_row(int m, int e)
{
    const int warp = (int)threadIdx.x / LEIT_WARP, group = (int)threadIdx.x % LEIT_WARP / 4;
    return (warp / 2 * Tile::M + m) * 16 + e / 2 * 8 + group;
}

template <class Tile>
LEIT_DEVICE_FUNCTION int leit_fast_column(int n, int e)
{
    const int warp = (int)threadIdx.x / LEIT_WARP, i = (int)threadIdx.x % 4;
    return (warp % 2 * Tile::N + n) * 8 + 2 * i + e % 2;
}

/* Where the quad `chunk` of a row lies, of a tile whose rows have their k side by side. Of the eight
 * rows from a multiple of 8 on each has its quad elsewhere (fp32 reads eight rows at once), and
 * of two neighbours one has the left and one the right half (mma.sync: four quads of two rows). */
LEIT_DEVICE_FUNCTION int leit_fast_place(int row, int chunk)
{
    const int turn = (row & 1) << 2 | (row >> 1 & 3);
    return row * LEIT_FAST_DEPTH + (chunk ^ turn) * LEIT_QUAD;
}

/* The same for element (row, k) where the rows lie side by side, ROWS of them for each k: the four
 * quads of k that a warp reads at once are moved by 8 banks each. */
template <int ROWS>
LEIT_DEVICE_FUNCTION int leit_fast_place_across(int row, int k)
{
    return k * ROWS + (row ^ (k / LEIT_QUAD % 4 * 8));
}

/* One side of a product, rows of a matrix in memory: (row, k) is data[row * step + k], or
 * data[k * step + row] when the rows lie side by side. Any struct with ALONG_K and fetch will do. */
template <bool along_k>
struct leit_fast_rows {
    enum { ALONG_K = along_k };
    const float *data;
    int64_t n, step;   /* rows there are */
    bool are_quads;    /* leit_fast_are_quads */
    int64_t first_row; /* of the tile */

    template <int ROWS>
    __device__ __forceinline__ void fetch(float *tile, int64_t k, int64_t end_k) const;
};

/* Whether a matrix can be copied four floats at a time: `width` floats lie side by side. */
static inline bool leit_fast_are_quads(const float *data, int64_t width, int64_t step)
{
    return (uintptr_t)data % 16 == 0 && width % LEIT_QUAD == 0 && step % LEIT_QUAD == 0;
}

/* What is left of a matrix, as far as a tile can reach. */
enum { LEIT_FAST_MOST = 1 << 20 };

LEIT_DEVICE_FUNCTION int leit_fast_at_most(int64_t left, int most)
{
    return left < most ? (int)left : most;
}

/* Begins the copies of ROWS rows and LEIT_FAST_DEPTH columns of k: zeros from n and end_k on. A
 * thread copies one quad of every STRIDE-th row of memory, whichever of row and k that is. */
template <bool along_k>
template <int ROWS>
__device__ __forceinline__ void leit_fast_rows<along_k>::fetch(float *tile, int64_t k,
                                                               int64_t end_k) const
{
    enum { ACROSS = along_k ? LEIT_QUADS : ROWS / LEIT_QUAD, STRIDE = LEIT_FAST_THREADS / ACROSS };
    const int major = (int)threadIdx.x / ACROSS, minor = (int)threadIdx.x % ACROSS * LEIT_QUAD;
    const int64_t first_major = along_k ? first_row : k, first_minor = along_k ? k : first_row;
    const int majors = leit_fast_at_most((along_k ? n : end_k) - first_major, LEIT_FAST_MOST);
    const int minors =
        leit_fast_at_most((along_k ? end_k : n) - first_minor, LEIT_FAST_MOST) - minor;
    const float *from = data + (first_major + major) * step + first_minor + minor;
    LEIT_UNROLL
    for (int m = major; m < (along_k ? ROWS : (int)LEIT_FAST_DEPTH); m += STRIDE) {
        float *to = tile + (along_k ? leit_fast_place(m, minor / LEIT_QUAD)
                                    : leit_fast_place_across<ROWS>(minor, m));
        leit_copy_quad(to, from, data, are_quads, m < majors ? minors : 0);
        from += STRIDE * step;
    }
}

/* Elements k = 4 chunk .. 4 chunk + 3 of a row of a tile in shared memory. */
template <int ROWS, bool along_k>
LEIT_DEVICE_FUNCTION float4 leit_fast_quad(const float *tile, int row, int chunk)
{
    if (along_k) return *reinterpret_cast<const float4 *>(tile + leit_fast_place(row, chunk));
    const float *quad = tile + leit_fast_place_across<ROWS>(row, chunk * LEIT_QUAD);
    return make_float4(quad[0], quad[ROWS], quad[2 * ROWS], quad[3 * ROWS]);
}

/* d += the products of the quads of rows group and group + 8 of a and of column group of b, summed by
 * the warp: k16 in bf16, twice k8 in tf32. */
template <enum leit_precision precision>
LEIT_DEVICE_FUNCTION void leit_fast_mma(float (&d)[4], const uint32_t (&a)[2][4],
                                        const uint32_t (&b)[4])
{
    if (precision == LEIT_PRECISION_BF16) {
        const uint32_t a_pairs[4] = {a[0][0], a[1][0], a[0][1], a[1][1]}, b_pairs[2] = {b[0], b[1]};
        leit_mma_bf16(d, a_pairs, b_pairs);
    } else {
        LEIT_UNROLL
        for (int half = 0; half < 4; half += 2) {
            const uint32_t a_half[4] = {a[0][half], a[1][half], a[0][half + 1], a[1][half + 1]};
            const uint32_t b_half[2] = {b[half], b[half + 1]};
            leit_mma_tf32(d, a_half, b_half);
        }
    }
}

/* A quad as its precision has it: two words of two bf16, or four of tf32. */
template <enum leit_precision precision>
LEIT_DEVICE_FUNCTION void leit_fast_round(uint32_t (&words)[4], const float4 &quad)
{
    if (precision == LEIT_PRECISION_BF16) {
        words[0] = leit_pack_bf16(quad.x, quad.y);
        words[1] = leit_pack_bf16(quad.z, quad.w);
    } else {
        words[0] = leit_to_tf32(quad.x);
        words[1] = leit_to_tf32(quad.y);
        words[2] = leit_to_tf32(quad.z);
        words[3] = leit_to_tf32(quad.w);
    }
}

/* sum += one stage, on tensor cores: 16 columns of k at a time, four to a lane. */
template <class Tile, enum leit_precision precision, bool a_along_k, bool b_along_k>
LEIT_DEVICE_FUNCTION void leit_fast_stage_mma(typename Tile::sum &sum, const float *a,
                                              const float *b)
{
    const int lane = (int)threadIdx.x % LEIT_WARP, i = lane % 4;
    const int row = leit_fast_row<Tile>(0, 0), column = leit_fast_column<Tile>(0, 0) - 2 * i;
    LEIT_UNROLL
    for (int step = 0; step < LEIT_QUADS / 4; step++) {
        uint32_t a_words[Tile::M][2][4], b_words[4] = {};
        LEIT_UNROLL
        for (int r = 0; r < 2 * Tile::M; r++)
            leit_fast_round<precision>(a_words[r / 2][r % 2], leit_fast_quad<Tile::ROWS, a_along_k>(
                                                                  a, row + 8 * r, 4 * step + i));
        LEIT_UNROLL
        for (int n = 0; n < Tile::N; n++) {
            leit_fast_round<precision>(b_words, leit_fast_quad<Tile::COLUMNS, b_along_k>(
                                                    b, column + 8 * n + lane / 4, 4 * step + i));
            LEIT_UNROLL
            for (int m = 0; m < Tile::M; m++)
                leit_fast_mma<precision>(sum[m][n], a_words[m], b_words);
        }
    }
}

LEIT_DEVICE_FUNCTION float leit_fast_dot(float sum, const float4 &a, const float4 &b)
{
    return sum + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

/* sum += one stage, in fp32: each element is one chain in the order of k. */
template <class Tile, bool a_along_k, bool b_along_k>
LEIT_DEVICE_FUNCTION void leit_fast_stage_fp32(typename Tile::sum &sum, const float *a,
                                               const float *b)
{
    const int row = leit_fast_row<Tile>(0, 0), column = leit_fast_column<Tile>(0, 0);
    for (int chunk = 0; chunk < LEIT_QUADS; chunk++) {
        float4 a_quads[2 * Tile::M];
        LEIT_UNROLL
        for (int r = 0; r < 2 * Tile::M; r++)
            a_quads[r] = leit_fast_quad<Tile::ROWS, a_along_k>(a, row + 8 * r, chunk);
        LEIT_UNROLL
        for (int c = 0; c < 2 * Tile::N; c++) {
            const float4 b_quad =
                leit_fast_quad<Tile::COLUMNS, b_along_k>(b, column + c / 2 * 8 + c % 2, chunk);
            LEIT_UNROLL
            for (int r = 0; r < 2 * Tile::M; r++) {
                float &element = sum[r / 2][c / 2][r % 2 * 2 + c % 2];
                element = leit_fast_dot(element, a_quads[r], b_quad);
            }
        }
    }
}

template <class Tile, enum leit_precision precision, class A, class B>
LEIT_DEVICE_FUNCTION void leit_fast_stage(typename Tile::sum &sum, const float *stage)
{
    const float *a = stage, *b = stage + Tile::ROWS * LEIT_FAST_DEPTH;
    if (precision == LEIT_PRECISION_FP32)
        leit_fast_stage_fp32<Tile, A::ALONG_K, B::ALONG_K>(sum, a, b);
    else
        leit_fast_stage_mma<Tile, precision, A::ALONG_K, B::ALONG_K>(sum, a, b);
}

/* Sums the rows of side a over k as its stages come, where they lie side by side: thread i has row i.
 * Elsewhere nothing is wanted. */
template <class Tile, bool a_along_k>
struct leit_fast_row_sums {
    bool is_wanted;
    float sum;

    __device__ __forceinline__ void look(const float *a)
    {
        const int row = (int)threadIdx.x;
        const bool has_row = !a_along_k && is_wanted && row < Tile::ROWS;
        LEIT_UNROLL
        for (int k = 0; k < LEIT_FAST_DEPTH; k++)
            if (has_row) sum += a[leit_fast_place_across<Tile::ROWS>(row, k)];
    }
};

/* sum += the product of the tile's rows of a and of b over k from first_k to end_k, and what row_sums
 * wants of a. All threads of the block call it, with Tile::SHARED_FLOATS of shared memory; a barrier must stand before these
 * are used for anything else. */
template <class Tile, enum leit_precision precision, class A, class B>
LEIT_DEVICE_FUNCTION void leit_fast_product(typename Tile::sum &sum, float *stages, const A &a,
                                            const B &b, int64_t first_k, int64_t end_k,
                                            leit_fast_row_sums<Tile, A::ALONG_K> &row_sums)
{
    const int64_t n = (end_k - first_k + LEIT_FAST_DEPTH - 1) / LEIT_FAST_DEPTH;
    /* Rounds before 0 multiply nothing: they fill the pipeline. Groups behind the end are empty. */
    for (int64_t round = 1 - LEIT_FAST_STAGES; round < n; round++) {
        if (round >= 0) {
            leit_await_copies<LEIT_FAST_STAGES - 2>();
            __syncthreads(); /* this stage is whole, and the one before has been read */
        }
        const int64_t coming = round + LEIT_FAST_STAGES - 1;
        if (coming < n) {
            float *stage = stages + coming % LEIT_FAST_STAGES * Tile::STAGE;
            const int64_t k = first_k + coming * LEIT_FAST_DEPTH;
            a.template fetch<Tile::ROWS>(stage, k, end_k);
            b.template fetch<Tile::COLUMNS>(stage + Tile::ROWS * LEIT_FAST_DEPTH, k, end_k);
        }
        leit_commit_copies();
        if (round >= 0) {
            const float *stage = stages + round % LEIT_FAST_STAGES * Tile::STAGE;
            leit_fast_stage<Tile, precision, A, B>(sum, stage);
            row_sums.look(stage);
        }
    }
}

/* The tile row by row in shared memory, PITCH floats to a row, where every thread can read it: what
 * comes last of a product is then written once, not for each element of sum, and in whole rows. The
 * stages of leit_fast_product can serve. */
template <class Tile>
LEIT_DEVICE_FUNCTION void leit_fast_lay_down(float *tile, const typename Tile::sum &sum)
{
    static_assert(Tile::ROWS * Tile::PITCH <= Tile::SHARED_FLOATS, "the tile fits into the stages");
    __syncthreads(); /* the last stage has been read */
    LEIT_EACH_ELEMENT(Tile, m, n, e)
    tile[leit_fast_row<Tile>(m, e) * Tile::PITCH + leit_fast_column<Tile>(n, e)] = sum[m][n][e];
    __syncthreads();
}

#endif

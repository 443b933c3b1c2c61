#include "cuda_on_cpu/tensor_kernels.h"

#include "kernels/gemm_fast.cuh"

/* Two stages of shared memory: the next is on its way while the last is multiplied. Rows are padded
 * by 8 halves, so that the eight rows of an ldmatrix lie in different banks. */
enum { STAGES = 2, PADDED = TENSOR_DEPTH + 8 };

struct stage {
    uint16_t a[TENSOR_ROWS][PADDED];
    uint16_t b[TENSOR_DEPTH][PADDED]; /* (depth, 8), or (8, depth) when transposed */
};

/* The stage of columns k .. k + 15 of a; what is behind M or K is zero. 8 halves to a copy. */
static __device__ void fetch(stage *s, const tensor_product &p, int k)
{
    const int lane = (int)threadIdx.x, row = lane / 2, column = lane % 2 * 8;
    const bool is_there = row < p.M && k + column < p.K;
    leit_copy_async<16>(&s->a[row][column], is_there ? &p.a[row * p.K + k + column] : p.a,
                        is_there);
    if (p.b_is_transposed && row < TENSOR_COLUMNS) {
        const bool b_is_there = k + column < p.K;
        leit_copy_async<16>(&s->b[row][column], b_is_there ? &p.b[row * p.K + k + column] : p.b,
                            b_is_there);
    } else if (!p.b_is_transposed && lane < TENSOR_DEPTH) {
        const bool b_is_there = k + lane < p.K;
        leit_copy_async<16>(&s->b[lane][0], b_is_there ? &p.b[(k + lane) * TENSOR_COLUMNS] : p.b,
                            b_is_there);
    }
    leit_commit_copies();
}

static __device__ void multiply(float (&d)[4], const stage *s, bool b_is_transposed)
{
    const int lane = (int)threadIdx.x;
    uint32_t a[4], b[2];
    leit_load_matrices(a, &s->a[lane % 16][lane / 16 * 8]);
    if (b_is_transposed)
        leit_load_matrices(b, &s->b[lane % 8][lane / 8 % 2 * 8]);
    else
        leit_load_transposed(b, &s->b[lane % 16][0]);
    leit_mma_bf16(d, a, b);
}

static __global__ void product_bf16(tensor_product p)
{
    LEIT_SHARED(stage, stages, [STAGES]);
    const int lane = (int)threadIdx.x;
    float d[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    fetch(&stages[0], p, 0);
    for (int k = 0, round = 0; k < p.K; k += TENSOR_DEPTH, round++) {
        fetch(&stages[(round + 1) % STAGES], p, k + TENSOR_DEPTH); /* zeros at the end */
        leit_await_copies<1>();
        __syncwarp(LEIT_ALL_LANES); /* what the other lanes have copied */
        multiply(d, &stages[round % STAGES], p.b_is_transposed != 0);
        __syncwarp(LEIT_ALL_LANES); /* all have read before it is written again */
    }
    for (int r = 0; r < 4; r++) {
        const int row = lane / 4 + (r >= 2 ? 8 : 0), column = 2 * (lane % 4) + r % 2;
        p.c[row * TENSOR_COLUMNS + column] = d[r];
    }
}

leit_status tensor_product_bf16(const tensor_product *p)
{
    LEIT_LAUNCH(product_bf16, 1, LEIT_WARP, 0, nullptr, *p);
    return leit_launch_status("product_bf16");
}

static __global__ void product_tf32(const float *a, const float *b, float *c)
{
    const int group = (int)threadIdx.x / 4, i = (int)threadIdx.x % 4;
    float d[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    uint32_t a_words[4], b_words[2];
    for (int r = 0; r < 4; r++)
        a_words[r] = leit_to_tf32(a[(group + r % 2 * 8) * 8 + i + r / 2 * 4]);
    for (int r = 0; r < 2; r++) b_words[r] = leit_to_tf32(b[(i + 4 * r) * 8 + group]);
    leit_mma_tf32(d, a_words, b_words);
    for (int r = 0; r < 4; r++) c[(group + r / 2 * 8) * 8 + 2 * i + r % 2] = d[r];
}

leit_status tensor_product_tf32(const float *a, const float *b, float *c)
{
    LEIT_LAUNCH(product_tf32, 1, LEIT_WARP, 0, nullptr, a, b, c);
    return leit_launch_status("product_tf32");
}

template <class Tile, enum leit_precision precision, bool a_along_k, bool b_along_k>
static __global__ void one_tile(tensor_tile p)
{
    LEIT_DYNAMIC_SHARED(float, stages);
    const int a_step = a_along_k ? p.K : p.M, b_step = b_along_k ? p.K : p.N;
    const leit_fast_rows<a_along_k> a = {p.a, p.M, a_step, a_step % LEIT_QUAD == 0, 0};
    const leit_fast_rows<b_along_k> b = {p.b, p.N, b_step, b_step % LEIT_QUAD == 0, 0};
    leit_fast_row_sums<Tile, a_along_k> no_sums = {};
    typename Tile::sum sum = {};
    leit_fast_product<Tile, precision>(sum, stages, a, b, 0, p.K, no_sums);
    leit_fast_lay_down<Tile>(stages, sum);
    for (int e = (int)threadIdx.x; e < p.M * p.N; e += LEIT_FAST_THREADS)
        p.c[e] = stages[e / p.N * Tile::PITCH + e % p.N];
}

template <class Tile, enum leit_precision precision>
static void launch_tile(const tensor_tile &p)
{
    const size_t shared = sizeof(float) * Tile::SHARED_FLOATS;
    const auto kernel = p.a_along_k != 0 ? p.b_along_k != 0 ? one_tile<Tile, precision, true, true>
                                                            : one_tile<Tile, precision, true, false>
                        : p.b_along_k != 0 ? one_tile<Tile, precision, false, true>
                                           : one_tile<Tile, precision, false, false>;
    LEIT_ALLOW_SHARED(kernel);
    LEIT_LAUNCH(kernel, 1, LEIT_FAST_THREADS, shared, nullptr, p);
}

template <class Tile>
static void launch_tile_in_precision(const tensor_tile &p)
{
    if (p.precision == LEIT_PRECISION_FP32) launch_tile<Tile, LEIT_PRECISION_FP32>(p);
    if (p.precision == LEIT_PRECISION_TF32) launch_tile<Tile, LEIT_PRECISION_TF32>(p);
    if (p.precision == LEIT_PRECISION_BF16) launch_tile<Tile, LEIT_PRECISION_BF16>(p);
}

leit_status tensor_tile_product(const tensor_tile *p)
{
    if (p->is_large != 0)
        launch_tile_in_precision<leit_large_tile>(*p);
    else
        launch_tile_in_precision<leit_small_tile>(*p);
    return leit_launch_status("one_tile");
}

static __global__ void convert(tensor_conversion c)
{
    const int i = (int)leit_element();
    if (i < c.n) {
        const leit_bf16 value = leit_to_bf16(c.values[i]);
        memcpy(&c.bf16[i], &value, sizeof value);
        c.back[i] = leit_from_bf16(value);
        c.pair[i] = leit_pack_bf16(c.values[i], c.values[c.n - 1 - i]);
        c.tf32[i] = leit_to_tf32(c.values[i]);
    }
}

leit_status tensor_convert(const tensor_conversion *c)
{
    LEIT_LAUNCH(convert, leit_element_blocks(c->n), LEIT_ELEMENT_THREADS, 0, nullptr, *c);
    return leit_launch_status("convert");
}

template <int n>
static __device__ uint32_t *store(uint32_t *words, const uint32_t (&registers)[n])
{
    for (int m = 0; m < n; m++) words[(int)threadIdx.x * n + m] = registers[m];
    return words + LEIT_WARP * n;
}

static __global__ void load(const uint16_t *matrices, uint32_t *words)
{
    LEIT_SHARED(uint16_t, rows, [LEIT_WARP][8]);
    const int lane = (int)threadIdx.x;
    for (int i = 0; i < 8; i++) rows[lane][i] = matrices[lane * 8 + i];
    __syncwarp(LEIT_ALL_LANES);
    uint32_t one[1], two[2], four[4];
    leit_load_matrices(one, &rows[lane][0]);
    words = store(words, one);
    leit_load_matrices(two, &rows[lane][0]);
    words = store(words, two);
    leit_load_matrices(four, &rows[lane][0]);
    words = store(words, four);
    leit_load_transposed(one, &rows[lane][0]);
    words = store(words, one);
    leit_load_transposed(two, &rows[lane][0]);
    words = store(words, two);
    leit_load_transposed(four, &rows[lane][0]);
    store(words, four);
}

leit_status tensor_load(const uint16_t *matrices, uint32_t *words)
{
    LEIT_LAUNCH(load, 1, LEIT_WARP, 0, nullptr, matrices, words);
    return leit_launch_status("load");
}

/* Lane 4 q + r of each size has a part of quarter q of its own. */
static __global__ void copy_quarters(const float *from, float *to)
{
    LEIT_SHARED(float, tile, [LEIT_WARP * 4]);
    const int lane = (int)threadIdx.x, first = lane * 4;
    const bool is_there = lane < LEIT_WARP * 3 / 4;
    if (lane % 3 == 0) {
        leit_copy_async<16>(&tile[first], &from[first], is_there);
    } else if (lane % 3 == 1) {
        leit_copy_async<8>(&tile[first], &from[first], is_there);
        leit_copy_async<8>(&tile[first + 2], &from[first + 2], is_there);
    } else {
        for (int i = 0; i < 4; i++)
            leit_copy_async<4>(&tile[first + i], &from[first + i], is_there);
    }
    leit_commit_copies();
    leit_await_copies<0>();
    __syncwarp(LEIT_ALL_LANES);
    for (int i = lane; i < LEIT_WARP * 4; i += LEIT_WARP) to[i] = tile[i];
}

leit_status tensor_copy(const float *from, float *to)
{
    LEIT_LAUNCH(copy_quarters, 1, LEIT_WARP, 0, nullptr, from, to);
    return leit_launch_status("copy_quarters");
}

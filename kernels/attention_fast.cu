#include <cfloat>

#include "kernels/attention.cuh"
#include "kernels/gemm_fast.cuh"
#include "kernels/philox.cuh"

/* The algorithm of attention.cu with the products of gemm_fast.cuh: operands as precise as exec->precision
 * says, sums in fp32, over keys and queries tile by tile in order. Scores, P and dS lie in shared memory as
 * fp32 and are rounded where they are multiplied.
 *
 * Backward, in one launch: P is exp(S - logsumexp), and the mean of dP is that of dy y, for y is the sum of
 * P v; no block has to wait for what another one measures. Blocks of a tile of keys make dk and dv, blocks of
 * a tile of queries dq; where one tile holds all keys of a sequence, as those of most sentences, its block has
 * all of dS and makes dq too. */

enum { THREADS_OF_ATTENTION = LEIT_FAST_THREADS, ROWS = LEIT_ATTENTION_TILE };
/* Lanes that share a row; a step of a row is a quad for each. */
enum { ROW_LANES = THREADS_OF_ATTENTION / ROWS, ROW_STEP = ROW_LANES * LEIT_QUAD };
enum { PITCH = leit_small_tile::PITCH, BLOCKS_AT_ONCE = 2 }; /* on a multiprocessor */

static_assert((int)leit_small_tile::ROWS == (int)ROWS, "a tile of scores is one of the product");
static_assert((int)leit_small_tile::COLUMNS == (int)ROWS, "and square");

typedef leit_small_tile::sum attention_sum;
typedef float tile_in_shared[ROWS * PITCH];

struct attention_forward_memory {
    float stages[leit_small_tile::SHARED_FLOATS];
    tile_in_shared scores;
    float factors[ROWS];
};

struct attention_backward_memory {
    float stages[leit_small_tile::SHARED_FLOATS];
    tile_in_shared scores, slopes; /* S, then P after dropout; dP, then dS */
};

/* ---- products ---- */

/* A tile in shared memory as side a of a product: its rows, or its columns. */
template <bool along_k>
struct side_in_shared {
    enum { ALONG_K = along_k };
    const float *tile;

    template <int N>
    __device__ __forceinline__ void fetch(float *stage, int64_t k, int64_t end_k) const;
};

template <bool along_k>
template <int N>
__device__ __forceinline__ void side_in_shared<along_k>::fetch(float *stage, int64_t first_k,
                                                               int64_t end_k) const
{
    enum { ACROSS = along_k ? LEIT_QUADS : N / LEIT_QUAD };
    (void)end_k; /* behind it are zeros, as on side b: scores of rows that are not there */
    for (int e = (int)threadIdx.x; e < N * LEIT_QUADS; e += THREADS_OF_ATTENTION) {
        const int major = e / ACROSS, minor = e % ACROSS * LEIT_QUAD, k = (int)first_k;
        const float *from =
            tile + (along_k ? major * PITCH + k + minor : (k + major) * PITCH + minor);
        float *to = stage + (along_k ? leit_fast_place(major, minor / LEIT_QUAD)
                                     : leit_fast_place_across<N>(minor, major));
        leit_store_quad(to, leit_load_quad(from));
    }
}

/* What a block has of q, k, v or dy: the columns of its head, and the rows of its sequence. */
struct head_rows {
    const float *data;
    int64_t step;
    int n, width;
    bool are_quads;
};

static __device__ head_rows head_of(const leit_attention_task &t, const float *array, int64_t step,
                                    int64_t first_row, int n_rows)
{
    const bool are_quads =
        (uintptr_t)array % 16 == 0 && t.width % LEIT_QUAD == 0 && step % LEIT_QUAD == 0;
    return {array + first_row * step + t.head * t.width, step, n_rows, t.width, are_quads};
}

static __device__ head_rows queries_in(const leit_attention_task &t, const float *array,
                                       int64_t step)
{
    return head_of(t, array, step, t.first_query, t.n_queries);
}

static __device__ head_rows keys_in(const struct leit_attention &args, const leit_attention_task &t,
                                    const float *array)
{
    return head_of(t, array, args.k_step, t.first_key, t.n_keys);
}

template <enum leit_precision precision, class A, class B>
static __device__ void add_product(attention_sum &sum, float *stages, const A &a, const B &b,
                                   int64_t K)
{
    leit_fast_row_sums<leit_small_tile, A::ALONG_K> no_sums = {false, 0.0f};
    leit_fast_product<leit_small_tile, precision>(sum, stages, a, b, 0, K, no_sums);
}

/* tile = factor a b^T of tiles of rows, with barriers before and behind. */
template <enum leit_precision precision>
static __device__ void multiply_heads(float *tile, float *stages, float factor, const head_rows &a,
                                      int a_first, const head_rows &b, int b_first)
{
    const leit_fast_rows<true> a_side = {a.data, a.n, a.step, a.are_quads, a_first};
    const leit_fast_rows<true> b_side = {b.data, b.n, b.step, b.are_quads, b_first};
    attention_sum sum = {};
    add_product<precision>(sum, stages, a_side, b_side, a.width);
    LEIT_EACH_ELEMENT(leit_small_tile, m, n, e) sum[m][n][e] *= factor;
    leit_fast_lay_down<leit_small_tile>(tile, sum);
}

/* sum += rows (or columns) of a tile in shared memory times n rows of a head from `first` on, of which
 * the block has the columns from `column` on. A barrier must stand before the stages' next use. */
template <enum leit_precision precision, bool along_k>
static __device__ void add_weighted(attention_sum &sum, float *stages, const float *tile,
                                    const head_rows &b, int first, int column)
{
    const side_in_shared<along_k> a_side = {tile};
    const leit_fast_rows<false> b_side = {b.data + first * b.step, b.width, b.step, b.are_quads,
                                          column};
    add_product<precision>(sum, stages, a_side, b_side, leit_attention_at_most_a_tile(b.n - first));
}

/* Where a tile of results goes: the rows of the sequence from the first of the tile on, n of them. */
struct rows_out {
    float *to;
    int64_t step;
    int n;
};

static __device__ rows_out queries_out(const leit_attention_task &t, float *array, int64_t step,
                                       int first)
{
    return {array + (t.first_query + first) * step + t.head * t.width + t.column, step,
            t.n_queries - first};
}

static __device__ rows_out keys_out(const struct leit_attention &args, const leit_attention_task &t,
                                    float *array, int first)
{
    return {array + (t.first_key + first) * args.k_step + t.head * t.width + t.column, args.k_step,
            t.n_keys - first};
}

/* factor sum, written or added, by way of a tile in shared memory that nobody needs any more, in whole
 * rows. */
static __device__ void store_rows(const leit_attention_task &t, const rows_out &out, float *tile,
                                  const attention_sum &sum, float factor, bool is_added)
{
    enum { QUADS = ROWS / LEIT_QUAD };
    const int n_columns = leit_fast_at_most(t.width - t.column, ROWS);
    const int n_rows = leit_fast_at_most(out.n, ROWS);
    const bool are_quads =
        t.width % LEIT_QUAD == 0 && out.step % LEIT_QUAD == 0 && leit_are_aligned(out.to);
    leit_fast_lay_down<leit_small_tile>(tile, sum);
    for (int at = (int)threadIdx.x; at < n_rows * QUADS; at += THREADS_OF_ATTENTION) {
        const int row = at / QUADS, d = at % QUADS * LEIT_QUAD;
        if (d >= n_columns) continue;
        struct leit_quad quad = leit_load_quad(tile + row * PITCH + d);
        float *to = out.to + row * out.step + d;
        if (are_quads) {
            const struct leit_quad before = is_added ? leit_load_quad(to) : leit_quad{};
            LEIT_EACH_OF_QUAD (e) quad.of[e] = factor * quad.of[e] + before.of[e];
            leit_store_quad(to, quad);
        } else {
            LEIT_EACH_OF_QUAD (e)
                if (d + e < n_columns) to[e] = factor * quad.of[e] + (is_added ? to[e] : 0.0f);
        }
    }
}

/* ---- rows of the softmax ---- */

static __device__ int own_row()
{
    return (int)threadIdx.x / ROW_LANES;
}

/* The first columns of the quads that this lane has of its row, as far as `end`. */
#define EACH_COLUMN_QUAD(j, end)                                                                   \
    for (int j = (int)threadIdx.x % ROW_LANES * LEIT_QUAD; j < (end); j += ROW_STEP)

static __device__ float row_total(float value)
{
    for (int distance = ROW_LANES / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(LEIT_ALL_LANES, value, distance);
    return value;
}

static __device__ float row_largest(float value)
{
    for (int distance = ROW_LANES / 2; distance > 0; distance /= 2)
        value = fmaxf(value, __shfl_xor_sync(LEIT_ALL_LANES, value, distance));
    return value;
}

/* What has been seen of a row: as in attention.cu. */
struct row_so_far {
    float largest, sum;
};

/* Takes n more scores of the row; returns what everything summed so far is to be multiplied by. */
static __device__ float see_scores(row_so_far &row, const float *scores, int n)
{
    float largest = row.largest;
    EACH_COLUMN_QUAD(j, n)
    {
        const struct leit_quad quad = leit_load_quad(scores + j);
        LEIT_EACH_OF_QUAD (e)
            if (j + e < n) largest = fmaxf(largest, quad.of[e]);
    }
    largest = row_largest(largest);
    const float factor = leit_exp(row.largest - largest);
    row.largest = largest;
    row.sum *= factor;
    return factor;
}

/* Of query i and keys j to j + 3 of the sequence. */
static __device__ struct leit_quad scales_of(const struct leit_attention &args,
                                             const leit_attention_task &t, int i, int j)
{
    if (args.dropout == 0.0f) return {{1.0f, 1.0f, 1.0f, 1.0f}};
    return leit_dropout_quad(*args.random, args.stream, (uint32_t)t.sample, args.dropout,
                             (int64_t)i * t.n_keys + j);
}

/* How many of the keys from `first` on a row has: none where there is no query. */
static __device__ int keys_of_row(const leit_attention_task &t, int i, int first)
{
    return i < t.n_queries ? leit_attention_at_most_a_tile(t.n_keys - first) : 0;
}

/* ---- forward ---- */

/* Turns the lane's scores of n keys from `first` on into exponentials, dropped out; returns their sum
 * before dropout. */
static __device__ float exponentiate(const struct leit_attention &args,
                                     const leit_attention_task &t, float largest, float *scores,
                                     int i, int first, int n)
{
    float sum = 0.0f;
    EACH_COLUMN_QUAD(j, n)
    {
        const struct leit_quad scales = scales_of(args, t, i, first + j);
        struct leit_quad quad = leit_load_quad(scores + j);
        LEIT_EACH_OF_QUAD (e) {
            const float p = j + e < n ? leit_exp(quad.of[e] - largest) : 0.0f;
            sum += p;
            quad.of[e] = p * scales.of[e];
        }
        leit_store_quad(scores + j, quad);
    }
    return sum;
}

static __device__ void multiply_tile_rows(attention_sum &sum, const float *factors)
{
    LEIT_EACH_ELEMENT(leit_small_tile, m, n, e)
    sum[m][n][e] *= factors[leit_fast_row<leit_small_tile>(m, e)];
}

template <enum leit_precision precision>
static __global__ void __launch_bounds__(THREADS_OF_ATTENTION, BLOCKS_AT_ONCE)
    attend(struct leit_attention args)
{
    LEIT_DYNAMIC_SHARED(attention_forward_memory, memory);
    const leit_attention_task t =
        leit_attention_open(args, args.q_offsets, args.Nq, args.D / args.H, blockIdx.x);
    if (t.is_live) { /* the same for the whole block */
        const int row = own_row();
        const bool is_first_lane = threadIdx.x % ROW_LANES == 0;
        const int i = t.first + row;
        const head_rows q = queries_in(t, args.q, args.q_step), k = keys_in(args, t, args.k);
        const head_rows v = keys_in(args, t, args.v);
        row_so_far so_far = {-FLT_MAX, 0.0f};
        attention_sum out = {};
        for (int first = 0; first < t.n_keys; first += ROWS) {
            float *scores = memory->scores + row * PITCH;
            const int n = keys_of_row(t, i, first);
            multiply_heads<precision>(memory->scores, memory->stages, t.scale, q, t.first, k,
                                      first);
            const float factor = see_scores(so_far, scores, n);
            so_far.sum += row_total(exponentiate(args, t, so_far.largest, scores, i, first, n));
            if (is_first_lane) memory->factors[row] = factor;
            __syncthreads();
            multiply_tile_rows(out, memory->factors);
            add_weighted<precision, true>(out, memory->stages, memory->scores, v, first, t.column);
            __syncthreads(); /* the stages have been read */
        }
        if (is_first_lane) memory->factors[row] = 1.0f / so_far.sum;
        if (is_first_lane && i < t.n_queries && t.column == 0)
            args.logsumexp[t.head * args.Nq + t.first_query + i] =
                so_far.largest + leit_log(so_far.sum);
        __syncthreads();
        multiply_tile_rows(out, memory->factors);
        store_rows(t, queries_out(t, args.y, args.D, t.first), memory->scores, out, 1.0f, false);
    }
}

/* ---- backward ---- */

/* What a product makes of a number. */
template <enum leit_precision precision>
static __device__ float rounded(float value)
{
    if (precision == LEIT_PRECISION_BF16) return leit_from_bf16(leit_to_bf16(value));
    if (precision == LEIT_PRECISION_TF32) return leit_float_of(leit_to_tf32(value));
    return value;
}

/* Columns d to d + 3 of a row; zeros behind the last. */
static __device__ struct leit_quad quad_of(const head_rows &rows, int row, int d)
{
    const float *from = rows.data + row * rows.step + d;
    if (rows.are_quads) return leit_load_quad(from);
    struct leit_quad quad;
    LEIT_EACH_OF_QUAD (e) quad.of[e] = d + e < rows.width ? from[e] : 0.0f;
    return quad;
}

/* What the backward knows of a row of the softmax: P = exp(S - logsumexp), mean = sum of P dP. */
struct row_of_softmax {
    float logsumexp, mean;
};

/* Of query i; all lanes call it. dy is rounded as in dP, so that dP - mean is nothing where P is 1. */
template <enum leit_precision precision>
static __device__ row_of_softmax know_row(const struct leit_attention &args,
                                          const leit_attention_task &t, int i)
{
    row_of_softmax row = {};
    float mean = 0.0f;
    if (i < t.n_queries) {
        const head_rows dy = queries_in(t, args.dy, args.D), y = queries_in(t, args.y, args.D);
        row.logsumexp = args.logsumexp[t.head * args.Nq + t.first_query + i];
        for (int d = (int)threadIdx.x % ROW_LANES * LEIT_QUAD; d < t.width; d += ROW_STEP) {
            const struct leit_quad slopes = quad_of(dy, i, d), values = quad_of(y, i, d);
            LEIT_EACH_OF_QUAD (e) mean += rounded<precision>(slopes.of[e]) * values.of[e];
        }
    }
    row.mean = row_total(mean);
    return row;
}

/* S and dP of query i and the tile's keys from `first` on become P after dropout and dS = P (dP - mean). */
static __device__ void differentiate_row(const struct leit_attention &args,
                                         const leit_attention_task &t,
                                         attention_backward_memory *memory,
                                         const row_of_softmax &row, int i, int first)
{
    float *scores = memory->scores + own_row() * PITCH;
    float *slopes = memory->slopes + own_row() * PITCH;
    const int n = keys_of_row(t, i, first);
    EACH_COLUMN_QUAD(j, n)
    {
        const struct leit_quad scales = scales_of(args, t, i, first + j);
        struct leit_quad p = leit_load_quad(scores + j), ds = leit_load_quad(slopes + j);
        LEIT_EACH_OF_QUAD (e) {
            const float of_softmax = j + e < n ? leit_exp(p.of[e] - row.logsumexp) : 0.0f;
            p.of[e] = of_softmax * scales.of[e];
            ds.of[e] = of_softmax * (ds.of[e] * scales.of[e] - row.mean);
        }
        leit_store_quad(scores + j, p);
        leit_store_quad(slopes + j, ds);
    }
}

/* P after dropout and dS of a tile of queries and one of keys, with a barrier behind. */
template <enum leit_precision precision>
static __device__ void
differentiate_tile(const struct leit_attention &args, const leit_attention_task &t,
                   attention_backward_memory *memory, int first_query, int first_key)
{
    const int i = first_query + own_row();
    const row_of_softmax row = know_row<precision>(args, t, i);
    multiply_heads<precision>(memory->scores, memory->stages, t.scale,
                              queries_in(t, args.q, args.q_step), first_query,
                              keys_in(args, t, args.k), first_key);
    multiply_heads<precision>(memory->slopes, memory->stages, 1.0f, queries_in(t, args.dy, args.D),
                              first_query, keys_in(args, t, args.v), first_key);
    differentiate_row(args, t, memory, row, i, first_key);
    __syncthreads();
}

/* A part of dq, dk or dv, of rows (or columns) of a tile in shared memory and rows of a head: written
 * where it is the first, else added. No register holds sums from one tile to the next: most sentences
 * have one, and the products of all tiles need many. */
template <enum leit_precision precision, bool along_k>
static __device__ void make_part(const leit_attention_task &t, float *stages, const float *tile,
                                 const head_rows &b, int first, const rows_out &out, float factor,
                                 bool is_first)
{
    attention_sum part = {};
    add_weighted<precision, along_k>(part, stages, tile, b, first, t.column);
    store_rows(t, out, stages, part, factor, !is_first);
    __syncthreads(); /* the stages have been read */
}

/* What a tile of queries and one of keys have part in. */
template <enum leit_precision precision>
static __device__ void make_parts(const struct leit_attention &args, const leit_attention_task &t,
                                  attention_backward_memory *memory, int query, int key,
                                  bool has_keys, bool makes_dq)
{
    if (has_keys && args.dv != nullptr)
        make_part<precision, false>(t, memory->stages, memory->scores,
                                    queries_in(t, args.dy, args.D), query,
                                    keys_out(args, t, args.dv, key), 1.0f, query == 0);
    if (has_keys && args.dk != nullptr)
        make_part<precision, false>(t, memory->stages, memory->slopes,
                                    queries_in(t, args.q, args.q_step), query,
                                    keys_out(args, t, args.dk, key), t.scale, query == 0);
    if (makes_dq)
        make_part<precision, true>(t, memory->stages, memory->slopes, keys_in(args, t, args.k), key,
                                   queries_out(t, args.dq, args.q_step, query), t.scale, key == 0);
}

/* The first blocks_of_keys blocks have a tile of keys each, those behind them one of queries. */
template <enum leit_precision precision>
static __global__ void __launch_bounds__(THREADS_OF_ATTENTION, BLOCKS_AT_ONCE)
    attend_backward(struct leit_attention args, unsigned blocks_of_keys)
{
    LEIT_DYNAMIC_SHARED(attention_backward_memory, memory);
    const bool has_keys = blockIdx.x < blocks_of_keys;
    const leit_attention_task t = leit_attention_open(
        args, has_keys ? args.k_offsets : args.q_offsets, has_keys ? args.Nk : args.Nq,
        args.D / args.H, blockIdx.x - (has_keys ? 0 : blocks_of_keys));
    const bool is_one_tile = t.n_keys > 0 && t.n_keys <= ROWS;
    const bool makes_dq = args.dq != nullptr && has_keys == is_one_tile;
    if (t.is_live && (has_keys || makes_dq)) { /* the same for the whole block */
        const int n = has_keys ? t.n_queries : t.n_keys;
        int first = 0;
        do { /* once at least: sums of nothing are written too */
            const int query = has_keys ? first : t.first, key = has_keys ? t.first : first;
            differentiate_tile<precision>(args, t, memory, query, key);
            make_parts<precision>(args, t, memory, query, key, has_keys, makes_dq);
            first += ROWS;
        } while (first < n);
    }
}

/* ---- on the host ---- */

size_t leit_attention_workspace_fast(const struct leit_attention *args, int n_workers)
{
    (void)args;
    (void)n_workers;
    return 0;
}

template <enum leit_precision precision>
static void launch_forward(const leit_exec *exec, const struct leit_attention *args)
{
    const int64_t blocks = leit_attention_blocks(args, args->Nq, args->D / args->H);
    LEIT_ALLOW_SHARED(attend<precision>);
    LEIT_LAUNCH(attend<precision>, (unsigned)blocks, THREADS_OF_ATTENTION,
                sizeof(attention_forward_memory), exec->stream, *args);
}

template <enum leit_precision precision>
static void launch_backward(const leit_exec *exec, const struct leit_attention *args)
{
    const int64_t of_keys = leit_attention_blocks(args, args->Nk, args->D / args->H);
    const int64_t of_queries = leit_attention_blocks(args, args->Nq, args->D / args->H);
    LEIT_ALLOW_SHARED(attend_backward<precision>);
    LEIT_LAUNCH(attend_backward<precision>, (unsigned)(of_keys + of_queries), THREADS_OF_ATTENTION,
                sizeof(attention_backward_memory), exec->stream, *args, (unsigned)of_keys);
}

leit_status leit_attention_forward_fast(const leit_exec *exec, const struct leit_attention *args)
{
    LEIT_TRY(leit_attention_check(args));
    if (args->B == 0) return LEIT_OK;
    if (exec->precision == LEIT_PRECISION_BF16)
        launch_forward<LEIT_PRECISION_BF16>(exec, args);
    else if (exec->precision == LEIT_PRECISION_TF32)
        launch_forward<LEIT_PRECISION_TF32>(exec, args);
    else
        launch_forward<LEIT_PRECISION_FP32>(exec, args);
    return leit_launch_status("attention forward");
}

leit_status leit_attention_backward_fast(const leit_exec *exec, const struct leit_attention *args)
{
    LEIT_TRY(leit_attention_check(args));
    if (args->B == 0) return LEIT_OK;
    if (exec->precision == LEIT_PRECISION_BF16)
        launch_backward<LEIT_PRECISION_BF16>(exec, args);
    else if (exec->precision == LEIT_PRECISION_TF32)
        launch_backward<LEIT_PRECISION_TF32>(exec, args);
    else
        launch_backward<LEIT_PRECISION_FP32>(exec, args);
    return leit_launch_status("attention backward");
}

#include <cfloat>

#include "kernels/attention.cuh"
#include "kernels/gemm.cuh"
#include "kernels/philox.cuh"

/* A block of threads owns a tile of LEIT_TILE queries of one sequence and head, goes through the
 * keys a tile at a time, and keeps LEIT_TILE columns of the result in registers: a softmax that
 * rescales what it has when a larger score comes (Dao et al., algorithm 1). Wider heads take a block
 * per LEIT_TILE columns, each computing the scores again. All products are leit_tile_product, on
 * probabilities that lie in shared memory.
 *
 * Backward: a first launch goes through the keys for what a row of the softmax needs, its largest
 * score, the sum of its exponentials and the mean of dP; a second computes dq; a third, which owns
 * tiles of keys and goes through the queries, dk and dv. Each sum has one owner and one order.
 *
 * What the CPU refuses makes NaN here: a sequence without keys, and one whose offsets lead outside of
 * 0 to Nq or Nk, which is cut to its rows in there. */

enum { TILE = LEIT_ATTENTION_TILE, THREADS = LEIT_TILE_THREADS };
static_assert((int)TILE == (int)LEIT_TILE, "tiles of scores are those of products");
/* Four lanes share a row of a tile; with 4 floats behind each row a warp's 32 lanes, in eight rows,
 * meet 32 banks. */
enum { LANES = THREADS / TILE, STRIDE = TILE + 4 };

typedef float score_tile[TILE][STRIDE];

/* The rows of the task's sequence and head in an array of queries (q, dy), `step` apart, or of keys (k,
 * v). */
static __device__ leit_rows_view queries_of(const leit_attention_task &t, const float *array,
                                            int64_t step)
{
    return {array + t.first_query * step + t.head * t.width, t.n_queries, step, 1};
}

static __device__ leit_rows_view keys_of(const struct leit_attention &args,
                                         const leit_attention_task &t, const float *array)
{
    return {array + t.first_key * args.k_step + t.head * t.width, t.n_keys, args.k_step, 1};
}

/* The columns of a view as rows, counted from row `first` on. */
static __device__ leit_rows_view columns_of(const leit_rows_view &view,
                                            const leit_attention_task &t, int64_t first)
{
    return {view.data + first * view.row_step, t.width, 1, view.row_step};
}

/* to = factor a b^T for one tile of rows of each; readable behind the next barrier. */
static __device__ void multiply_rows(score_tile &to, float factor, const leit_rows_view &a,
                                     int64_t a_first, const leit_rows_view &b, int64_t b_first,
                                     int64_t width)
{
    leit_tile_sum sum = {};
    leit_tile_product(sum, a, a_first, b, b_first, width);
    LEIT_EACH_SHARE (r, c) to[leit_tile_row(r)][leit_tile_column(c)] = factor * sum[r][c];
}

/* The tile of a task goes out, to `array`, whose rows of the sequence are n_rows from first_row on, `step`
 * apart. */
static __device__ void store_tile(const leit_attention_task &t, const leit_tile_sum &sum,
                                  float factor, float *array, int64_t step, int64_t first_row,
                                  int64_t n_rows)
{
    float *to = array + (first_row + t.first) * step + t.head * t.width + t.column;
    LEIT_EACH_SHARE (r, c) {
        const int row = leit_tile_row(r), d = leit_tile_column(c);
        if (t.first + row < n_rows && t.column + d < t.width)
            to[row * step + d] = factor * sum[r][c];
    }
}

/* The draw for query i and key j of the sequence. */
static __device__ float dropout_scale(const struct leit_attention &args,
                                      const leit_attention_task &t, int64_t i, int64_t j)
{
    if (args.dropout == 0.0f) return 1.0f;
    return leit_dropout_scale(*args.random, args.stream, (uint32_t)t.sample, args.dropout,
                              i * t.n_keys + j);
}

/* Over the lanes that share a row, the same bits in each. */
static __device__ float row_max(float value)
{
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        value = fmaxf(value, __shfl_xor_sync(LEIT_ALL_LANES, value, distance));
    return value;
}

static __device__ float row_sum(float value)
{
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(LEIT_ALL_LANES, value, distance);
    return value;
}

/* A softmax row as far as keys have been seen. Starting from a finite number, scores of minus
 * infinity need no case of their own. */
struct softmax {
    float largest, sum;
};

/* Takes n more scores of the row, of which this lane has every LANES-th; returns what everything
 * summed so far is to be multiplied by. */
static __device__ float raise_largest(softmax &row, const float *scores, int64_t n)
{
    float largest = row.largest;
    for (int j = (int)threadIdx.x % LANES; j < n; j += LANES) largest = fmaxf(largest, scores[j]);
    largest = row_max(largest);
    const float factor = leit_exp(row.largest - largest);
    row.largest = largest;
    row.sum *= factor;
    return factor;
}

static __global__ void forward_tiles(struct leit_attention args)
{
    LEIT_SHARED(score_tile, scores, );
    LEIT_SHARED(float, factors, [TILE]);
    const leit_attention_task t =
        leit_attention_open(args, args.q_offsets, args.Nq, args.D / args.H, blockIdx.x);
    if (t.is_live) { /* the same for the whole block */
        const int row = (int)threadIdx.x / LANES, lane = (int)threadIdx.x % LANES;
        const leit_rows_view q = queries_of(t, args.q, args.q_step), k = keys_of(args, t, args.k);
        softmax softmax = {-FLT_MAX, 0.0f};
        leit_tile_sum out = {};
        for (int64_t first = 0; first < t.n_keys; first += TILE) {
            const int64_t n = leit_attention_at_most_a_tile(t.n_keys - first);
            multiply_rows(scores, t.scale, q, t.first, k, first, t.width);
            __syncthreads();
            const int64_t n_of_row = t.first + row < t.n_queries ? n : 0;
            const float factor = raise_largest(softmax, scores[row], n_of_row);
            float sum = 0.0f;
            for (int j = lane; j < n_of_row; j += LANES) {
                const float p = leit_exp(scores[row][j] - softmax.largest);
                sum += p;
                scores[row][j] = p * dropout_scale(args, t, t.first + row, first + j);
            }
            softmax.sum += row_sum(sum);
            if (lane == 0) factors[row] = factor;
            __syncthreads();
            LEIT_EACH_SHARE (r, c) out[r][c] *= factors[leit_tile_row(r)];
            leit_tile_product(out, {scores[0], TILE, STRIDE, 1}, 0,
                              columns_of(keys_of(args, t, args.v), t, first), t.column, n);
        }
        const int64_t i = t.first + row;
        if (lane == 0) factors[row] = 1.0f / softmax.sum;
        if (lane == 0 && i < t.n_queries && t.column == 0)
            args.logsumexp[t.head * args.Nq + t.first_query + i] =
                softmax.largest + leit_log(softmax.sum);
        __syncthreads();
        LEIT_EACH_SHARE (r, c) out[r][c] *= factors[leit_tile_row(r)];
        store_tile(t, out, 1.0f, args.y, args.D, t.first_query, t.n_queries);
    }
}

/* Of each row of the softmax, for the backward; (H, Nq) in the workspace. P is normalised by its own
 * sum, not by exp(logsumexp), which carries the rounding of a number as large as the scores. */
struct row_statistics {
    float largest, inverse_sum;
    float mean; /* sum over the keys of P dP */
};

static __global__ void measure_rows(struct leit_attention args, row_statistics *statistics)
{
    LEIT_SHARED(score_tile, scores, );
    LEIT_SHARED(score_tile, slopes, );
    const leit_attention_task t = leit_attention_open(args, args.q_offsets, args.Nq, 1, blockIdx.x);
    if (t.is_live) {
        const int row = (int)threadIdx.x / LANES, lane = (int)threadIdx.x % LANES;
        const leit_rows_view q = queries_of(t, args.q, args.q_step), k = keys_of(args, t, args.k);
        const leit_rows_view dy = queries_of(t, args.dy, args.D), v = keys_of(args, t, args.v);
        softmax softmax = {-FLT_MAX, 0.0f};
        float mean = 0.0f;
        for (int64_t first = 0; first < t.n_keys; first += TILE) {
            const int64_t n_of_row =
                t.first + row < t.n_queries ? leit_attention_at_most_a_tile(t.n_keys - first) : 0;
            multiply_rows(scores, t.scale, q, t.first, k, first, t.width);
            multiply_rows(slopes, 1.0f, dy, t.first, v, first, t.width);
            __syncthreads();
            mean *= raise_largest(softmax, scores[row], n_of_row);
            float sum = 0.0f, sum_dp = 0.0f;
            for (int j = lane; j < n_of_row; j += LANES) {
                const float p = leit_exp(scores[row][j] - softmax.largest);
                sum += p;
                sum_dp += p * slopes[row][j] * dropout_scale(args, t, t.first + row, first + j);
            }
            softmax.sum += row_sum(sum);
            mean += row_sum(sum_dp);
        }
        const int64_t i = t.first + row;
        if (lane == 0 && i < t.n_queries)
            statistics[t.head * args.Nq + t.first_query + i] = {softmax.largest, 1.0f / softmax.sum,
                                                                mean / softmax.sum};
    }
}

/* For one tile of queries and one of keys: P after dropout, and dS = P (dP - mean). Readable behind
 * the next barrier; 0 outside of the sequence. */
static __device__ void differentiate_tile(const struct leit_attention &args,
                                          const leit_attention_task &t,
                                          const row_statistics *statistics, int64_t first_query,
                                          int64_t first_key, score_tile &probabilities,
                                          score_tile &slopes)
{
    multiply_rows(probabilities, t.scale, queries_of(t, args.q, args.q_step), first_query,
                  keys_of(args, t, args.k), first_key, t.width);
    multiply_rows(slopes, 1.0f, queries_of(t, args.dy, args.D), first_query,
                  keys_of(args, t, args.v), first_key, t.width);
    __syncthreads();
    const int row = (int)threadIdx.x / LANES;
    const int64_t i = first_query + row;
    row_statistics of_row = {};
    if (i < t.n_queries) of_row = statistics[t.head * args.Nq + t.first_query + i];
    for (int column = (int)threadIdx.x % LANES; column < TILE; column += LANES) {
        const int64_t j = first_key + column;
        float p = 0.0f, slope = 0.0f, scale = 0.0f;
        if (i < t.n_queries && j < t.n_keys) {
            scale = dropout_scale(args, t, i, j);
            p = leit_exp(probabilities[row][column] - of_row.largest) * of_row.inverse_sum;
            slope = p * (slopes[row][column] * scale - of_row.mean);
        }
        probabilities[row][column] = p * scale;
        slopes[row][column] = slope;
    }
}

static __global__ void dq_tiles(struct leit_attention args, const row_statistics *statistics)
{
    LEIT_SHARED(score_tile, probabilities, );
    LEIT_SHARED(score_tile, slopes, );
    const leit_attention_task t =
        leit_attention_open(args, args.q_offsets, args.Nq, args.D / args.H, blockIdx.x);
    if (t.is_live) {
        leit_tile_sum dq = {};
        for (int64_t first = 0; first < t.n_keys; first += TILE) {
            differentiate_tile(args, t, statistics, t.first, first, probabilities, slopes);
            leit_tile_product(dq, {slopes[0], TILE, STRIDE, 1}, 0,
                              columns_of(keys_of(args, t, args.k), t, first), t.column,
                              leit_attention_at_most_a_tile(t.n_keys - first));
        }
        store_tile(t, dq, t.scale, args.dq, args.q_step, t.first_query, t.n_queries);
    }
}

/* The tile is one of keys. */
static __global__ void dk_dv_tiles(struct leit_attention args, const row_statistics *statistics)
{
    LEIT_SHARED(score_tile, probabilities, );
    LEIT_SHARED(score_tile, slopes, );
    const leit_attention_task t =
        leit_attention_open(args, args.k_offsets, args.Nk, args.D / args.H, blockIdx.x);
    if (t.is_live) {
        leit_tile_sum dk = {}, dv = {};
        for (int64_t first = 0; first < t.n_queries; first += TILE) {
            const int64_t n = leit_attention_at_most_a_tile(t.n_queries - first);
            differentiate_tile(args, t, statistics, first, t.first, probabilities, slopes);
            leit_tile_product(dv, {probabilities[0], TILE, 1, STRIDE}, 0,
                              columns_of(queries_of(t, args.dy, args.D), t, first), t.column, n);
            leit_tile_product(dk, {slopes[0], TILE, 1, STRIDE}, 0,
                              columns_of(queries_of(t, args.q, args.q_step), t, first), t.column,
                              n);
        }
        if (args.dk != nullptr)
            store_tile(t, dk, t.scale, args.dk, args.k_step, t.first_key, t.n_keys);
        if (args.dv != nullptr)
            store_tile(t, dv, 1.0f, args.dv, args.k_step, t.first_key, t.n_keys);
    }
}

size_t leit_attention_workspace_cuda(const struct leit_attention *args, int n_workers)
{
    (void)n_workers;
    if (!leit_attention_sizes_are_fine(args)) return 0;
    return (size_t)(args->H * args->Nq) * sizeof(row_statistics);
}

leit_status leit_attention_forward_cuda(const leit_exec *exec, const struct leit_attention *args)
{
    LEIT_TRY(leit_attention_check(args));
    const int64_t blocks = leit_attention_blocks(args, args->Nq, args->D / args->H);
    if (blocks == 0) return LEIT_OK;
    LEIT_LAUNCH(forward_tiles, (unsigned)blocks, THREADS, 0, exec->stream, *args);
    return leit_launch_status("attention forward");
}

leit_status leit_attention_backward_cuda(const leit_exec *exec, const struct leit_attention *args)
{
    LEIT_TRY(leit_attention_check(args));
    LEIT_TRY(leit_check_workspace("attention", exec, leit_attention_workspace_cuda(args, 1)));
    if (args->B == 0) return LEIT_OK;
    const int64_t width = args->D / args->H;
    row_statistics *statistics = static_cast<row_statistics *>(exec->workspace);
    LEIT_LAUNCH(measure_rows, (unsigned)leit_attention_blocks(args, args->Nq, 1), THREADS, 0,
                exec->stream, *args, statistics);
    if (args->dq != nullptr)
        LEIT_LAUNCH(dq_tiles, (unsigned)leit_attention_blocks(args, args->Nq, width), THREADS, 0,
                    exec->stream, *args, statistics);
    if (args->dk != nullptr || args->dv != nullptr)
        LEIT_LAUNCH(dk_dv_tiles, (unsigned)leit_attention_blocks(args, args->Nk, width), THREADS, 0,
                    exec->stream, *args, statistics);
    return leit_launch_status("attention backward");
}

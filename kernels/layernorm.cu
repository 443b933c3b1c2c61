#include "kernels/layernorm.h"

#include "kernels/philox.cuh"

/* Forward and dx: one warp owns a row up to WARP_ROW_D elements, a whole block a longer one. A row
 * is read three times, but only the first time from memory: it fits the L1 cache.
 *
 * dw and db are sums over rows: a block sums ROWS_PER_PARTIAL rows of its columns into the
 * workspace, a second launch adds these partial sums in order. No atomics: same bits always. */

enum { THREADS = 256, WARPS = THREADS / LEIT_WARP, WARP_ROW_D = 1024 };
enum { COLUMN_THREADS = 128, ROWS_PER_PARTIAL = 32 };

size_t leit_layernorm_workspace_cuda(const struct leit_layernorm *args, int n_workers)
{
    (void)n_workers;
    return (size_t)leit_pieces(args->N, ROWS_PER_PARTIAL) * 2 * (size_t)args->D * sizeof(float);
}

/* What a thread does in its row: elements first, first + step, ... */
struct row_share {
    int64_t row;
    int first, step;
};

static __device__ row_share share_of_thread(int warps_per_row)
{
    const int warp = (int)threadIdx.x / LEIT_WARP, rows_per_block = WARPS / warps_per_row;
    row_share share;
    share.row = (int64_t)blockIdx.x * rows_per_block + warp / warps_per_row;
    share.step = warps_per_row * LEIT_WARP;
    share.first = (int)threadIdx.x % share.step;
    return share;
}

/* The sum over all threads of a row, the same bits in each of them. */
static __device__ float row_sum(float value, int warps_per_row, float *partial)
{
    return warps_per_row > 1 ? leit_block_sum(value, partial) : leit_warp_sum(value);
}

/* A dropped element is 0 whatever it was, an infinity too. */
static __device__ float drop(const struct leit_layernorm &args, float value, int64_t index)
{
    if (args.dropout == 0.0f) return value;
    const float scale = leit_dropout_scale(*args.random, args.stream, 0, args.dropout, index);
    return scale == 0.0f ? 0.0f : value * scale;
}

static __global__ void forward_rows(struct leit_layernorm args, int warps_per_row)
{
    LEIT_SHARED(float, partial, [WARPS]);
    const int D = (int)args.D;
    const row_share share = share_of_thread(warps_per_row);
    /* The same for all threads that meet in row_sum. */
    if (share.row < leit_device_rows(args.n_rows, args.N)) {
        const float *s = args.x + share.row * D;
        float total = 0.0f;
        if (args.residual != nullptr) {
            const float *residual = args.residual + share.row * D;
            float *sum = args.sum + share.row * D;
            for (int d = share.first; d < D; d += share.step) {
                sum[d] = drop(args, s[d], share.row * D + d) + residual[d];
                total += sum[d];
            }
            s = sum; /* each thread reads back only what it wrote */
        } else {
            for (int d = share.first; d < D; d += share.step) total += s[d];
        }
        /* Two passes: the textbook E[x^2] - E[x]^2 cancels where |mean| is large. */
        const float mean = row_sum(total, warps_per_row, partial) / (float)D;
        float squares = 0.0f;
        for (int d = share.first; d < D; d += share.step) squares += (s[d] - mean) * (s[d] - mean);
        const float variance = row_sum(squares, warps_per_row, partial) / (float)D;
        const float rstd = 1.0f / leit_sqrt(variance + args.epsilon);
        float *y = args.y + share.row * D;
        for (int d = share.first; d < D; d += share.step)
            y[d] = (s[d] - mean) * rstd * args.w[d] + args.b[d];
        if (share.first == 0) {
            args.mean[share.row] = mean;
            args.rstd[share.row] = rstd;
        }
    }
}

/* With g = dy * w and h = the normalised s: dx = rstd * (g - mean(g) - h * mean(g h)). */
static __global__ void backward_rows(struct leit_layernorm args, int warps_per_row)
{
    LEIT_SHARED(float, partial, [WARPS]);
    const int D = (int)args.D;
    const row_share share = share_of_thread(warps_per_row);
    if (share.row < leit_device_rows(args.n_rows, args.N)) {
        const int64_t start = share.row * D;
        const float *s = (args.residual != nullptr ? args.sum : args.x) + start;
        const float *dy = args.dy + start;
        const float mean = args.mean[share.row], rstd = args.rstd[share.row];
        float sum_g = 0.0f, sum_gh = 0.0f;
        for (int d = share.first; d < D; d += share.step) {
            const float g = dy[d] * args.w[d];
            sum_g += g;
            sum_gh += g * (s[d] - mean);
        }
        const float mean_g = row_sum(sum_g, warps_per_row, partial) / (float)D;
        const float mean_gh = row_sum(sum_gh, warps_per_row, partial) * rstd / (float)D;
        for (int d = share.first; d < D; d += share.step) {
            const float h = (s[d] - mean) * rstd;
            const float dx = rstd * (dy[d] * args.w[d] - mean_g - h * mean_gh);
            if (args.dx != nullptr) args.dx[start + d] = drop(args, dx, start + d);
            if (args.dresidual != nullptr) args.dresidual[start + d] = dx;
        }
    }
}

/* One thread sums one column over the rows of one partial; partial is (partials, 2, D). */
static __global__ void sum_columns(struct leit_layernorm args, int column_blocks, float *partial)
{
    const int64_t D = args.D, piece = blockIdx.x / (unsigned)column_blocks;
    const int64_t d =
        (int64_t)(blockIdx.x % (unsigned)column_blocks) * COLUMN_THREADS + threadIdx.x;
    const int64_t n_rows = leit_device_rows(args.n_rows, args.N), begin = piece * ROWS_PER_PARTIAL;
    const int64_t end = begin + ROWS_PER_PARTIAL < n_rows ? begin + ROWS_PER_PARTIAL : n_rows;
    const float *s = args.residual != nullptr ? args.sum : args.x;
    if (d < D && begin < end) {
        float dw = 0.0f, db = 0.0f;
        for (int64_t n = begin; n < end; n++) {
            const float dy = args.dy[n * D + d];
            dw += dy * (s[n * D + d] - args.mean[n]) * args.rstd[n];
            db += dy;
        }
        partial[piece * 2 * D + d] = dw;
        partial[piece * 2 * D + D + d] = db;
    }
}

static __global__ void add_partials(struct leit_layernorm args, const float *partial)
{
    const int64_t D = args.D, d = (int64_t)blockIdx.x * COLUMN_THREADS + threadIdx.x;
    const int64_t n_rows = leit_device_rows(args.n_rows, args.N);
    if (d < D) {
        float dw = 0.0f, db = 0.0f;
        for (int64_t piece = 0; piece * ROWS_PER_PARTIAL < n_rows; piece++) {
            dw += partial[piece * 2 * D + d];
            db += partial[piece * 2 * D + D + d];
        }
        if (args.dw != nullptr) args.dw[d] += dw;
        if (args.db != nullptr) args.db[d] += db;
    }
}

static int warps_for_row(const struct leit_layernorm *args)
{
    return args->D <= WARP_ROW_D ? 1 : WARPS;
}

/* Blocks for N rows. A grid ends at 2^31 - 1 blocks, far behind what fits a device's memory. */
static unsigned row_blocks(const struct leit_layernorm *args)
{
    return (unsigned)leit_pieces(args->N, WARPS / warps_for_row(args));
}

leit_status leit_layernorm_forward_cuda(const leit_exec *exec, const struct leit_layernorm *args)
{
    LEIT_TRY(leit_layernorm_check(args));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(forward_rows, row_blocks(args), THREADS, 0, exec->stream, *args,
                warps_for_row(args));
    return leit_launch_status("layernorm forward");
}

leit_status leit_layernorm_backward_cuda(const leit_exec *exec, const struct leit_layernorm *args)
{
    LEIT_TRY(leit_layernorm_check(args));
    if (args->N == 0) return LEIT_OK;
    if (args->dx != nullptr || args->dresidual != nullptr)
        LEIT_LAUNCH(backward_rows, row_blocks(args), THREADS, 0, exec->stream, *args,
                    warps_for_row(args));
    if (args->dw != nullptr || args->db != nullptr) {
        LEIT_TRY(leit_check_workspace("layernorm", exec, leit_layernorm_workspace_cuda(args, 1)));
        float *partial = static_cast<float *>(exec->workspace);
        const int column_blocks = (int)leit_pieces(args->D, COLUMN_THREADS);
        const int64_t pieces = leit_pieces(args->N, ROWS_PER_PARTIAL);
        LEIT_LAUNCH(sum_columns, (unsigned)(pieces * column_blocks), COLUMN_THREADS, 0,
                    exec->stream, *args, column_blocks, partial);
        LEIT_LAUNCH(add_partials, (unsigned)column_blocks, COLUMN_THREADS, 0, exec->stream, *args,
                    partial);
    }
    return leit_launch_status("layernorm backward");
}

#include "kernels/linear.h"

#include "kernels/activation.cuh"
#include "kernels/gemm.cuh"

/* Three tiled products; bias and activation are the forward's last lines. Backward: one launch
 * computes dpre = dy * activation'(pre) into the workspace (dy itself serves when there is no
 * activation) and partial sums of db over ROWS_PER_PARTIAL rows, which another one adds in order. */

enum { COLUMN_THREADS = 128, ROWS_PER_PARTIAL = 32 };

static int64_t dpre_elements(const struct leit_linear *args)
{
    return args->activation == LEIT_ACTIVATION_NONE ? 0 : args->N * args->K;
}

size_t leit_linear_workspace_cuda(const struct leit_linear *args, int n_workers)
{
    (void)n_workers;
    const int64_t partial = leit_pieces(args->N, ROWS_PER_PARTIAL) * args->K;
    return (size_t)(dpre_elements(args) + partial) * sizeof(float);
}

static __global__ void forward_tiles(struct leit_linear args)
{
    const int64_t rows = leit_device_rows(args.n_rows, args.N), D = args.D, K = args.K;
    const leit_tile_place place = leit_tile_of_block(K);
    if (place.row < rows) { /* the same for the whole block */
        leit_tile_sum sum = {};
        leit_tile_product(sum, {args.x, rows, D, 1}, place.row, {args.w, K, D, 1}, place.column, D);
        LEIT_EACH_SHARE (r, c) {
            const int64_t n = place.row + leit_tile_row(r), k = place.column + leit_tile_column(c);
            if (n >= rows || k >= K) continue;
            const float pre = args.b != nullptr ? sum[r][c] + args.b[k] : sum[r][c];
            if (args.activation != LEIT_ACTIVATION_NONE) args.pre[n * K + k] = pre;
            args.y[n * K + k] = leit_activation_value(args.activation, pre);
        }
    }
}

/* One thread has one column of the rows of one partial; dpre or partial may be NULL. */
static __global__ void differentiate(struct leit_linear args, int column_blocks, float *dpre,
                                     float *partial)
{
    const int64_t K = args.K, piece = blockIdx.x / (unsigned)column_blocks;
    const int64_t k =
        (int64_t)(blockIdx.x % (unsigned)column_blocks) * COLUMN_THREADS + threadIdx.x;
    const int64_t rows = leit_device_rows(args.n_rows, args.N), begin = piece * ROWS_PER_PARTIAL;
    const int64_t end = begin + ROWS_PER_PARTIAL < rows ? begin + ROWS_PER_PARTIAL : rows;
    if (k < K && begin < end) {
        float db = 0.0f;
        for (int64_t i = begin * K + k; i < end * K; i += K) {
            float gradient = args.dy[i];
            if (dpre != nullptr) {
                gradient = leit_activation_gradient(args.activation, args.pre[i], gradient);
                dpre[i] = gradient;
            }
            db += gradient;
        }
        if (partial != nullptr) partial[piece * K + k] = db;
    }
}

static __global__ void add_partials(struct leit_linear args, const float *partial)
{
    const int64_t K = args.K, k = leit_element();
    const int64_t rows = leit_device_rows(args.n_rows, args.N);
    if (k < K) {
        float db = 0.0f;
        for (int64_t piece = 0; piece * ROWS_PER_PARTIAL < rows; piece++)
            db += partial[piece * K + k];
        args.db[k] += db;
    }
}

static __global__ void dx_tiles(struct leit_linear args, const float *dpre)
{
    const int64_t rows = leit_device_rows(args.n_rows, args.N), D = args.D, K = args.K;
    const leit_tile_place place = leit_tile_of_block(D);
    if (place.row < rows) {
        leit_tile_sum sum = {};
        leit_tile_product(sum, {dpre, rows, K, 1}, place.row, {args.w, D, 1, D}, place.column, K);
        LEIT_EACH_SHARE (r, c) {
            const int64_t n = place.row + leit_tile_row(r), d = place.column + leit_tile_column(c);
            if (n < rows && d < D) args.dx[n * D + d] = sum[r][c];
        }
    }
}

static __global__ void dw_tiles(struct leit_linear args, const float *dpre)
{
    const int64_t rows = leit_device_rows(args.n_rows, args.N), D = args.D, K = args.K;
    const leit_tile_place place = leit_tile_of_block(D);
    leit_tile_sum sum = {};
    leit_tile_product(sum, {dpre, K, 1, K}, place.row, {args.x, D, 1, D}, place.column, rows);
    LEIT_EACH_SHARE (r, c) {
        const int64_t k = place.row + leit_tile_row(r), d = place.column + leit_tile_column(c);
        if (k < K && d < D) args.dw[k * D + d] += sum[r][c];
    }
}

leit_status leit_linear_forward_cuda(const leit_exec *exec, const struct leit_linear *args)
{
    LEIT_TRY(leit_linear_check(args));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(forward_tiles, leit_tile_blocks(args->N, args->K), LEIT_TILE_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("linear forward");
}

leit_status leit_linear_backward_cuda(const leit_exec *exec, const struct leit_linear *args)
{
    LEIT_TRY(leit_linear_check(args));
    LEIT_TRY(leit_check_workspace("linear", exec, leit_linear_workspace_cuda(args, 1)));
    if (args->N == 0) return LEIT_OK;
    float *workspace = static_cast<float *>(exec->workspace);
    float *dpre = args->activation == LEIT_ACTIVATION_NONE ? nullptr : workspace;
    float *partial = args->db == nullptr ? nullptr : workspace + dpre_elements(args);
    const int column_blocks = (int)leit_pieces(args->K, COLUMN_THREADS);
    if (dpre != nullptr || partial != nullptr)
        LEIT_LAUNCH(differentiate,
                    (unsigned)(leit_pieces(args->N, ROWS_PER_PARTIAL) * column_blocks),
                    COLUMN_THREADS, 0, exec->stream, *args, column_blocks, dpre, partial);
    if (partial != nullptr)
        LEIT_LAUNCH(add_partials, leit_element_blocks(args->K), LEIT_ELEMENT_THREADS, 0,
                    exec->stream, *args, partial);
    const float *gradient = dpre == nullptr ? args->dy : dpre;
    if (args->dx != nullptr)
        LEIT_LAUNCH(dx_tiles, leit_tile_blocks(args->N, args->D), LEIT_TILE_THREADS, 0,
                    exec->stream, *args, gradient);
    if (args->dw != nullptr)
        LEIT_LAUNCH(dw_tiles, leit_tile_blocks(args->K, args->D), LEIT_TILE_THREADS, 0,
                    exec->stream, *args, gradient);
    return leit_launch_status("linear backward");
}

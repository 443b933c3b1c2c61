#include "kernels/linear.h"

#include "kernels/gemm.cuh"
#include "kernels/linear.cuh"

/* Three tiled products; bias and activation are the forward's last lines. What the backward does
 * before its products is linear.cuh. */

size_t leit_linear_workspace_cuda(const struct leit_linear *args, int n_workers)
{
    (void)n_workers;
    return (size_t)leit_linear_gradient_floats(args) * sizeof(float);
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

static __global__ void dx_tiles(struct leit_linear args, const float *dpre)
{
    const int64_t rows = leit_device_rows(args.n_rows, args.N), D = args.D, K = args.K;
    const leit_tile_place place = leit_tile_of_block(D);
    if (place.row < rows) {
        leit_tile_sum sum = {};
        leit_tile_product(sum, {dpre, rows, K, 1}, place.row, {args.w, D, 1, D}, place.column, K);
        LEIT_EACH_SHARE (r, c) {
            const int64_t n = place.row + leit_tile_row(r), d = place.column + leit_tile_column(c);
            if (n >= rows || d >= D) continue;
            float *dx = args.dx + n * D + d;
            *dx = args.adds_dx ? *dx + sum[r][c] : sum[r][c];
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
    const float *gradient = leit_linear_differentiate(exec, args);
    if (args->dx != nullptr)
        LEIT_LAUNCH(dx_tiles, leit_tile_blocks(args->N, args->D), LEIT_TILE_THREADS, 0,
                    exec->stream, *args, gradient);
    if (args->dw != nullptr)
        LEIT_LAUNCH(dw_tiles, leit_tile_blocks(args->K, args->D), LEIT_TILE_THREADS, 0,
                    exec->stream, *args, gradient);
    return leit_launch_status("linear backward");
}

#include "kernels/l2_normalize.h"

#include "kernels/rows.cuh"

static __device__ const float epsilon = 1e-12f;

LEIT_NO_WORKSPACE_CUDA(l2_normalize)

static __global__ void forward_rows(struct leit_l2_normalize args)
{
    const int64_t n = leit_warp_row();
    if (n < leit_device_rows(args.n_rows, args.N)) {
        const float *x = args.x + n * args.E;
        const float norm = leit_sqrt(leit_warp_dot(x, x, args.E));
        const float divisor = norm < epsilon ? epsilon : norm;
        for (int64_t e = leit_lane(); e < args.E; e += LEIT_WARP)
            args.y[n * args.E + e] = x[e] / divisor;
        if (leit_lane() == 0) args.norm[n] = norm;
    }
}

static __global__ void backward_rows(struct leit_l2_normalize args)
{
    const int64_t n = leit_warp_row();
    if (n < leit_device_rows(args.n_rows, args.N)) {
        const float *y = args.y + n * args.E, *dy = args.dy + n * args.E;
        const float norm = args.norm[n];
        const bool is_clamped = norm < epsilon;
        const float dot = leit_warp_dot(y, dy, args.E), along = is_clamped ? 0.0f : dot;
        const float divisor = is_clamped ? epsilon : norm;
        for (int64_t e = leit_lane(); e < args.E; e += LEIT_WARP)
            args.dx[n * args.E + e] = (dy[e] - y[e] * along) / divisor;
    }
}

leit_status leit_l2_normalize_forward_cuda(const leit_exec *exec,
                                           const struct leit_l2_normalize *args)
{
    LEIT_TRY(leit_l2_normalize_check(args));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(forward_rows, leit_row_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args);
    return leit_launch_status("l2_normalize forward");
}

leit_status leit_l2_normalize_backward_cuda(const leit_exec *exec,
                                            const struct leit_l2_normalize *args)
{
    LEIT_TRY(leit_l2_normalize_check(args));
    if (args->N == 0 || args->dx == nullptr) return LEIT_OK;
    LEIT_LAUNCH(backward_rows, leit_row_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args);
    return leit_launch_status("l2_normalize backward");
}

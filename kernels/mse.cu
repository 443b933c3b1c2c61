#include "kernels/mse.h"

#include "kernels/losses.cuh"

LEIT_NO_WORKSPACE_CUDA(mse)

static __global__ void forward_rows(struct leit_mse args, unsigned *ticket)
{
    const int64_t n = leit_warp_row(), D = args.D;
    if (n < leit_device_rows(args.n_rows, args.N)) {
        const float *x = args.x + n * D, *target = args.target + n * D;
        float total = 0.0f;
        for (int64_t d = leit_lane(); d < D; d += LEIT_WARP)
            total += (x[d] - target[d]) * (x[d] - target[d]);
        total = leit_warp_sum(total);
        if (leit_lane() == 0) args.losses[n] = total / (float)D;
    }
    leit_complete_loss(args.losses, args.n_rows, args.N, args.loss, ticket);
}

static __global__ void backward_elements(struct leit_mse args)
{
    const int64_t i = leit_element(), rows = leit_device_rows(args.n_rows, args.N);
    if (i < rows * args.D) {
        const float share = 2.0f * leit_loss_share(args.dloss, rows) / (float)args.D;
        args.dx[i] = share * (args.x[i] - args.target[i]);
    }
}

leit_status leit_mse_forward_cuda(const leit_exec *exec, const struct leit_mse *args)
{
    LEIT_TRY(leit_mse_check(args));
    LEIT_LAUNCH(forward_rows, leit_loss_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args,
                exec->tickets);
    return leit_launch_status("mse forward");
}

leit_status leit_mse_backward_cuda(const leit_exec *exec, const struct leit_mse *args)
{
    LEIT_TRY(leit_mse_check(args));
    if (args->N == 0 || args->dx == nullptr) return LEIT_OK;
    LEIT_LAUNCH(backward_elements, leit_element_blocks(args->N * args->D), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("mse backward");
}

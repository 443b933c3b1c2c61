#include "kernels/softmax_cross_entropy.h"

#include "kernels/losses.cuh"

LEIT_NO_WORKSPACE_CUDA(softmax_cross_entropy)

static __global__ void forward_rows(struct leit_softmax_cross_entropy args, unsigned *ticket)
{
    const int64_t n = leit_warp_row(), K = args.K;
    if (n < leit_device_rows(args.n_rows, args.N)) {
        const float log_p =
            leit_softmax_warp(args.x + n * K, K, args.labels[n], args.probabilities + n * K);
        if (leit_lane() == 0) args.losses[n] = -log_p;
    }
    leit_complete_loss(args.losses, args.n_rows, args.N, args.loss, ticket);
}

static __global__ void backward_rows(struct leit_softmax_cross_entropy args)
{
    const int64_t n = leit_warp_row(), K = args.K, rows = leit_device_rows(args.n_rows, args.N);
    if (n < rows) {
        const float share = leit_loss_share(args.dloss, rows);
        const float *p = args.probabilities + n * K;
        for (int64_t k = leit_lane(); k < K; k += LEIT_WARP)
            args.dx[n * K + k] = share * (p[k] - (k == args.labels[n] ? 1.0f : 0.0f));
    }
}

leit_status leit_softmax_cross_entropy_forward_cuda(const leit_exec *exec,
                                                    const struct leit_softmax_cross_entropy *args)
{
    LEIT_TRY(leit_softmax_cross_entropy_check(args));
    LEIT_LAUNCH(forward_rows, leit_loss_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args,
                exec->tickets);
    return leit_launch_status("softmax_cross_entropy forward");
}

leit_status leit_softmax_cross_entropy_backward_cuda(const leit_exec *exec,
                                                     const struct leit_softmax_cross_entropy *args)
{
    LEIT_TRY(leit_softmax_cross_entropy_check(args));
    if (args->N == 0 || args->dx == nullptr) return LEIT_OK;
    LEIT_LAUNCH(backward_rows, leit_row_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args);
    return leit_launch_status("softmax_cross_entropy backward");
}

#include "kernels/bce_with_logits.h"

#include "kernels/losses.cuh"

LEIT_NO_WORKSPACE_CUDA(bce_with_logits)

static __global__ void forward_rows(struct leit_bce_with_logits args, unsigned *ticket)
{
    const int64_t n = leit_warp_row(), K = args.K;
    if (n < leit_device_rows(args.n_rows, args.N)) {
        const float *x = args.x + n * K, *t = args.targets + n * K;
        float total = 0.0f;
        for (int64_t k = leit_lane(); k < K; k += LEIT_WARP)
            total += fmaxf(x[k], 0.0f) - x[k] * t[k] + leit_log1p(leit_exp(-fabsf(x[k])));
        total = leit_warp_sum(total);
        if (leit_lane() == 0) args.losses[n] = total / (float)K;
    }
    leit_complete_loss(args.losses, args.n_rows, args.N, args.loss, ticket);
}

static __global__ void backward_elements(struct leit_bce_with_logits args)
{
    const int64_t i = leit_element(), rows = leit_device_rows(args.n_rows, args.N);
    if (i < rows * args.K) {
        const float share = leit_loss_share(args.dloss, rows) / (float)args.K;
        const float sigmoid = 1.0f / (1.0f + leit_exp(-args.x[i]));
        args.dx[i] = share * (sigmoid - args.targets[i]);
    }
}

leit_status leit_bce_with_logits_forward_cuda(const leit_exec *exec,
                                              const struct leit_bce_with_logits *args)
{
    LEIT_TRY(leit_bce_with_logits_check(args));
    LEIT_LAUNCH(forward_rows, leit_loss_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args,
                exec->tickets);
    return leit_launch_status("bce_with_logits forward");
}

leit_status leit_bce_with_logits_backward_cuda(const leit_exec *exec,
                                               const struct leit_bce_with_logits *args)
{
    LEIT_TRY(leit_bce_with_logits_check(args));
    if (args->N == 0 || args->dx == nullptr) return LEIT_OK;
    LEIT_LAUNCH(backward_elements, leit_element_blocks(args->N * args->K), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("bce_with_logits backward");
}

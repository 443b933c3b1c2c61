#include "kernels/focal_loss.h"

#include "kernels/losses.cuh"

LEIT_NO_WORKSPACE_CUDA(focal_loss)

/* 1 - p: where p is near 1 and the difference would cancel, the sum of the other probabilities. A
 * label outside [0, K) gives NaN. */
static __device__ float rest_of(const float *p, int64_t K, int64_t label)
{
    float others = 0.0f;
    for (int64_t k = leit_lane(); k < K; k += LEIT_WARP)
        if (k != label) others += p[k];
    others = leit_warp_sum(others);
    if (label < 0 || label >= K) return leit_nan();
    return p[label] < 0.5f ? 1.0f - p[label] : others;
}

static __global__ void forward_rows(struct leit_focal_loss args, unsigned *ticket)
{
    const int64_t n = leit_warp_row(), K = args.K;
    if (n < leit_device_rows(args.n_rows, args.N)) {
        float *p = args.probabilities + n * K;
        const int64_t label = args.labels[n];
        const float log_p = leit_softmax_warp(args.x + n * K, K, label, p);
        __syncwarp(LEIT_ALL_LANES); /* p[label] is another lane's */
        const float rest = rest_of(p, K, label);
        if (leit_lane() == 0) args.losses[n] = -leit_pow(rest, args.gamma) * log_p;
    }
    leit_complete_loss(args.losses, args.n_rows, args.N, args.loss, ticket);
}

/* log p of the label, for its gradient; p itself would lose a small one. */
static __device__ float log_probability(const float *x, int64_t K, int64_t label)
{
    float largest = -INFINITY, total = 0.0f;
    for (int64_t k = leit_lane(); k < K; k += LEIT_WARP) largest = fmaxf(largest, x[k]);
    largest = leit_warp_max(largest);
    for (int64_t k = leit_lane(); k < K; k += LEIT_WARP) total += leit_exp(x[k] - largest);
    return x[label] - largest - leit_log(leit_warp_sum(total));
}

/* d loss / d x[k] = slope * (onehot - p[k]) with slope = -(1-p)^gamma, and for the full gradient
 * slope += gamma p (1-p)^(gamma-1) log p. */
static __global__ void backward_rows(struct leit_focal_loss args)
{
    const int64_t n = leit_warp_row(), K = args.K, rows = leit_device_rows(args.n_rows, args.N);
    if (n < rows) {
        const float *p = args.probabilities + n * K;
        const int64_t label = args.labels[n];
        const float share = leit_loss_share(args.dloss, rows), gamma = args.gamma;
        const float rest = rest_of(p, K, label);
        float slope = -leit_pow(rest, gamma);
        if (!args.weight_is_constant && gamma > 0.0f && rest > 0.0f)
            slope += gamma * p[label] * leit_pow(rest, gamma - 1.0f) *
                     log_probability(args.x + n * K, K, label);
        for (int64_t k = leit_lane(); k < K; k += LEIT_WARP)
            args.dx[n * K + k] = share * slope * (k == label ? rest : -p[k]);
    }
}

leit_status leit_focal_loss_forward_cuda(const leit_exec *exec, const struct leit_focal_loss *args)
{
    LEIT_TRY(leit_focal_loss_check(args));
    LEIT_LAUNCH(forward_rows, leit_loss_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args,
                exec->tickets);
    return leit_launch_status("focal_loss forward");
}

leit_status leit_focal_loss_backward_cuda(const leit_exec *exec, const struct leit_focal_loss *args)
{
    LEIT_TRY(leit_focal_loss_check(args));
    if (args->N == 0 || args->dx == nullptr) return LEIT_OK;
    LEIT_LAUNCH(backward_rows, leit_row_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args);
    return leit_launch_status("focal_loss backward");
}

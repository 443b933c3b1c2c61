/* What the losses share on CUDA: a warp per row, and in the block that ends last the mean over rows. */
#ifndef LEIT_KERNELS_LOSSES_CUH
#define LEIT_KERNELS_LOSSES_CUH

#include "kernels/rows.cuh"

/* loss = the mean of the first rows of losses, 0 when there are none: in the block that ends last. All
 * threads of a block call it when its rows have theirs. */
LEIT_DEVICE_FUNCTION void leit_complete_loss(const float *losses, const int32_t *n_rows, int64_t N,
                                             float *loss, unsigned *ticket)
{
    LEIT_SHARED(float, partial, [LEIT_WARP]);
    if (leit_is_last_block(ticket, gridDim.x)) { /* the same for all of them */
        const int64_t rows = leit_device_rows(n_rows, N);
        float sum = 0.0f;
        for (int64_t n = threadIdx.x; n < rows; n += LEIT_ROW_THREADS) sum += losses[n];
        sum = leit_block_sum(sum, partial);
        if (threadIdx.x == 0) *loss = rows == 0 ? 0.0f : sum / (float)rows;
    }
}

/* No rows have a loss too. */
static inline unsigned leit_loss_blocks(int64_t N)
{
    return N > 0 ? leit_row_blocks(N) : 1;
}

/* What a row's gradient is multiplied with; there are rows. */
LEIT_DEVICE_FUNCTION float leit_loss_share(const float *dloss, int64_t rows)
{
    return *dloss / (float)rows;
}

/* Writes softmax(x) of K logits to p and returns log p[label], in every lane. A lane reads back only
 * what it wrote. A label outside [0, K) has a loss of NaN. */
LEIT_DEVICE_FUNCTION float leit_softmax_warp(const float *x, int64_t K, int64_t label, float *p)
{
    float largest = -INFINITY, total = 0.0f;
    for (int64_t k = leit_lane(); k < K; k += LEIT_WARP) largest = fmaxf(largest, x[k]);
    largest = leit_warp_max(largest);
    for (int64_t k = leit_lane(); k < K; k += LEIT_WARP) {
        p[k] = leit_exp(x[k] - largest);
        total += p[k];
    }
    total = leit_warp_sum(total);
    for (int64_t k = leit_lane(); k < K; k += LEIT_WARP) p[k] /= total;
    return label >= 0 && label < K ? x[label] - largest - leit_log(total) : leit_nan();
}

#endif

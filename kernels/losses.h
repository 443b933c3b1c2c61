/* What the losses share on the CPU: the mean over rows. */
#ifndef LEIT_KERNELS_LOSSES_H
#define LEIT_KERNELS_LOSSES_H

#include "kernels/blocks.h"

/* The mean of n losses, 0 when there are none. */
static inline float leit_mean_loss(const float *losses, int64_t n)
{
    return n == 0 ? 0.0f : leit_sum(losses, n) / (float)n;
}

/* What a row's gradient is multiplied with. */
static inline float leit_loss_share(const float *dloss, int64_t n)
{
    return n == 0 ? 0.0f : *dloss / (float)n;
}

#endif

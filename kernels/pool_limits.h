/* What every pooling kernel asks of its sizes, on either backend. */
#ifndef LEIT_KERNELS_POOL_LIMITS_H
#define LEIT_KERNELS_POOL_LIMITS_H

#include "kernels/op.h"

enum { LEIT_MAX_POOL = 15, LEIT_MAX_CHANNELS = 16384 };

static inline leit_status leit_check_windows(const char *op, int64_t N, int64_t H, int64_t W,
                                             int64_t C, int height, int width)
{
    LEIT_FAIL_IF(N < 0 || H < 1 || W < 1 || C < 1 || C > LEIT_MAX_CHANNELS || height < 1 ||
                     height > LEIT_MAX_POOL || height > H || width < 1 || width > LEIT_MAX_POOL ||
                     width > W,
                 LEIT_INTERNAL,
                 "%s: (%lld, %lld, %lld, %lld) pooled by %d x %d, expected C in 1 .. %d and pools "
                 "in 1 .. %d that fit the image",
                 op, (long long)N, (long long)H, (long long)W, (long long)C, height, width,
                 LEIT_MAX_CHANNELS, LEIT_MAX_POOL);
    return LEIT_OK;
}

#endif

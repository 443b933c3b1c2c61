/* batch_moments: the mean of each channel over a part of a batch, the sum of squared deviations from
 * it, and how many samples that part has: what batchnorm2d joins where the parts of a batch lie in
 * several places.
 *   x, dx          (N, H, W, C)
 *   moments        (2 C + 1)     means, sums of squared deviations, the count of samples; zeros
 *                                where there are none
 *   dmoments       (2 C + 1)     in; that of the count is not read
 *   dx             written, or added where adds_dx is set:
 *                  dmean / pixels + 2 dsquares (x - mean), of all pixels that hold data
 *   n_samples      samples that hold data, NULL: N
 *   Limits         N, H, W >= 1, 1 <= C <= 16384.
 *   Error          at most 2 x that of the naive fp32 loops (two passes), against double.
 *   Repeatable     bit for bit, for any number of threads.
 */
#ifndef LEIT_KERNELS_BATCH_MOMENTS_H
#define LEIT_KERNELS_BATCH_MOMENTS_H

#include <stdbool.h>

#include "kernels/pool_limits.h"

struct leit_batch_moments {
    int64_t N, H, W, C;
    const int32_t *n_samples;
    const float *x;
    float *moments;
    const float *dmoments;
    float *dx;
    bool adds_dx;
};

static inline leit_status leit_batch_moments_check(const struct leit_batch_moments *args)
{
    LEIT_TRY(leit_check_windows("batch_moments", args->N, args->H, args->W, args->C, 1, 1));
    LEIT_FAIL_IF(args->N < 1, LEIT_INTERNAL, "batch_moments: N is %lld, expected 1 or more",
                 (long long)args->N);
    return LEIT_OK;
}

LEIT_DECLARE_OP(batch_moments)

#endif

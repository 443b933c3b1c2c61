/* batchnorm2d: y = maxpool(relu((x - mean) * rstd * w + b + residual)), per channel, in one piece:
 * the normalised tensor of full size is never written.
 *   x, residual    (N, H, W, C)    residual may be NULL
 *   w, b           (C)
 *   running_mean, running_var (C)  training: moved towards the batch's mean and unbiased variance
 *                                  by `momentum`; otherwise read in place of the batch's
 *   mean, rstd     (C)             written forward, read backward; rstd = 1 / sqrt(var + epsilon),
 *                                  biased var
 *   y              (N, H / pool_height, W / pool_width, C)  floor division: what is left of a row
 *                                  or column counts in the statistics but not in y
 *   argmax         as y            which element of the window (row-major) y came from, the first
 *                                  of equals; NULL when nothing is pooled
 *   dy             as y            in
 *   dx, dresidual  as x            written
 *   dw, db         (C)             accumulated
 *   moments        (n_parts, 2 C + 1)  where x is a part of the batch: what batch_moments says of
 *                                      each part; mean, rstd and the running statistics are those of
 *                                      the batch. (2 C + 1) where n_parts is 0: those of x
 *                                      itself, read forward alone. NULL: x tells its own. Of
 *                                      training alone.
 *   dmoments       as moments      of parts: written, 0 for the counts; dx takes moments as given:
 *                                  the rest of x's gradient is the backward of batch_moments
 *   training       0: mean and rstd come from the running statistics and are constants backward
 *   relu           0: no relu
 *   n_samples      samples that hold data, NULL: N. None: nothing is read or written, but what the
 *                  other parts of a batch come to.
 *   Limits         N >= 0, with moments n_parts, N >= 1, H, W, C >= 1, C <= 16384, pools 1 .. 15 and at most H and W; pooling
 *                  needs argmax. In training a channel needs more than one value: LEIT_DATA.
 *   NaN            goes through relu and pooling, as in PyTorch.
 *   Error          at most 2 x that of the naive fp32 loops (two passes), against double.
 *   Repeatable     bit for bit, for any number of threads.
 *   Source         Ioffe and Szegedy, "Batch Normalization" (2015), algorithm 1; PyTorch's
 *                  defaults are momentum 0.1 and epsilon 1e-5.
 */
#ifndef LEIT_KERNELS_BATCHNORM2D_H
#define LEIT_KERNELS_BATCHNORM2D_H

#include "kernels/pool_limits.h"

struct leit_batchnorm2d {
    int64_t N, H, W, C;
    int training, relu;
    int pool_height, pool_width; /* 1, 1: none */
    float epsilon, momentum;
    const int32_t *n_samples;
    const float *x, *residual, *w, *b;
    float *running_mean, *running_var;
    float *mean, *rstd;
    float *y;
    uint8_t *argmax;
    const float *dy;
    float *dx, *dresidual, *dw, *db;
    int64_t n_parts;
    const float *moments;
    float *dmoments;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_batchnorm2d_check(const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_check_windows("batchnorm2d", args->N, args->H, args->W, args->C,
                                args->pool_height, args->pool_width));
    LEIT_FAIL_IF(args->pool_height * args->pool_width > 1 && args->argmax == NULL, LEIT_INTERNAL,
                 "batchnorm2d: pooling needs the buffer argmax");
    LEIT_FAIL_IF(args->moments != NULL && (args->n_parts < 0 || args->N < 1 || !args->training),
                 LEIT_INTERNAL,
                 "batchnorm2d: moments of %lld parts for %lld samples, expected 0 or more of 1 or "
                 "more, in training",
                 (long long)args->n_parts, (long long)args->N);
    return LEIT_OK;
}

LEIT_DECLARE_OP(batchnorm2d)

#endif

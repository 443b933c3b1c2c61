/* What the plain and the fast batchnorm2d share: how pixels are cut into pieces that blocks sum. */
#ifndef LEIT_KERNELS_BATCHNORM2D_CUH
#define LEIT_KERNELS_BATCHNORM2D_CUH

#include "kernels/batchnorm2d.h"
#include "kernels/images.cuh"

enum { LEIT_CUT_THREADS = 256, LEIT_LEAST_ROUNDS = 16 };
enum { LEIT_BATCHNORM2D_FACTORS = 3 };

/* How pixels of some lanes each, channels or groups of them, are cut: fixed by the capacity, so that
 * a smaller batch is summed in the same order. */
struct leit_cut {
    int lanes;             /* that a block works on, a power of two up to LEIT_WARP */
    int64_t groups;        /* of lanes */
    int64_t piece, pieces; /* pixels of one, and how many */
};

static inline struct leit_cut leit_cut_of(int64_t pixels, int64_t n_lanes, int64_t most_pieces)
{
    struct leit_cut cut = {1, 0, 0, 0};
    while (cut.lanes < LEIT_WARP && cut.lanes < n_lanes) cut.lanes *= 2;
    cut.groups = leit_pieces(n_lanes, cut.lanes);
    cut.piece = leit_pieces(pixels, most_pieces);
    const int64_t least = LEIT_LEAST_ROUNDS * (LEIT_CUT_THREADS / cut.lanes);
    if (cut.piece < least) cut.piece = least;
    cut.pieces = leit_pieces(pixels, cut.piece);
    return cut;
}

/* What a thread does in its block: one lane of the pixels begin + first, begin + first + step, ...
 */
struct leit_share {
    int64_t lane, piece, begin, end;
    int first, step;
};

LEIT_DEVICE_FUNCTION struct leit_share leit_share_of_thread(const struct leit_cut &cut,
                                                            int64_t pixels)
{
    struct leit_share share;
    share.piece = blockIdx.x / cut.groups;
    share.lane = blockIdx.x % cut.groups * cut.lanes + threadIdx.x % cut.lanes;
    share.first = (int)threadIdx.x / cut.lanes;
    share.step = LEIT_CUT_THREADS / cut.lanes;
    share.begin = share.piece * cut.piece;
    share.end = share.begin + cut.piece < pixels ? share.begin + cut.piece : pixels;
    return share;
}

/* Mean, rstd and variance over n pixels. One value alone has none: NaN, for the host cannot see it. */
struct leit_statistics {
    float mean, rstd, unbiased;
};

LEIT_DEVICE_FUNCTION struct leit_statistics leit_statistics_of(const struct leit_batchnorm2d &args,
                                                               float n, float mean, float squares)
{
    const struct leit_statistics of = {n == 1.0f ? leit_nan() : mean,
                                       1.0f / leit_sqrt(squares / n + args.epsilon),
                                       squares / (n - 1.0f)};
    return of;
}

/* Writes those of channel c, and moves the running ones. */
LEIT_DEVICE_FUNCTION void leit_take_statistics(const struct leit_batchnorm2d &args, int64_t c,
                                               const struct leit_statistics &of)
{
    const float momentum = args.momentum, rest = 1.0f - momentum;
    args.mean[c] = of.mean;
    args.rstd[c] = of.rstd;
    args.running_mean[c] = rest * args.running_mean[c] + momentum * of.mean;
    args.running_var[c] = rest * args.running_var[c] + momentum * of.unbiased;
}

/* dx = scale g - slope (x - mean) - shift. */
struct leit_dx_factors {
    float scale, slope, shift;
};

/* Of channel c over n pixels, whose sums of g and of g (x - mean) these are. */
LEIT_DEVICE_FUNCTION struct leit_dx_factors leit_dx_factors_of(const struct leit_batchnorm2d &args,
                                                               int64_t c, double n, double sum_g,
                                                               double sum_gx)
{
    const double rstd = (double)args.rstd[c], scale = rstd * (double)args.w[c];
    struct leit_dx_factors of = {(float)scale, 0.0f, 0.0f};
    if (args.training) {
        of.slope = (float)(scale * rstd * (sum_gx * rstd) / n);
        of.shift = (float)(scale * sum_g / n);
    }
    return of;
}

/* Adds them to dw and db. */
LEIT_DEVICE_FUNCTION void leit_add_gradients(const struct leit_batchnorm2d &args, int64_t c,
                                             double sum_g, double sum_gx)
{
    if (args.db != nullptr) args.db[c] += (float)sum_g;
    if (args.dw != nullptr) args.dw[c] += (float)(sum_gx * (double)args.rstd[c]);
}

static inline struct leit_pooling leit_batchnorm2d_pooling(const struct leit_batchnorm2d *args)
{
    return leit_pooling_of(args->H, args->W, args->C, args->pool_height, args->pool_width);
}

/* What a forward checks before it works. */
leit_status leit_batchnorm2d_check_forward(const struct leit_batchnorm2d *args);

/* Not in training: mean and rstd from the running statistics. */
void leit_batchnorm2d_take_running(const leit_exec *exec, const struct leit_batchnorm2d *args);

/* With moments given: mean, rstd and the running statistics from them. Of parts also what is theirs of
 * the factors of dx, (3, C) as join_gradients leaves them. */
void leit_batchnorm2d_join_parts(const leit_exec *exec, const struct leit_batchnorm2d *args);
void leit_batchnorm2d_give_to_parts(const leit_exec *exec, const struct leit_batchnorm2d *args,
                                    float *factors);

/* Of args, whose x and sizes alone are read: what batch_moments writes, row (2 C + 1). */
void leit_batchnorm2d_write_moments(const leit_exec *exec, const struct leit_batchnorm2d *args,
                                    float *row);

#endif

/* Weighing and drawing of triplet_sample on CUDA: in double and in the CPU's order of sums, so that equal
 * embeddings draw the same rows everywhere. */
#ifndef LEIT_KERNELS_TRIPLET_SAMPLE_CUH
#define LEIT_KERNELS_TRIPLET_SAMPLE_CUH

#include "kernels/rows.cuh"
#include "kernels/triplet_sample.h"

enum { LEIT_TRIPLET_SUMS = 8 };

/* The rows of p, wherever they lie, `stride` apart. */
struct leit_triplet_items {
    const float *rows;
    int64_t stride;
    const double *reciprocal_norms; /* (N) */
};

/* Eight sums side by side, then their tree: the order of the CPU's vectors. */
LEIT_DEVICE_FUNCTION double leit_triplet_dot(const float *x, const float *y, int64_t E)
{
    double sum[LEIT_TRIPLET_SUMS] = {};
    for (int64_t start = 0; start < E; start += LEIT_TRIPLET_SUMS) {
        LEIT_UNROLL
        for (int k = 0; k < LEIT_TRIPLET_SUMS; k++)
            if (start + k < E) sum[k] += (double)x[start + k] * (double)y[start + k];
    }
    LEIT_UNROLL
    for (int width = LEIT_TRIPLET_SUMS / 2; width > 0; width /= 2) {
        LEIT_UNROLL
        for (int k = 0; k < LEIT_TRIPLET_SUMS / 2; k++)
            if (k < width) sum[k] += sum[k + width];
    }
    return sum[0];
}

LEIT_DEVICE_FUNCTION double leit_triplet_reciprocal_norm(const float *x, int64_t E)
{
    const double norm = leit_sqrt_double(leit_triplet_dot(x, x, E));
    return 1.0 / (norm < 1e-12 ? 1e-12 : norm);
}

/* log w of a row at cosine s, -inf where it weighs nothing: beyond the cutoff, or NaN. */
LEIT_DEVICE_FUNCTION double leit_triplet_log_weight(const struct leit_triplet_sample &args,
                                                    double s)
{
    const double E = (double)args.E;
    double squared = 2.0 - 2.0 * s;
    if (squared < 0.0) squared = 0.0;
    double d = leit_sqrt_double(squared);
    if (d < (double)args.cutoff) d = (double)args.cutoff;
    if (!(d < (double)args.nonzero_loss_cutoff)) return -(double)INFINITY;
    double rest = 1.0 - 0.25 * d * d;
    if (rest < 1e-8) rest = 1e-8;
    return (2.0 - E) * leit_log_double(d) - 0.5 * (E - 3.0) * leit_log_double(rest);
}

/* Weights of all rows for anchor n, a lane each, 0 for those not allowed. */
LEIT_DEVICE_FUNCTION void leit_triplet_weigh(const struct leit_triplet_sample &args, int64_t n,
                                             const leit_triplet_items &items, double *weights)
{
    const float *a = args.a + n * args.E;
    const double reciprocal = leit_triplet_reciprocal_norm(a, args.E);
    const bool by_distance = args.weights == LEIT_WEIGHTS_DISTANCE;
    double largest = -(double)INFINITY;
    for (int64_t j = leit_lane(); j < args.N; j += LEIT_WARP) {
        double weight = by_distance ? -(double)INFINITY : 0.0;
        if (args.item_labels[j] != args.anchor_labels[n]) {
            const double s = leit_triplet_dot(a, items.rows + j * items.stride, args.E) *
                             reciprocal * items.reciprocal_norms[j];
            if (by_distance)
                weight = leit_triplet_log_weight(args, s);
            else
                weight = s > -1.0 ? 0.5 * (s + 1.0) : 0.0;
        }
        weights[j] = weight;
        if (weight > largest) largest = weight;
    }
    largest = leit_warp_max(largest);
    for (int64_t j = leit_lane(); by_distance && j < args.N; j += LEIT_WARP)
        weights[j] = weights[j] == -(double)INFINITY ? 0.0 : leit_exp_double(weights[j] - largest);
}

/* Of one lane: the row where the running sum of the weights exceeds the draw, -1 without any. */
LEIT_DEVICE_FUNCTION int32_t leit_triplet_draw(const struct leit_triplet_sample &args, int64_t n,
                                               double *weights)
{
    double total = 0.0;
    for (int64_t j = 0; j < args.N; j++) total += weights[j];
    if (total == 0.0)
        for (int64_t j = 0; j < args.N; j++)
            total += weights[j] = args.item_labels[j] != args.anchor_labels[n] ? 1.0 : 0.0;
    if (total == 0.0) return -1;
    uint32_t words[4];
    const uint32_t counter[4] = {0, (uint32_t)n, args.random->step, args.stream};
    leit_philox(args.random->seed, counter, words);
    const double r = (double)leit_uniform_from_word(words[0]) * total;
    double running = 0.0;
    for (int64_t j = 0; j < args.N; j++) {
        running += weights[j];
        if (running > r) return (int32_t)j;
    }
    return -1;
}

#endif

#include "kernels/triplet_sample.h"

#include "kernels/rows.cuh"

/* As on the CPU, in double and in its order of sums, so that equal embeddings draw the same rows: a
 * warp weighs all rows for one anchor, a lane a row, and its first lane adds the weights up in row
 * order and draws. The few blocks walk over the anchors, so that their weights fit the workspace,
 * behind the reciprocal norms of the rows of p, which all anchors share. */

enum { SUMS = 8, MAX_BLOCKS = 64 };

static unsigned blocks_of(const struct leit_triplet_sample *args)
{
    const unsigned blocks = leit_row_blocks(args->N);
    return blocks < MAX_BLOCKS ? blocks : (unsigned)MAX_BLOCKS;
}

size_t leit_triplet_sample_workspace_cuda(const struct leit_triplet_sample *args, int n_workers)
{
    (void)n_workers;
    const size_t warps = (size_t)blocks_of(args) * LEIT_ROWS_PER_BLOCK;
    return (size_t)args->N * (1 + warps) * sizeof(double);
}

/* Eight sums side by side, then their tree: the order of the CPU's vectors. */
static __device__ double dot(const float *x, const float *y, int64_t E)
{
    double sum[SUMS] = {};
    for (int64_t start = 0; start < E; start += SUMS) {
        LEIT_UNROLL
        for (int k = 0; k < SUMS; k++)
            if (start + k < E) sum[k] += (double)x[start + k] * (double)y[start + k];
    }
    LEIT_UNROLL
    for (int width = SUMS / 2; width > 0; width /= 2) {
        LEIT_UNROLL
        for (int k = 0; k < SUMS / 2; k++)
            if (k < width) sum[k] += sum[k + width];
    }
    return sum[0];
}

static __device__ double reciprocal_norm(const float *x, int64_t E)
{
    const double norm = leit_sqrt_double(dot(x, x, E));
    return 1.0 / (norm < 1e-12 ? 1e-12 : norm);
}

static __global__ void measure_norms(struct leit_triplet_sample args, double *reciprocal_norms)
{
    const int64_t j = leit_element();
    if (j < args.N) reciprocal_norms[j] = reciprocal_norm(args.p + j * args.E, args.E);
}

/* log w of a row at cosine s, -inf where it weighs nothing: beyond the cutoff, or NaN. */
static __device__ double log_distance_weight(const struct leit_triplet_sample &args, double s)
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
static __device__ void weigh(const struct leit_triplet_sample &args, int64_t n,
                             const double *reciprocal_norms, double *weights)
{
    const float *a = args.a + n * args.E;
    const double reciprocal = reciprocal_norm(a, args.E);
    const bool by_distance = args.weights == LEIT_WEIGHTS_DISTANCE;
    double largest = -(double)INFINITY;
    for (int64_t j = leit_lane(); j < args.N; j += LEIT_WARP) {
        double weight = by_distance ? -(double)INFINITY : 0.0;
        if (args.item_labels[j] != args.anchor_labels[n]) {
            const double s = dot(a, args.p + j * args.E, args.E) * reciprocal * reciprocal_norms[j];
            if (by_distance)
                weight = log_distance_weight(args, s);
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
static __device__ int32_t draw(const struct leit_triplet_sample &args, int64_t n, double *weights)
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

static __global__ void sample(struct leit_triplet_sample args, const double *reciprocal_norms,
                              double *all_weights)
{
    double *weights = all_weights + leit_warp_row() * args.N;
    const int64_t warps = (int64_t)gridDim.x * LEIT_ROWS_PER_BLOCK;
    for (int64_t n = leit_warp_row(); n < args.N; n += warps) {
        weigh(args, n, reciprocal_norms, weights);
        __syncwarp(LEIT_ALL_LANES);
        if (leit_lane() == 0) args.negative[n] = draw(args, n, weights);
        __syncwarp(LEIT_ALL_LANES); /* the weights have been read */
    }
}

static __global__ void count_empty(struct leit_triplet_sample args)
{
    LEIT_SHARED(float, partial, [LEIT_WARP]);
    float empty = 0.0f; /* exact: there are at most 4096 */
    for (int64_t n = threadIdx.x; n < args.N; n += LEIT_ROW_THREADS)
        empty += args.negative[n] < 0 ? 1.0f : 0.0f;
    empty = leit_block_sum(empty, partial);
    if (threadIdx.x == 0) *args.n_empty = (int32_t)empty;
}

leit_status leit_triplet_sample_forward_cuda(const leit_exec *exec,
                                             const struct leit_triplet_sample *args)
{
    LEIT_TRY(leit_triplet_sample_check(args));
    LEIT_TRY(
        leit_check_workspace("triplet_sample", exec, leit_triplet_sample_workspace_cuda(args, 1)));
    double *reciprocal_norms = static_cast<double *>(exec->workspace);
    if (args->N > 0) {
        LEIT_LAUNCH(measure_norms, leit_element_blocks(args->N), LEIT_ELEMENT_THREADS, 0,
                    exec->stream, *args, reciprocal_norms);
        LEIT_LAUNCH(sample, blocks_of(args), LEIT_ROW_THREADS, 0, exec->stream, *args,
                    reciprocal_norms, reciprocal_norms + args->N);
    }
    LEIT_LAUNCH(count_empty, 1, LEIT_ROW_THREADS, 0, exec->stream, *args);
    return leit_launch_status("triplet_sample");
}

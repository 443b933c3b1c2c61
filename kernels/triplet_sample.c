#include "kernels/triplet_sample.h"

#include <math.h>
#include <stdbool.h>

#include "core/rng.h"
#include "kernels/blocks.h"

/* Anchors are independent: a task takes a block of them. An anchor's weights lie in its worker's
 * part of the workspace, behind the reciprocal norms of the rows of p, which all anchors share. */

enum { BLOCK_ANCHORS = 32, LANES = 8 };

size_t leit_triplet_sample_workspace_cpu(const struct leit_triplet_sample *args, int n_workers)
{
    return (size_t)args->N * (1 + (size_t)n_workers) * sizeof(double);
}

static double dot(const float *x, const float *y, int64_t E)
{
    double lane[LANES] = {0};
    int64_t start = 0;
    for (; start + LANES <= E; start += LANES)
        for (int64_t k = 0; k < LANES; k++) lane[k] += (double)x[start + k] * (double)y[start + k];
    for (int64_t k = 0; start + k < E; k++) lane[k] += (double)x[start + k] * (double)y[start + k];
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int k = 0; k < width; k++) lane[k] += lane[k + width];
    return lane[0];
}

static double reciprocal_norm(const float *x, int64_t E)
{
    const double norm = sqrt(dot(x, x, E));
    return 1.0 / (norm < 1e-12 ? 1e-12 : norm);
}

/* log w of a row at cosine s, -inf where it weighs nothing: beyond the cutoff, or NaN. */
static double log_distance_weight(const struct leit_triplet_sample *args, double s)
{
    const double E = (double)args->E;
    double squared = 2.0 - 2.0 * s;
    if (squared < 0.0) squared = 0.0;
    double d = sqrt(squared);
    if (d < (double)args->cutoff) d = (double)args->cutoff;
    if (!(d < (double)args->nonzero_loss_cutoff)) return -INFINITY;
    return (2.0 - E) * log(d) - 0.5 * (E - 3.0) * log(fmax(1.0 - 0.25 * d * d, 1e-8));
}

static bool is_allowed(const struct leit_triplet_sample *args, int64_t n, int64_t j)
{
    return args->item_labels[j] != args->anchor_labels[n];
}

/* Weights of all rows for anchor n, 0 for those not allowed; returns their sum in row order. */
static double weigh(const struct leit_triplet_sample *args, int64_t n,
                    const double *reciprocal_norms, double *weights)
{
    const int64_t E = args->E;
    const float *a = args->a + n * E;
    const double reciprocal = reciprocal_norm(a, E);
    const bool by_distance = args->weights == LEIT_WEIGHTS_DISTANCE;
    double largest = -INFINITY, total = 0.0;
    for (int64_t j = 0; j < args->N; j++) {
        weights[j] = by_distance ? -INFINITY : 0.0;
        if (!is_allowed(args, n, j)) continue;
        const double s = dot(a, args->p + j * E, E) * reciprocal * reciprocal_norms[j];
        if (!by_distance)
            weights[j] = s > -1.0 ? 0.5 * (s + 1.0) : 0.0;
        else
            weights[j] = log_distance_weight(args, s);
        if (weights[j] > largest) largest = weights[j];
    }
    for (int64_t j = 0; j < args->N; j++) {
        if (by_distance) weights[j] = weights[j] == -INFINITY ? 0.0 : exp(weights[j] - largest);
        total += weights[j];
    }
    return total;
}

static double weigh_alike(const struct leit_triplet_sample *args, int64_t n, double *weights)
{
    double total = 0.0;
    for (int64_t j = 0; j < args->N; j++) total += weights[j] = is_allowed(args, n, j);
    return total;
}

struct sampling {
    const struct leit_triplet_sample *args;
    double *reciprocal_norms, *weights;
};

static void sample_block(void *context, int64_t block, int worker)
{
    const struct sampling *sampling = context;
    const struct leit_triplet_sample *args = sampling->args;
    double *weights = sampling->weights + worker * args->N;
    const leit_range anchors = leit_block_range(block, args->N, BLOCK_ANCHORS);
    for (int64_t n = anchors.begin; n < anchors.end; n++) {
        args->negative[n] = -1;
        double total = weigh(args, n, sampling->reciprocal_norms, weights);
        if (total == 0.0) total = weigh_alike(args, n, weights);
        if (total == 0.0) continue;
        leit_rng rng =
            leit_rng_start(args->random->seed, args->stream, args->random->step, (uint32_t)n);
        const double r = (double)leit_rng_uniform(&rng) * total;
        double running = 0.0;
        for (int64_t j = 0; j < args->N; j++) {
            running += weights[j];
            if (!(running > r)) continue;
            args->negative[n] = (int32_t)j;
            break;
        }
    }
}

leit_status leit_triplet_sample_forward_cpu(const leit_exec *exec,
                                            const struct leit_triplet_sample *args)
{
    LEIT_TRY(leit_triplet_sample_check(args));
    LEIT_TRY(leit_check_workspace(
        "triplet_sample", exec,
        leit_triplet_sample_workspace_cpu(args, leit_threads_count(exec->threads))));
    double *doubles = exec->workspace;
    for (int64_t j = 0; j < args->N; j++)
        doubles[j] = reciprocal_norm(args->p + j * args->E, args->E);
    struct sampling sampling = {args, doubles, doubles == NULL ? NULL : doubles + args->N};
    leit_threads_run(exec->threads, leit_blocks(args->N, BLOCK_ANCHORS), sample_block, &sampling);
    *args->n_empty = 0;
    for (int64_t n = 0; n < args->N; n++) *args->n_empty += args->negative[n] < 0;
    return LEIT_OK;
}

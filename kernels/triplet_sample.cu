#include "kernels/triplet_sample.cuh"

/* A warp weighs all rows for one anchor, a lane a row, and its first lane adds the weights up in row
 * order and draws. The few blocks walk over the anchors, so that their weights fit the workspace,
 * behind the reciprocal norms of the rows of p, which all anchors share. */

enum { MAX_BLOCKS = 64 };

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

static __global__ void measure_norms(struct leit_triplet_sample args, double *reciprocal_norms)
{
    const int64_t j = leit_element();
    if (j < args.N) reciprocal_norms[j] = leit_triplet_reciprocal_norm(args.p + j * args.E, args.E);
}

static __global__ void sample(struct leit_triplet_sample args, const double *reciprocal_norms,
                              double *all_weights)
{
    double *weights = all_weights + leit_warp_row() * args.N;
    const leit_triplet_items items = {args.p, args.E, reciprocal_norms};
    const int64_t warps = (int64_t)gridDim.x * LEIT_ROWS_PER_BLOCK;
    for (int64_t n = leit_warp_row(); n < args.N; n += warps) {
        leit_triplet_weigh(args, n, items, weights);
        __syncwarp(LEIT_ALL_LANES);
        if (leit_lane() == 0) args.negative[n] = leit_triplet_draw(args, n, weights);
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

#include "kernels/triplet_sample.cuh"

/* One launch of one block, for the batches of a training step: its rows lie in shared memory, a warp
 * draws for one anchor after another, and the barrier between them counts the anchors with nothing
 * left. The arithmetic is the plain kernel's: in double, of which a step of 16 anchors needs less
 * than a microsecond, so that draws are the CPU's. What launches and reads of neighbouring rows
 * cost is what is saved. Rows lie an odd number of floats apart, so that lanes, one row each, meet no
 * bank twice. What does not fit goes to the plain kernel. */

enum { THREADS = 512, WARPS = THREADS / LEIT_WARP, MAX_SHARED_BYTES = 47 * 1024 };

static size_t shared_bytes(const struct leit_triplet_sample *args)
{
    const size_t N = (size_t)args->N, E = (size_t)args->E;
    return N * (1 + WARPS) * sizeof(double) + N * (E | 1) * sizeof(float);
}

static bool is_made_for(const struct leit_triplet_sample *args)
{
    return args->N > 0 && args->N <= MAX_SHARED_BYTES && args->E <= MAX_SHARED_BYTES &&
           shared_bytes(args) <= MAX_SHARED_BYTES;
}

size_t leit_triplet_sample_workspace_fast(const struct leit_triplet_sample *args, int n_workers)
{
    return is_made_for(args) ? 0 : leit_triplet_sample_workspace_cuda(args, n_workers);
}

static __global__ void __launch_bounds__(THREADS) sample_block(struct leit_triplet_sample args)
{
    LEIT_DYNAMIC_SHARED(double, memory);
    const int N = (int)args.N, E = (int)args.E, stride = E | 1;
    const int warp = (int)threadIdx.x / LEIT_WARP;
    double *reciprocal_norms = memory, *weights = memory + N + warp * N;
    float *rows = reinterpret_cast<float *>(memory + N + WARPS * N);
    for (int i = (int)threadIdx.x; i < N * E; i += THREADS)
        rows[i / E * stride + i % E] = args.p[i];
    __syncthreads();
    for (int j = (int)threadIdx.x; j < N; j += THREADS)
        reciprocal_norms[j] = leit_triplet_reciprocal_norm(rows + j * stride, E);
    __syncthreads();
    const leit_triplet_items items = {rows, stride, reciprocal_norms};
    int n_empty = 0;
    for (int first = 0; first < N; first += WARPS) {
        const int n = first + warp;
        int is_empty = 0;
        if (n < N) {
            leit_triplet_weigh(args, n, items, weights);
            __syncwarp(LEIT_ALL_LANES);
            if (leit_lane() == 0) {
                const int32_t negative = leit_triplet_draw(args, n, weights);
                args.negative[n] = negative;
                is_empty = negative < 0;
            }
        }
        n_empty += __syncthreads_count(is_empty);
    }
    if (threadIdx.x == 0) *args.n_empty = n_empty;
}

leit_status leit_triplet_sample_forward_fast(const leit_exec *exec,
                                             const struct leit_triplet_sample *args)
{
    LEIT_TRY(leit_triplet_sample_check(args));
    if (!is_made_for(args)) return leit_triplet_sample_forward_cuda(exec, args);
    LEIT_LAUNCH(sample_block, 1, THREADS, shared_bytes(args), exec->stream, *args);
    return leit_launch_status("triplet_sample");
}

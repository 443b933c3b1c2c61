#include "kernels/cosine_triplet.h"

#include "kernels/losses.cuh"

/* A warp owns a row: of the losses forward, of da or dp backward. For a row of dp it walks over the
 * anchors in order and takes what concerns it. The grid has a row of blocks for each pair. */

static __device__ const float smallest_norms = 1e-8f;

LEIT_NO_WORKSPACE_CUDA(cosine_triplet)

/* A NaN in u or v is in the dot product too. */
static __device__ float cosine(const float *u, const float *v, int64_t E)
{
    const float norms = leit_sqrt(leit_warp_dot(u, u, E)) * leit_sqrt(leit_warp_dot(v, v, E));
    return leit_warp_dot(u, v, E) / fmaxf(norms, smallest_norms);
}

static __global__ void forward_rows(struct leit_cosine_triplet args, unsigned *tickets)
{
    const leit_triplet_pair &pair = args.pairs[blockIdx.y];
    const int64_t n = leit_warp_row(), E = args.E;
    if (n < args.N) {
        const int64_t row = pair.negative[n];
        float loss = 0.0f;
        if (row >= args.N) {
            loss = leit_nan(); /* no row of p */
        } else if (row >= 0) {
            const float *a = pair.a + n * E;
            const float gap =
                args.margin - cosine(a, pair.p + n * E, E) + cosine(a, pair.p + row * E, E);
            loss = gap < 0.0f ? 0.0f : gap; /* fmaxf would hide a NaN */
        }
        if (leit_lane() == 0) pair.losses[n] = loss;
    }
    leit_complete_loss(pair.losses, nullptr, args.N, pair.loss, tickets + blockIdx.y);
}

/* Adds scale * d cos(u, v) / du to du. Below the clamp of the norms cos is a plain dot product. */
static __device__ void add_cosine_gradient(const float *u, const float *v, int64_t E, float scale,
                                           float *du)
{
    const float uu = leit_warp_dot(u, u, E), uv = leit_warp_dot(u, v, E);
    const float norms = leit_sqrt(uu) * leit_sqrt(leit_warp_dot(v, v, E));
    const bool is_clamped = norms < smallest_norms;
    const float along_v = scale / (is_clamped ? smallest_norms : norms);
    const float along_u = is_clamped ? 0.0f : along_v * uv / uu;
    for (int64_t e = leit_lane(); e < E; e += LEIT_WARP) du[e] += along_v * v[e] - along_u * u[e];
}

static __device__ void zero_row(float *row, int64_t E)
{
    for (int64_t e = leit_lane(); e < E; e += LEIT_WARP) row[e] = 0.0f;
}

static __device__ bool counts(const leit_triplet_pair &pair, int64_t n, int64_t N)
{
    return pair.negative[n] >= 0 && pair.negative[n] < N && pair.losses[n] != 0.0f;
}

static __device__ void write_anchor(const struct leit_cosine_triplet &args,
                                    const leit_triplet_pair &pair, int64_t n, float share)
{
    const int64_t E = args.E;
    const float *a = pair.a + n * E;
    float *da = pair.da + n * E;
    zero_row(da, E);
    if (counts(pair, n, args.N)) {
        add_cosine_gradient(a, pair.p + n * E, E, -share, da);
        add_cosine_gradient(a, pair.p + pair.negative[n] * E, E, share, da);
    }
}

static __device__ void write_item(const struct leit_cosine_triplet &args,
                                  const leit_triplet_pair &pair, int64_t row, float share)
{
    const int64_t E = args.E;
    const float *p = pair.p + row * E;
    float *dp = pair.dp + row * E;
    zero_row(dp, E);
    for (int64_t n = 0; n < args.N; n++) {
        if (!counts(pair, n, args.N)) continue;
        if (n == row) add_cosine_gradient(p, pair.a + n * E, E, -share, dp);
        if (pair.negative[n] == row) add_cosine_gradient(p, pair.a + n * E, E, share, dp);
    }
}

static __global__ void backward_rows(struct leit_cosine_triplet args)
{
    const leit_triplet_pair &pair = args.pairs[blockIdx.y];
    const int64_t row = leit_warp_row(), N = args.N;
    const float share = leit_loss_share(pair.dloss, N);
    if (row < N && pair.da != nullptr) write_anchor(args, pair, row, share);
    if (row >= N && row < 2 * N && pair.dp != nullptr) write_item(args, pair, row - N, share);
}

leit_status leit_cosine_triplet_forward_cuda(const leit_exec *exec,
                                             const struct leit_cosine_triplet *args)
{
    LEIT_TRY(leit_cosine_triplet_check(args));
    LEIT_LAUNCH(forward_rows, dim3(leit_loss_blocks(args->N), (unsigned)args->n_pairs),
                LEIT_ROW_THREADS, 0, exec->stream, *args, exec->tickets);
    return leit_launch_status("cosine_triplet forward");
}

leit_status leit_cosine_triplet_backward_cuda(const leit_exec *exec,
                                              const struct leit_cosine_triplet *args)
{
    LEIT_TRY(leit_cosine_triplet_check(args));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(backward_rows, dim3(leit_row_blocks(2 * args->N), (unsigned)args->n_pairs),
                LEIT_ROW_THREADS, 0, exec->stream, *args);
    return leit_launch_status("cosine_triplet backward");
}

#include "kernels/batchnorm2d.cuh"

/* As on the CPU. Forward: pieces of the pixels give their mean and their squared deviations from it,
 * a warp per channel joins the pieces in double, and one pass normalises, adds, applies relu and
 * pools. Backward, with g the gradient behind relu and pooling, h the normalised x and n the count:
 *     db = sum g, dw = sum g h, dx = w rstd (g - db / n - h dw / n), dresidual = g
 * where the sums run over the windows, because behind a pool g lives only at argmax.
 *
 * A block sums THREADS / channels pixels side by side for up to 32 channels: neighbouring threads
 * read neighbouring memory whether there are many channels or one. */

enum { THREADS = LEIT_CUT_THREADS, MAX_PIECES = 1024 };

static struct leit_cut cut_of_pixels(const struct leit_batchnorm2d *args)
{
    return leit_cut_of(args->N * args->H * args->W, args->C, MAX_PIECES);
}

static struct leit_cut cut_of_windows(const struct leit_batchnorm2d *args)
{
    const struct leit_pooling pooling = leit_batchnorm2d_pooling(args);
    return leit_cut_of(args->N * pooling.out_H * pooling.out_W, args->C, MAX_PIECES);
}

/* The factors of dx, then two sums per piece and channel. */
size_t leit_batchnorm2d_workspace_cuda(const struct leit_batchnorm2d *args, int n_workers)
{
    (void)n_workers;
    const int64_t forward = cut_of_pixels(args).pieces, backward = cut_of_windows(args).pieces;
    const int64_t pieces = forward > backward ? forward : backward;
    return (size_t)((LEIT_BATCHNORM2D_FACTORS + 2 * pieces) * args->C) * sizeof(float);
}

/* ---- sums over a piece ---- */

/* The sum over the threads of a channel, for each of them; all threads of the block call it. */
static __device__ float channel_sum(float value, const struct leit_cut &cut,
                                    const struct leit_share &share, float *sums)
{
    __syncthreads(); /* the previous sum has been read */
    sums[threadIdx.x] = value;
    __syncthreads();
    for (int half = share.step / 2; half > 0; half /= 2) {
        if (share.first < half) sums[threadIdx.x] += sums[threadIdx.x + half * cut.lanes];
        __syncthreads();
    }
    return sums[threadIdx.x % cut.lanes];
}

/* partial is (pieces, 2, C): the mean of a piece and its squared deviations. */
static __global__ void moments(struct leit_batchnorm2d args, struct leit_cut cut, float *partial)
{
    LEIT_SHARED(float, sums, [THREADS]);
    const int64_t pixels = leit_device_rows(args.n_samples, args.N) * args.H * args.W, C = args.C;
    const struct leit_share share = leit_share_of_thread(cut, pixels);
    const bool works = share.lane < C;
    float total = 0.0f, squares = 0.0f;
    for (int64_t p = share.begin + share.first; works && p < share.end; p += share.step)
        total += args.x[p * C + share.lane];
    const float mean = channel_sum(total, cut, share, sums) / (float)(share.end - share.begin);
    for (int64_t p = share.begin + share.first; works && p < share.end; p += share.step) {
        const float off = args.x[p * C + share.lane] - mean;
        squares += off * off;
    }
    squares = channel_sum(squares, cut, share, sums);
    if (works && share.first == 0 && share.begin < share.end) {
        partial[share.piece * 2 * C + share.lane] = mean;
        partial[(share.piece * 2 + 1) * C + share.lane] = squares;
    }
}

/* ---- joining the pieces, a warp per channel ---- */

static __device__ int64_t channel_of_warp()
{
    return ((int64_t)blockIdx.x * THREADS + threadIdx.x) / LEIT_WARP;
}

static unsigned channel_blocks(int64_t C)
{
    return (unsigned)leit_pieces(C * LEIT_WARP, THREADS);
}

static __device__ double count_of(const struct leit_cut &cut, int64_t piece, int64_t pixels)
{
    const int64_t begin = piece * cut.piece;
    return (double)(begin + cut.piece < pixels ? cut.piece : pixels - begin);
}

/* Means weighted by their counts, squared deviations shifted to the common mean. One value alone
 * has no variance: NaN, for the host cannot see it. */
static __global__ void join_moments(struct leit_batchnorm2d args, struct leit_cut cut,
                                    const float *partial)
{
    const int64_t c = channel_of_warp(), C = args.C;
    const int64_t pixels = leit_device_rows(args.n_samples, args.N) * args.H * args.W;
    if (c < C && pixels > 0) {
        const double n = (double)pixels, momentum = (double)args.momentum;
        const int64_t pieces = (pixels + cut.piece - 1) / cut.piece, lane = threadIdx.x % LEIT_WARP;
        double mean = 0.0, squares = 0.0;
        for (int64_t piece = lane; piece < pieces; piece += LEIT_WARP)
            mean += count_of(cut, piece, pixels) / n * (double)partial[piece * 2 * C + c];
        mean = leit_warp_sum(mean);
        for (int64_t piece = lane; piece < pieces; piece += LEIT_WARP) {
            const double off = (double)partial[piece * 2 * C + c] - mean;
            squares +=
                (double)partial[(piece * 2 + 1) * C + c] + count_of(cut, piece, pixels) * off * off;
        }
        squares = leit_warp_sum(squares);
        if (pixels == 1) mean = (double)leit_nan();
        if (lane == 0) {
            args.mean[c] = (float)mean;
            args.rstd[c] = (float)(1.0 / leit_sqrt_double(squares / n + (double)args.epsilon));
            args.running_mean[c] =
                (float)((1.0 - momentum) * (double)args.running_mean[c] + momentum * mean);
            args.running_var[c] = (float)((1.0 - momentum) * (double)args.running_var[c] +
                                          momentum * squares / (n - 1.0));
        }
    }
}

static __global__ void take_running(struct leit_batchnorm2d args)
{
    const int64_t c = leit_element();
    if (c < args.C && leit_device_rows(args.n_samples, args.N) > 0) {
        args.mean[c] = args.running_mean[c];
        args.rstd[c] = 1.0f / leit_sqrt(args.running_var[c] + args.epsilon);
    }
}

/* ---- forward ---- */

static __device__ float normalised(const struct leit_batchnorm2d &args, int64_t i, int64_t c)
{
    float v = (args.x[i] - args.mean[c]) * (args.rstd[c] * args.w[c]) + args.b[c];
    if (args.residual != nullptr) v += args.residual[i];
    return args.relu && v < 0.0f ? 0.0f : v;
}

static __global__ void normalise(struct leit_batchnorm2d args, struct leit_pooling pooling)
{
    const int64_t out = leit_element(), n_samples = leit_device_rows(args.n_samples, args.N);
    if (out < n_samples * pooling.out_H * pooling.out_W * pooling.C) {
        const int64_t c = out % args.C;
        float largest = normalised(args, leit_window_element(pooling, out, 0), c);
        int best = 0;
        for (int place = 1; place < pooling.height * pooling.width; place++)
            leit_take_larger(normalised(args, leit_window_element(pooling, out, place), c), place,
                             &largest, &best);
        args.y[out] = largest;
        if (args.argmax != nullptr) args.argmax[out] = (uint8_t)best;
    }
}

leit_status leit_batchnorm2d_check_forward(const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_batchnorm2d_check(args));
    LEIT_FAIL_IF(args->training && args->N * args->H * args->W == 1, LEIT_DATA,
                 "batch normalisation: one value per channel has no variance; training needs a "
                 "batch of at least two");
    return LEIT_OK;
}

void leit_batchnorm2d_take_running(const leit_exec *exec, const struct leit_batchnorm2d *args)
{
    LEIT_LAUNCH(take_running, leit_element_blocks(args->C), LEIT_ELEMENT_THREADS, 0, exec->stream,
                *args);
}

leit_status leit_batchnorm2d_forward_cuda(const leit_exec *exec,
                                          const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_batchnorm2d_check_forward(args));
    LEIT_TRY(leit_check_workspace("batchnorm2d", exec, leit_batchnorm2d_workspace_cuda(args, 1)));
    if (args->N == 0) return LEIT_OK;
    float *partial = static_cast<float *>(exec->workspace) + LEIT_BATCHNORM2D_FACTORS * args->C;
    const struct leit_cut cut = cut_of_pixels(args);
    const struct leit_pooling pooling = leit_batchnorm2d_pooling(args);
    if (args->training) {
        LEIT_LAUNCH(moments, (unsigned)(cut.pieces * cut.groups), THREADS, 0, exec->stream, *args,
                    cut, partial);
        LEIT_LAUNCH(join_moments, channel_blocks(args->C), THREADS, 0, exec->stream, *args, cut,
                    partial);
    } else {
        leit_batchnorm2d_take_running(exec, args);
    }
    LEIT_LAUNCH(normalise, leit_element_blocks(args->N * pooling.out_H * pooling.out_W * args->C),
                LEIT_ELEMENT_THREADS, 0, exec->stream, *args, pooling);
    return leit_launch_status("batchnorm2d forward");
}

/* ---- backward ---- */

/* dy of one output behind relu. */
static __device__ float gradient(const struct leit_batchnorm2d &args, int64_t out)
{
    return !args.relu || args.y[out] > 0.0f ? args.dy[out] : 0.0f;
}

static __device__ int place_of(const struct leit_batchnorm2d &args, int64_t out)
{
    return args.argmax == nullptr ? 0 : args.argmax[out];
}

/* partial is (pieces, 2, C): the sums of g and of g (x - mean). */
static __global__ void sum_gradients(struct leit_batchnorm2d args, struct leit_pooling pooling,
                                     struct leit_cut cut, float *partial)
{
    LEIT_SHARED(float, sums, [THREADS]);
    const int64_t n_samples = leit_device_rows(args.n_samples, args.N), C = args.C;
    const struct leit_share share =
        leit_share_of_thread(cut, n_samples * pooling.out_H * pooling.out_W);
    const bool works = share.lane < C;
    float sum_g = 0.0f, sum_gx = 0.0f;
    for (int64_t p = share.begin + share.first; works && p < share.end; p += share.step) {
        const int64_t out = p * C + share.lane;
        const float g = gradient(args, out);
        const float x = args.x[leit_window_element(pooling, out, place_of(args, out))];
        sum_g += g;
        sum_gx += g * (x - args.mean[share.lane]);
    }
    sum_g = channel_sum(sum_g, cut, share, sums);
    sum_gx = channel_sum(sum_gx, cut, share, sums);
    if (works && share.first == 0 && share.begin < share.end) {
        partial[share.piece * 2 * C + share.lane] = sum_g;
        partial[(share.piece * 2 + 1) * C + share.lane] = sum_gx;
    }
}

/* Adds dw and db, and prepares dx = scale g - slope (x - mean) - shift; factors is (3, C). */
static __global__ void join_gradients(struct leit_batchnorm2d args, struct leit_pooling pooling,
                                      struct leit_cut cut, const float *partial, float *factors)
{
    const int64_t c = channel_of_warp(), C = args.C;
    const int64_t n_samples = leit_device_rows(args.n_samples, args.N);
    if (c < C && n_samples > 0) {
        const int64_t windows = n_samples * pooling.out_H * pooling.out_W;
        const int64_t pieces = (windows + cut.piece - 1) / cut.piece;
        const int64_t lane = threadIdx.x % LEIT_WARP;
        double db = 0.0, dw = 0.0;
        for (int64_t piece = lane; piece < pieces; piece += LEIT_WARP) {
            db += (double)partial[piece * 2 * C + c];
            dw += (double)partial[(piece * 2 + 1) * C + c];
        }
        const double n = (double)(n_samples * args.H * args.W), rstd = (double)args.rstd[c];
        const double scale = rstd * (double)args.w[c];
        db = leit_warp_sum(db);
        dw = leit_warp_sum(dw) * rstd;
        if (lane == 0) {
            if (args.db != nullptr) args.db[c] += (float)db;
            if (args.dw != nullptr) args.dw[c] += (float)dw;
            factors[c] = (float)scale;
            factors[C + c] = args.training ? (float)(scale * rstd * dw / n) : 0.0f;
            factors[2 * C + c] = args.training ? (float)(scale * db / n) : 0.0f;
        }
    }
}

static __global__ void write_gradients(struct leit_batchnorm2d args, struct leit_pooling pooling,
                                       const float *factors)
{
    const int64_t i = leit_element(), C = args.C, c = i % C;
    if (i < leit_device_rows(args.n_samples, args.N) * args.H * args.W * C) {
        int place;
        const int64_t out = leit_window_of(pooling, i, &place);
        const float g = out >= 0 && place_of(args, out) == place ? gradient(args, out) : 0.0f;
        if (args.dresidual != nullptr) args.dresidual[i] = g;
        if (args.dx != nullptr)
            args.dx[i] =
                factors[c] * g - factors[C + c] * (args.x[i] - args.mean[c]) - factors[2 * C + c];
    }
}

leit_status leit_batchnorm2d_backward_cuda(const leit_exec *exec,
                                           const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_batchnorm2d_check(args));
    LEIT_TRY(leit_check_workspace("batchnorm2d", exec, leit_batchnorm2d_workspace_cuda(args, 1)));
    if (args->N == 0) return LEIT_OK;
    float *factors = static_cast<float *>(exec->workspace);
    float *partial = factors + LEIT_BATCHNORM2D_FACTORS * args->C;
    const struct leit_pooling pooling = leit_batchnorm2d_pooling(args);
    const struct leit_cut cut = cut_of_windows(args);
    LEIT_LAUNCH(sum_gradients, (unsigned)(cut.pieces * cut.groups), THREADS, 0, exec->stream, *args,
                pooling, cut, partial);
    LEIT_LAUNCH(join_gradients, channel_blocks(args->C), THREADS, 0, exec->stream, *args, pooling,
                cut, partial, factors);
    if (args->dx != nullptr || args->dresidual != nullptr)
        LEIT_LAUNCH(write_gradients, leit_element_blocks(args->N * args->H * args->W * args->C),
                    LEIT_ELEMENT_THREADS, 0, exec->stream, *args, pooling, factors);
    return leit_launch_status("batchnorm2d backward");
}

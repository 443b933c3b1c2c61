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

/* Of a channel, over n pixels. */
struct channel_moments {
    double n, mean, squares;
};

/* Means weighted by their counts, squared deviations shifted to the common mean; the warp of channel
 * c < C calls it. */
static __device__ struct channel_moments
join_pieces(const struct leit_cut &cut, int64_t C, int64_t c, int64_t pixels, const float *partial)
{
    const int64_t pieces = (pixels + cut.piece - 1) / cut.piece, lane = threadIdx.x % LEIT_WARP;
    struct channel_moments all = {(double)pixels, 0.0, 0.0};
    for (int64_t piece = lane; piece < pieces; piece += LEIT_WARP)
        all.mean += count_of(cut, piece, pixels) / all.n * (double)partial[piece * 2 * C + c];
    all.mean = leit_warp_sum(all.mean);
    for (int64_t piece = lane; piece < pieces; piece += LEIT_WARP) {
        const double off = (double)partial[piece * 2 * C + c] - all.mean;
        all.squares +=
            (double)partial[(piece * 2 + 1) * C + c] + count_of(cut, piece, pixels) * off * off;
    }
    all.squares = leit_warp_sum(all.squares);
    return all;
}

/* One value alone has no variance: NaN, for the host cannot see it. */
static __device__ void take_moments(const struct leit_batchnorm2d &args, int64_t c,
                                    struct channel_moments all)
{
    const double momentum = (double)args.momentum;
    if (all.n == 1.0) all.mean = (double)leit_nan();
    args.mean[c] = (float)all.mean;
    args.rstd[c] = (float)(1.0 / leit_sqrt_double(all.squares / all.n + (double)args.epsilon));
    args.running_mean[c] =
        (float)((1.0 - momentum) * (double)args.running_mean[c] + momentum * all.mean);
    args.running_var[c] = (float)((1.0 - momentum) * (double)args.running_var[c] +
                                  momentum * all.squares / (all.n - 1.0));
}

static __global__ void join_moments(struct leit_batchnorm2d args, struct leit_cut cut,
                                    const float *partial)
{
    const int64_t c = channel_of_warp();
    const int64_t pixels = leit_device_rows(args.n_samples, args.N) * args.H * args.W;
    if (c < args.C && pixels > 0) {
        const struct channel_moments all = join_pieces(cut, args.C, c, pixels, partial);
        if (threadIdx.x % LEIT_WARP == 0) take_moments(args, c, all);
    }
}

/* row (2 C + 1), as batch_moments. */
static __global__ void join_row(struct leit_batchnorm2d args, struct leit_cut cut,
                                const float *partial, float *row)
{
    const int64_t c = channel_of_warp(), C = args.C;
    const int64_t n_samples = leit_device_rows(args.n_samples, args.N);
    if (c < C) {
        struct channel_moments all = {};
        if (n_samples > 0) all = join_pieces(cut, C, c, n_samples * args.H * args.W, partial);
        if (threadIdx.x % LEIT_WARP == 0) {
            row[c] = (float)all.mean;
            row[C + c] = (float)all.squares;
            if (c == 0) row[2 * C] = (float)n_samples;
        }
    }
}

/* ---- joining the parts of a batch, a thread per channel ---- */

static __device__ double pixels_of_part(const struct leit_batchnorm2d &args, int64_t part)
{
    const int64_t C = args.C;
    return (double)args.moments[part * (2 * C + 1) + 2 * C] * (double)(args.H * args.W);
}

/* Of moments: one where they are those of x itself. */
static __device__ int64_t rows_of(const struct leit_batchnorm2d &args)
{
    return args.n_parts > 0 ? args.n_parts : 1;
}

static __device__ double pixels_of_batch(const struct leit_batchnorm2d &args)
{
    double n = 0.0;
    for (int64_t part = 0; part < rows_of(args); part++) n += pixels_of_part(args, part);
    return n;
}

static __global__ void join_parts(struct leit_batchnorm2d args)
{
    const int64_t c = leit_element(), C = args.C, row = 2 * C + 1;
    struct channel_moments all = {c < C ? pixels_of_batch(args) : 0.0, 0.0, 0.0};
    if (all.n > 0.0) {
        for (int64_t part = 0; part < rows_of(args); part++)
            all.mean += pixels_of_part(args, part) / all.n * (double)args.moments[part * row + c];
        for (int64_t part = 0; part < rows_of(args); part++) {
            const double off = (double)args.moments[part * row + c] - all.mean;
            all.squares +=
                (double)args.moments[part * row + C + c] + pixels_of_part(args, part) * off * off;
        }
        take_moments(args, c, all);
    }
}

/* Takes the terms of db and dw from dx, and gives them to the moments of each part; factors is that
 * of join_gradients, which divides by the pixels that are here. */
static __global__ void give_to_parts(struct leit_batchnorm2d args, float *factors)
{
    const int64_t c = leit_element(), C = args.C, row = 2 * C + 1;
    const double n = c < C ? pixels_of_batch(args) : 0.0;
    const int64_t pixels = leit_device_rows(args.n_samples, args.N) * args.H * args.W;
    if (n > 0.0) {
        double slope = 0.0, shift = 0.0;
        if (pixels > 0) {
            slope = (double)factors[C + c] * (double)pixels / n;
            shift = (double)factors[2 * C + c] * (double)pixels / n;
        }
        factors[C + c] = factors[2 * C + c] = 0.0f;
        for (int64_t part = 0; args.dmoments != nullptr && part < args.n_parts; part++) {
            const double off = (double)args.moments[part * row + c] - (double)args.mean[c];
            args.dmoments[part * row + c] =
                (float)(-pixels_of_part(args, part) * (shift + slope * off));
            args.dmoments[part * row + C + c] = (float)(-0.5 * slope);
            if (c == 0) args.dmoments[part * row + 2 * C] = 0.0f;
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
    LEIT_FAIL_IF(args->training && args->moments == NULL && args->N * args->H * args->W == 1,
                 LEIT_DATA,
                 "batch normalisation: one value per channel has no variance; training needs a "
                 "batch of at least two");
    return LEIT_OK;
}

void leit_batchnorm2d_take_running(const leit_exec *exec, const struct leit_batchnorm2d *args)
{
    LEIT_LAUNCH(take_running, leit_element_blocks(args->C), LEIT_ELEMENT_THREADS, 0, exec->stream,
                *args);
}

void leit_batchnorm2d_join_parts(const leit_exec *exec, const struct leit_batchnorm2d *args)
{
    LEIT_LAUNCH(join_parts, leit_element_blocks(args->C), LEIT_ELEMENT_THREADS, 0, exec->stream,
                *args);
}

void leit_batchnorm2d_give_to_parts(const leit_exec *exec, const struct leit_batchnorm2d *args,
                                    float *factors)
{
    LEIT_LAUNCH(give_to_parts, leit_element_blocks(args->C), LEIT_ELEMENT_THREADS, 0, exec->stream,
                *args, factors);
}

/* Launches `moments`; returns its partial sums. */
static const float *find_pieces(const leit_exec *exec, const struct leit_batchnorm2d *args,
                                const struct leit_cut &cut)
{
    float *partial = static_cast<float *>(exec->workspace) + LEIT_BATCHNORM2D_FACTORS * args->C;
    LEIT_LAUNCH(moments, (unsigned)(cut.pieces * cut.groups), THREADS, 0, exec->stream, *args, cut,
                partial);
    return partial;
}

void leit_batchnorm2d_write_moments(const leit_exec *exec, const struct leit_batchnorm2d *args,
                                    float *row)
{
    const struct leit_cut cut = cut_of_pixels(args);
    const float *partial = find_pieces(exec, args, cut);
    LEIT_LAUNCH(join_row, channel_blocks(args->C), THREADS, 0, exec->stream, *args, cut, partial,
                row);
}

leit_status leit_batchnorm2d_forward_cuda(const leit_exec *exec,
                                          const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_batchnorm2d_check_forward(args));
    LEIT_TRY(leit_check_workspace("batchnorm2d", exec, leit_batchnorm2d_workspace_cuda(args, 1)));
    if (args->N == 0) return LEIT_OK;
    const struct leit_cut cut = cut_of_pixels(args);
    const struct leit_pooling pooling = leit_batchnorm2d_pooling(args);
    if (args->moments != NULL) {
        leit_batchnorm2d_join_parts(exec, args);
    } else if (args->training) {
        const float *partial = find_pieces(exec, args, cut);
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
        double sum_g = 0.0, sum_gx = 0.0;
        for (int64_t piece = lane; piece < pieces; piece += LEIT_WARP) {
            sum_g += (double)partial[piece * 2 * C + c];
            sum_gx += (double)partial[(piece * 2 + 1) * C + c];
        }
        const double n = (double)(n_samples * args.H * args.W);
        sum_g = leit_warp_sum(sum_g);
        sum_gx = leit_warp_sum(sum_gx);
        if (lane == 0) {
            const struct leit_dx_factors of = leit_dx_factors_of(args, c, n, sum_g, sum_gx);
            leit_add_gradients(args, c, sum_g, sum_gx);
            factors[c] = of.scale;
            factors[C + c] = of.slope;
            factors[2 * C + c] = of.shift;
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
    if (args->n_parts > 0) leit_batchnorm2d_give_to_parts(exec, args, factors);
    if (args->dx != nullptr || args->dresidual != nullptr)
        LEIT_LAUNCH(write_gradients, leit_element_blocks(args->N * args->H * args->W * args->C),
                    LEIT_ELEMENT_THREADS, 0, exec->stream, *args, pooling, factors);
    return leit_launch_status("batchnorm2d backward");
}

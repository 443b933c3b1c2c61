#include "kernels/batchnorm2d.cuh"
#include "kernels/quads.cuh"

/* The mathematics of batchnorm2d.cu in as few bytes as they can move; four channels, 16 bytes, to a
 * lane. In floats of x, with a pool of 2 x 2:
 *
 *   forward    x once for the statistics, x once more to write y and argmax       2.3
 *   backward   y, dy and argmax for the sums, once more with x to write dx        3.1
 *
 * Where the convolution before has told the moments of x, the first pass is left out, and 1.3 remain; each
 * thread makes mean and rstd of them itself.
 *
 * Statistics in one pass: a thread takes eight pixels into registers, finds their mean and squared
 * deviations, and joins them to what it has (Chan, Golub and LeVeque 1979), which is as exact as two
 * passes. The sums of the backward need the normalised h only where a gradient comes in, and there, when
 * nothing was added to it, y = w h + b: h is (y - b) / w, and x is not read. Where |b| > |w| that
 * division loses digits, and the x of that channel is looked up instead.
 *
 * Pieces are few enough for the block that ends last to join them: two blocks to a multiprocessor of an
 * H200, with 128 bytes on their way to each thread, are as fast as its memory.
 *
 * A block of the last passes has one row of windows of one image, so that no thread divides by more
 * than the number of channels. Channels that are no multiple of four are left to the plain kernels. */

enum { THREADS = LEIT_CUT_THREADS, BATCH = 8, MAX_PIECES = 264 };

static struct leit_cut cut_of_pixels(const struct leit_batchnorm2d *args)
{
    return leit_cut_of(args->N * args->H * args->W, args->C / LEIT_QUAD, MAX_PIECES);
}

static struct leit_cut cut_of_windows(const struct leit_batchnorm2d *args)
{
    const struct leit_pooling pooling = leit_batchnorm2d_pooling(args);
    return leit_cut_of(args->N * pooling.out_H * pooling.out_W, args->C / LEIT_QUAD, MAX_PIECES);
}

static bool is_fast(const struct leit_batchnorm2d *args)
{
    return args->C % LEIT_QUAD == 0 && cut_of_pixels(args).groups <= LEIT_TICKETS;
}

/* As the plain kernels: the factors of dx, then two sums per piece and channel. */
size_t leit_batchnorm2d_workspace_fast(const struct leit_batchnorm2d *args, int n_workers)
{
    if (!is_fast(args)) return leit_batchnorm2d_workspace_cuda(args, n_workers);
    const int64_t forward = cut_of_pixels(args).pieces, backward = cut_of_windows(args).pieces;
    const int64_t pieces = forward > backward ? forward : backward;
    return (size_t)((LEIT_BATCHNORM2D_FACTORS + 2 * pieces) * args->C) * sizeof(float);
}

/* ---- statistics ---- */

/* Of four channels over n pixels: the mean, and the squared deviations from it. */
struct moments {
    float n;
    struct leit_quad mean, squares;
};

static __device__ void join(struct moments &to, const struct moments &more)
{
    const float n = to.n + more.n, share = n > 0.0f ? more.n / n : 0.0f;
    LEIT_EACH_OF_QUAD (e) {
        const float off = more.mean.of[e] - to.mean.of[e];
        to.mean.of[e] += off * share;
        to.squares.of[e] += more.squares.of[e] + off * off * to.n * share;
    }
    to.n = n;
}

/* Of the `n` first of a thread's pixels from `from` on, `step` floats apart. */
static __device__ struct moments moments_of(const float *from, int64_t step, int64_t n)
{
    struct leit_quad x[BATCH] = {};
    struct moments batch = {n < BATCH ? (float)n : (float)BATCH, {}, {}};
    LEIT_UNROLL
    for (int k = 0; k < BATCH; k++)
        if (k < n) x[k] = leit_load_quad(from + k * step);
    LEIT_UNROLL
    for (int k = 0; k < BATCH; k++)
        LEIT_EACH_OF_QUAD (e) batch.mean.of[e] += x[k].of[e];
    LEIT_EACH_OF_QUAD (e) batch.mean.of[e] /= batch.n;
    LEIT_UNROLL
    for (int k = 0; k < BATCH; k++)
        LEIT_EACH_OF_QUAD (e) {
            const float off = k < n ? x[k].of[e] - batch.mean.of[e] : 0.0f;
            batch.squares.of[e] += off * off;
        }
    return batch;
}

/* Those of the block's threads with this thread's channels: in shared memory, until the next call. */
static __device__ const struct moments &
join_threads(const struct moments &mine, const struct leit_cut &cut, const struct leit_share &share)
{
    LEIT_SHARED(struct moments, shares, [THREADS]);
    __syncthreads(); /* what an earlier call has left has been read */
    shares[threadIdx.x] = mine;
    __syncthreads();
    for (int half = share.step / 2; half > 0; half /= 2) {
        if (share.first < half) join(shares[threadIdx.x], shares[threadIdx.x + half * cut.lanes]);
        __syncthreads();
    }
    return shares[threadIdx.x % (unsigned)cut.lanes];
}

static __device__ float count_of(const struct leit_cut &cut, int64_t piece, int64_t pixels)
{
    const int64_t begin = piece * cut.piece;
    return (float)(begin + cut.piece < pixels ? cut.piece : pixels - begin);
}

/* partial is (pieces, 2, C): the mean of a piece and its squared deviations. */
static __global__ void __launch_bounds__(THREADS, 2)
    find_moments(struct leit_batchnorm2d args, struct leit_cut cut, float *partial,
                 unsigned *tickets)
{
    const int64_t pixels = leit_device_rows(args.n_samples, args.N) * args.H * args.W, C = args.C;
    const struct leit_share share = leit_share_of_thread(cut, pixels);
    const int64_t c = share.lane * LEIT_QUAD;
    struct moments mine = {};
    for (int64_t p = share.begin + share.first; c < C && p < share.end; p += BATCH * share.step)
        join(mine, moments_of(args.x + p * C + c, share.step * C,
                              (share.end - p + share.step - 1) / share.step));
    const struct moments &piece_moments = join_threads(mine, cut, share);
    if (c < C && share.first == 0 && share.begin < share.end) {
        leit_store_quad(partial + share.piece * 2 * C + c, piece_moments.mean);
        leit_store_quad(partial + (share.piece * 2 + 1) * C + c, piece_moments.squares);
    }
    const unsigned group = blockIdx.x % (unsigned)cut.groups;
    if (leit_is_last_block(tickets + group, (unsigned)cut.pieces)) {
        mine = {};
        for (int64_t piece = share.first; c < C && piece * cut.piece < pixels; piece += share.step)
            join(mine, {count_of(cut, piece, pixels), leit_load_quad(partial + piece * 2 * C + c),
                        leit_load_quad(partial + (piece * 2 + 1) * C + c)});
        const struct moments &all = join_threads(mine, cut, share);
        if (c < C && share.first < LEIT_QUAD && pixels > 0)
            leit_take_statistics(args, c + share.first,
                                 leit_statistics_of(args, all.n, all.mean.of[share.first],
                                                    all.squares.of[share.first]));
    }
}

/* ---- rows of windows ---- */

/* The row of windows of a block: of image n, from row h of x on. */
struct window_row {
    int64_t n, h, columns; /* windows, the last ones maybe cut off */
    bool is_there;
};

static __device__ struct window_row row_of_block(const struct leit_batchnorm2d &args, int64_t rows,
                                                 int64_t columns)
{
    const int64_t n = blockIdx.x / rows;
    const struct window_row row = {n, blockIdx.x % rows * args.pool_height, columns,
                                   n < leit_device_rows(args.n_samples, args.N)};
    return row;
}

/* ---- forward ---- */

/* What is done to x, for four channels. */
struct line {
    struct leit_quad mean, scale, b;
};

static __device__ struct leit_quad normalised(const struct leit_batchnorm2d &args,
                                              const struct line &line, int64_t i)
{
    struct leit_quad v = leit_load_quad(args.x + i), residual = {};
    if (args.residual != nullptr) residual = leit_load_quad(args.residual + i);
    LEIT_EACH_OF_QUAD (e) {
        v.of[e] = (v.of[e] - line.mean.of[e]) * line.scale.of[e] + line.b.of[e];
        if (args.residual != nullptr) v.of[e] += residual.of[e];
        if (args.relu && v.of[e] < 0.0f) v.of[e] = 0.0f;
    }
    return v;
}

/* Of channels c to c + 3: the mean, and what x - mean is multiplied with. Where moments of x are given, every thread
 * makes them of those, and one of each channel writes them down. */
static __device__ struct line line_of(const struct leit_batchnorm2d &args, int64_t c, bool writes)
{
    struct line line = {{}, {}, leit_load_quad(args.b + c)};
    if (args.moments == nullptr || args.n_parts > 0) {
        line.mean = leit_load_quad(args.mean + c);
        line.scale = leit_load_quad(args.rstd + c);
    } else {
        const float n = args.moments[2 * args.C] * (float)(args.H * args.W);
        const struct leit_quad means = leit_load_quad(args.moments + c);
        const struct leit_quad squares = leit_load_quad(args.moments + args.C + c);
        LEIT_EACH_OF_QUAD (e) {
            const struct leit_statistics of =
                leit_statistics_of(args, n, means.of[e], squares.of[e]);
            if (writes) leit_take_statistics(args, c + e, of);
            line.mean.of[e] = of.mean;
            line.scale.of[e] = of.rstd;
        }
    }
    const struct leit_quad w = leit_load_quad(args.w + c);
    LEIT_EACH_OF_QUAD (e) line.scale.of[e] *= w.of[e];
    return line;
}

static __global__ void __launch_bounds__(THREADS)
    normalise_rows(struct leit_batchnorm2d args, struct leit_pooling pooling)
{
    const struct window_row row = row_of_block(args, pooling.out_H, pooling.out_W);
    const int64_t C = args.C, first = (row.n * args.H + row.h) * args.W * C;
    const int quads = (int)(C / LEIT_QUAD), n = row.is_there ? (int)row.columns * quads : 0;
    struct line line = {};
    int64_t of_line = -1; /* its first channel: in most shapes a thread has one */
    for (int k = (int)threadIdx.x; k < n; k += THREADS) {
        const int64_t c = k % quads * LEIT_QUAD, corner = k / quads * (int64_t)args.pool_width;
        if (c != of_line) line = line_of(args, c, blockIdx.x == 0 && k < quads);
        of_line = c;
        struct leit_quad largest = normalised(args, line, first + corner * C + c);
        int best[LEIT_QUAD] = {};
        for (int place = 1; place < args.pool_height * args.pool_width; place++) {
            const int64_t pixel =
                place / args.pool_width * args.W + corner + place % args.pool_width;
            const struct leit_quad v = normalised(args, line, first + pixel * C + c);
            LEIT_EACH_OF_QUAD (e) leit_take_larger(v.of[e], place, &largest.of[e], &best[e]);
        }
        const int64_t out = (int64_t)blockIdx.x * n + k;
        leit_store_quad(args.y + out * LEIT_QUAD, largest);
        if (args.argmax != nullptr)
            reinterpret_cast<uint32_t *>(args.argmax)[out] =
                (uint32_t)(best[0] | best[1] << 8 | best[2] << 16 | best[3] << 24);
    }
}

leit_status leit_batchnorm2d_forward_fast(const leit_exec *exec,
                                          const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_batchnorm2d_check_forward(args));
    if (!is_fast(args)) return leit_batchnorm2d_forward_cuda(exec, args);
    LEIT_TRY(leit_check_workspace("batchnorm2d", exec, leit_batchnorm2d_workspace_fast(args, 1)));
    if (args->N == 0) return LEIT_OK;
    float *partial = static_cast<float *>(exec->workspace) + LEIT_BATCHNORM2D_FACTORS * args->C;
    const struct leit_cut cut = cut_of_pixels(args);
    const struct leit_pooling pooling = leit_batchnorm2d_pooling(args);
    if (args->n_parts > 0)
        leit_batchnorm2d_join_parts(exec, args);
    else if (args->training && args->moments == NULL)
        LEIT_LAUNCH(find_moments, (unsigned)(cut.pieces * cut.groups), THREADS, 0, exec->stream,
                    *args, cut, partial, exec->tickets);
    else if (!args->training)
        leit_batchnorm2d_take_running(exec, args);
    LEIT_LAUNCH(normalise_rows, (unsigned)(args->N * pooling.out_H), THREADS, 0, exec->stream,
                *args, pooling);
    return leit_launch_status("batchnorm2d forward");
}

/* ---- backward ---- */

/* dy of four channels of an output behind relu. */
static __device__ struct leit_quad gradient(const struct leit_batchnorm2d &args,
                                            const struct leit_quad &y, int64_t at)
{
    struct leit_quad g = leit_load_quad(args.dy + at);
    LEIT_EACH_OF_QUAD (e)
        if (args.relu && !(y.of[e] > 0.0f)) g.of[e] = 0.0f;
    return g;
}

/* Whether h of a channel can be had from y. */
static __device__ bool is_invertible(const struct leit_batchnorm2d &args, float w, float b)
{
    const float size = w < 0.0f ? -w : w;
    return args.residual == nullptr && size > 0.0f && b <= size && -b <= size;
}

/* sums += g and g (x - mean) of output `at`, four channels from c on. */
static __device__ void add_output(const struct leit_batchnorm2d &args,
                                  const struct leit_pooling &pooling, int64_t at,
                                  const struct line &line, const struct leit_quad &w,
                                  struct leit_quad &sum_g, struct leit_quad &sum_gx)
{
    const struct leit_quad y = leit_load_quad(args.y + at), g = gradient(args, y, at);
    LEIT_EACH_OF_QUAD (e) {
        float off;
        if (is_invertible(args, w.of[e], line.b.of[e])) {
            off = (y.of[e] - line.b.of[e]) * line.scale.of[e];
        } else {
            const int place = args.argmax == nullptr ? 0 : args.argmax[at + e];
            off = args.x[leit_window_element(pooling, at + e, place)] - line.mean.of[e];
        }
        sum_g.of[e] += g.of[e];
        sum_gx.of[e] += g.of[e] * off;
    }
}

struct sums {
    struct leit_quad g, gx; /* g, and g (x - mean) */
};

static __device__ void add(struct sums &to, const struct sums &more)
{
    LEIT_EACH_OF_QUAD (e) {
        to.g.of[e] += more.g.of[e];
        to.gx.of[e] += more.gx.of[e];
    }
}

/* As join_threads. */
static __device__ const struct sums &
add_threads(const struct sums &mine, const struct leit_cut &cut, const struct leit_share &share)
{
    LEIT_SHARED(struct sums, shares, [THREADS]);
    __syncthreads();
    shares[threadIdx.x] = mine;
    __syncthreads();
    for (int half = share.step / 2; half > 0; half /= 2) {
        if (share.first < half) add(shares[threadIdx.x], shares[threadIdx.x + half * cut.lanes]);
        __syncthreads();
    }
    return shares[threadIdx.x % (unsigned)cut.lanes];
}

/* Of channel c + e: adds dw and db, and writes the factors (3, C). */
static __device__ void take_factors(const struct leit_batchnorm2d &args, int64_t c, int e, double n,
                                    const struct sums &all, float *factors)
{
    const double sum_g = (double)all.g.of[e], sum_gx = (double)all.gx.of[e];
    const struct leit_dx_factors of = leit_dx_factors_of(args, c + e, n, sum_g, sum_gx);
    leit_add_gradients(args, c + e, sum_g, sum_gx);
    factors[c + e] = of.scale;
    factors[args.C + c + e] = of.slope;
    factors[2 * args.C + c + e] = of.shift;
}

/* partial is (pieces, 2, C): the sums of a piece. */
static __global__ void __launch_bounds__(THREADS)
    sum_windows(struct leit_batchnorm2d args, struct leit_pooling pooling, struct leit_cut cut,
                float *partial, float *factors, unsigned *tickets)
{
    const int64_t n_samples = leit_device_rows(args.n_samples, args.N), C = args.C;
    const int64_t windows = n_samples * pooling.out_H * pooling.out_W;
    const struct leit_share share = leit_share_of_thread(cut, windows);
    const int64_t c = share.lane * LEIT_QUAD;
    struct sums mine = {};
    if (c < C && share.begin < share.end) {
        const struct leit_quad w = leit_load_quad(args.w + c), rstd = leit_load_quad(args.rstd + c);
        struct line line = {leit_load_quad(args.mean + c), {}, leit_load_quad(args.b + c)};
        LEIT_EACH_OF_QUAD (e) line.scale.of[e] = 1.0f / (w.of[e] * rstd.of[e]);
        for (int64_t p = share.begin + share.first; p < share.end; p += share.step)
            add_output(args, pooling, p * C + c, line, w, mine.g, mine.gx);
    }
    const struct sums &piece_sums = add_threads(mine, cut, share);
    if (c < C && share.first == 0 && share.begin < share.end) {
        leit_store_quad(partial + share.piece * 2 * C + c, piece_sums.g);
        leit_store_quad(partial + (share.piece * 2 + 1) * C + c, piece_sums.gx);
    }
    const unsigned group = blockIdx.x % (unsigned)cut.groups;
    if (leit_is_last_block(tickets + group, (unsigned)cut.pieces)) {
        mine = {};
        for (int64_t piece = share.first; c < C && piece * cut.piece < windows; piece += share.step)
            add(mine, {leit_load_quad(partial + piece * 2 * C + c),
                       leit_load_quad(partial + (piece * 2 + 1) * C + c)});
        const struct sums &all = add_threads(mine, cut, share);
        if (c < C && share.first < LEIT_QUAD && n_samples > 0)
            take_factors(args, c, share.first, (double)(n_samples * args.H * args.W), all, factors);
    }
}

/* The factors of dx, of four channels. */
struct factors {
    struct leit_quad scale, slope, shift, mean;
};

/* Writes what pixel i of a window gets: g goes to the one y came from. */
static __device__ void write_pixel(const struct leit_batchnorm2d &args,
                                   const struct factors &factors, int64_t i, int place,
                                   const struct leit_quad &g, uint32_t argmax)
{
    struct leit_quad mine;
    LEIT_EACH_OF_QUAD (e) mine.of[e] = (int)(argmax >> 8 * e & 255) == place ? g.of[e] : 0.0f;
    if (args.dresidual != nullptr) leit_store_quad(args.dresidual + i, mine);
    if (args.dx != nullptr) {
        const struct leit_quad x = leit_load_quad(args.x + i);
        LEIT_EACH_OF_QUAD (e)
            mine.of[e] = factors.scale.of[e] * mine.of[e] -
                         factors.slope.of[e] * (x.of[e] - factors.mean.of[e]) - factors.shift.of[e];
        leit_store_quad(args.dx + i, mine);
    }
}

/* Windows that stick out of the image have no output: their pixels get what all get. */
static __global__ void __launch_bounds__(THREADS)
    write_rows(struct leit_batchnorm2d args, struct leit_pooling pooling, int64_t rows,
               int64_t columns, const float *from)
{
    const struct window_row row = row_of_block(args, rows, columns);
    const int64_t C = args.C, first = (row.n * args.H + row.h) * args.W * C;
    const int64_t out_row = row.n * pooling.out_H + row.h / args.pool_height;
    const bool is_whole_row = row.h + args.pool_height <= args.H;
    const int quads = (int)(C / LEIT_QUAD), n = row.is_there ? (int)columns * quads : 0;
    struct factors factors = {};
    int64_t of_factors = -1; /* as in normalise_rows */
    for (int k = (int)threadIdx.x; k < n; k += THREADS) {
        const int64_t c = k % quads * LEIT_QUAD, column = k / quads;
        if (c != of_factors)
            factors = {leit_load_quad(from + c), leit_load_quad(from + C + c),
                       leit_load_quad(from + 2 * C + c), leit_load_quad(args.mean + c)};
        of_factors = c;
        struct leit_quad g = {};
        uint32_t argmax = 0;
        if (is_whole_row && column < pooling.out_W) {
            const int64_t at = (out_row * pooling.out_W + column) * C + c;
            const struct leit_quad y = leit_load_quad(args.y + at);
            g = gradient(args, y, at);
            if (args.argmax != nullptr)
                argmax = reinterpret_cast<const uint32_t *>(args.argmax)[at / LEIT_QUAD];
        }
        for (int i = 0; i < args.pool_height && row.h + i < args.H; i++)
            for (int j = 0; j < args.pool_width && column * args.pool_width + j < args.W; j++)
                write_pixel(args, factors,
                            first + (i * args.W + column * args.pool_width + j) * C + c,
                            i * args.pool_width + j, g, argmax);
    }
}

leit_status leit_batchnorm2d_backward_fast(const leit_exec *exec,
                                           const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_batchnorm2d_check(args));
    if (!is_fast(args)) return leit_batchnorm2d_backward_cuda(exec, args);
    LEIT_TRY(leit_check_workspace("batchnorm2d", exec, leit_batchnorm2d_workspace_fast(args, 1)));
    if (args->N == 0) return LEIT_OK;
    float *factors = static_cast<float *>(exec->workspace);
    float *partial = factors + LEIT_BATCHNORM2D_FACTORS * args->C;
    const struct leit_pooling pooling = leit_batchnorm2d_pooling(args);
    const struct leit_cut cut = cut_of_windows(args);
    LEIT_LAUNCH(sum_windows, (unsigned)(cut.pieces * cut.groups), THREADS, 0, exec->stream, *args,
                pooling, cut, partial, factors, exec->tickets);
    if (args->n_parts > 0) leit_batchnorm2d_give_to_parts(exec, args, factors);
    const int64_t rows = leit_pieces(args->H, args->pool_height);
    const int64_t columns = leit_pieces(args->W, args->pool_width);
    if (args->dx != nullptr || args->dresidual != nullptr)
        LEIT_LAUNCH(write_rows, (unsigned)(args->N * rows), THREADS, 0, exec->stream, *args,
                    pooling, rows, columns, factors);
    return leit_launch_status("batchnorm2d backward");
}

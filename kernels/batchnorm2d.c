#include "kernels/batchnorm2d.h"

#include <math.h>

#include "kernels/moments.h"
#include "kernels/window.h"

/* Forward: one pass over x for the statistics, one for normalising, adding, relu and pooling.
 * The statistics are joined from moments of blocks (kernels/moments.h), or from those given for the
 * parts of a batch.
 *
 * Backward: with g the gradient behind relu and pooling, h the normalised x and n the count,
 *     db = sum g, dw = sum g h, dx = w rstd (g - db / n - h dw / n), dresidual = g.
 * Behind a pool g lives only where a window's largest element came from, so the sums run over the
 * windows; x there is picked from the window by argmax. relu is passed where y > 0.
 *
 * With moments given, the terms of db and dw are not x's own: they go to the moments of each part, by
 * the derivatives of the joined mean and variance,
 *     dmean_p = -n_p w rstd (db / n + rstd dw / n (mean_p - mean)), dsquares_p = -w rstd^2 dw / 2n. */

enum { BLOCK_FLOATS = 8192, CHUNK = LEIT_MOMENTS_CHUNK };

struct pass {
    const struct leit_batchnorm2d *args;
    leit_windows windows;
    int64_t n_samples;            /* that hold data */
    leit_moments moments;         /* of the batch, in training */
    double weight, n;             /* pixels of what a row of moments counts; of the batch */
    int64_t block_rows;           /* rows of windows of a task */
    float *scale, *shift, *slope; /* (C) factors of dx; the forward needs scale alone */
    float *partial;               /* moments of blocks, or (blocks, 2, C) sums of the backward */
};

/* Rows of windows per task: a block's worth of x. */
static int64_t rows_of_task(const struct leit_batchnorm2d *args)
{
    int64_t rows = BLOCK_FLOATS / (args->W * args->C * args->pool_height);
    return rows < 1 ? 1 : rows;
}

static struct pass make_pass(const leit_exec *exec, const struct leit_batchnorm2d *args)
{
    struct pass pass = {.args = args, .n_samples = leit_rows(args->n_samples, args->N)};
    pass.windows = leit_windows_of(args->H, args->W, args->C, args->pool_height, args->pool_width);
    pass.n = (double)(pass.n_samples * args->H * args->W);
    if (args->moments != NULL) {
        const int64_t n_rows = args->n_parts > 0 ? args->n_parts : 1;
        pass.moments = (leit_moments){args->moments, n_rows, args->C};
        pass.weight = (double)(args->H * args->W);
        if (args->n_parts > 0) pass.n = pass.weight * leit_moments_total(&pass.moments);
    }
    pass.block_rows = rows_of_task(args);
    pass.scale = exec->workspace;
    pass.shift = pass.scale + args->C;
    pass.slope = pass.shift + args->C;
    pass.partial = pass.slope + args->C;
    return pass;
}

size_t leit_batchnorm2d_workspace_cpu(const struct leit_batchnorm2d *args, int n_workers)
{
    (void)n_workers;
    int64_t forward = leit_moments_floats(args->N * args->H * args->W, args->C);
    int64_t rows = args->N * ((args->H + args->pool_height - 1) / args->pool_height);
    int64_t backward = leit_blocks(rows, rows_of_task(args)) * 2 * args->C;
    return (size_t)(3 * args->C + (forward > backward ? forward : backward)) * sizeof(float);
}

static leit_status check(const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_batchnorm2d_check(args));
    return leit_check_rows("batchnorm2d", args->n_samples, args->N);
}

/* ---- statistics ---- */

static void join_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct pass *pass = context;
    const struct leit_batchnorm2d *args = pass->args;
    leit_range channels = leit_block_range(chunk, args->C, CHUNK);
    const double n = pass->n, momentum = (double)args->momentum;
    double mean[CHUNK], squares[CHUNK];
    leit_moments_join(&pass->moments, channels, pass->weight, mean, squares);
    for (int64_t c = channels.begin, i = 0; c < channels.end; c++, i++) {
        args->mean[c] = (float)mean[i];
        args->rstd[c] = (float)(1.0 / sqrt(squares[i] / n + (double)args->epsilon));
        args->running_mean[c] =
            (float)((1.0 - momentum) * (double)args->running_mean[c] + momentum * mean[i]);
        args->running_var[c] = (float)((1.0 - momentum) * (double)args->running_var[c] +
                                       momentum * squares[i] / (n - 1.0));
    }
}

static void take_statistics(const leit_exec *exec, struct pass *pass)
{
    const struct leit_batchnorm2d *args = pass->args;
    if (args->moments == NULL) {
        pass->weight = 1.0;
        pass->moments =
            leit_moments_take(exec->threads, args->x, (int64_t)pass->n, args->C, pass->partial);
    }
    leit_threads_run(exec->threads, leit_blocks(args->C, CHUNK), join_chunk, pass);
}

/* ---- normalising ---- */

/* Up to eight channels of pixel `at` (a float index), through relu. */
LEIT_INLINE leit_f32x8 normalise(const struct pass *pass, int64_t at, int64_t c, int64_t count)
{
    const struct leit_batchnorm2d *args = pass->args;
    leit_f32x8 v = leit_load_some(args->x + at, count) - leit_load_some(args->mean + c, count);
    v = v * leit_load_some(pass->scale + c, count) + leit_load_some(args->b + c, count);
    if (args->residual != NULL) v += leit_load_some(args->residual + at, count);
    if (args->relu) v = leit_select8((leit_i32x8)(v < 0.0f), (leit_f32x8){0}, v);
    return v;
}

/* One window: `from` is the float index of its first pixel, `to` that of its output. */
LEIT_INLINE void normalise_window(const struct pass *pass, int64_t from, int64_t to, int64_t c,
                                  int64_t count, int64_t height, int64_t width)
{
    const int64_t C = pass->args->C, row = pass->args->W * C;
    leit_f32x8 largest = normalise(pass, from + c, c, count);
    leit_i32x8 places = {0};
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = i == 0; j < width; j++)
            leit_take_larger(normalise(pass, from + i * row + j * C + c, c, count),
                             (int32_t)(i * width + j), &largest, &places);
    leit_store_some(pass->args->y + to + c, largest, count);
    if (pass->args->argmax != NULL) leit_store_places(pass->args->argmax + to + c, places, count);
}

LEIT_INLINE void normalise_windows(const struct pass *pass, int64_t row, int64_t height,
                                   int64_t width)
{
    const leit_windows *windows = &pass->windows;
    const int64_t C = windows->C, n = row / windows->out_H, h = row % windows->out_H;
    int64_t from = (n * windows->H + h * height) * windows->W * C, to = row * windows->out_W * C;
    for (int64_t w = 0; w < windows->out_W; w++, from += width * C, to += C)
        LEIT_FOR_CHANNELS(c, count, C, normalise_window(pass, from, to, c, count, height, width));
}

/* One channel without relu or pooling: a run of pixels is a vector. */
static bool is_plain(const struct leit_batchnorm2d *args)
{
    return args->C == 1 && !args->relu && args->pool_height * args->pool_width == 1;
}

static void normalise_plain(const struct pass *pass, leit_range rows)
{
    const struct leit_batchnorm2d *args = pass->args;
    const float mean = args->mean[0], scale = pass->scale[0], b = args->b[0];
    for (int64_t i = rows.begin * args->W; i < rows.end * args->W; i++) {
        float v = (args->x[i] - mean) * scale + b;
        args->y[i] = args->residual == NULL ? v : v + args->residual[i];
    }
}

static void forward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct pass *pass = context;
    const leit_windows *windows = &pass->windows;
    leit_range rows = leit_block_range(block, pass->n_samples * windows->out_H, pass->block_rows);
    if (is_plain(pass->args)) {
        normalise_plain(pass, rows);
        return;
    }
    for (int64_t row = rows.begin; row < rows.end; row++) {
        if (windows->height == 2 && windows->width == 2)
            normalise_windows(pass, row, 2, 2);
        else if (windows->height == 1 && windows->width == 1)
            normalise_windows(pass, row, 1, 1);
        else
            normalise_windows(pass, row, windows->height, windows->width);
    }
}

leit_status leit_batchnorm2d_forward_cpu(const leit_exec *exec, const struct leit_batchnorm2d *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "batchnorm2d", exec,
        leit_batchnorm2d_workspace_cpu(args, leit_threads_count(exec->threads))));
    struct pass pass = make_pass(exec, args);
    if (pass.n == 0.0) return LEIT_OK;
    LEIT_FAIL_IF(args->training && pass.n == 1.0, LEIT_DATA,
                 "batch normalisation: one value per channel has no variance; training needs a "
                 "batch of at least two");
    if (args->training) take_statistics(exec, &pass);
    for (int64_t c = 0; c < args->C; c++) {
        if (!args->training) {
            args->mean[c] = args->running_mean[c];
            args->rstd[c] = 1.0f / sqrtf(args->running_var[c] + args->epsilon);
        }
        pass.scale[c] = args->rstd[c] * args->w[c];
    }
    leit_threads_run(exec->threads,
                     leit_blocks(pass.n_samples * pass.windows.out_H, pass.block_rows),
                     forward_block, &pass);
    return LEIT_OK;
}

/* ---- backward ---- */

/* dy of one window behind relu. */
LEIT_INLINE leit_f32x8 gradient(const struct leit_batchnorm2d *args, int64_t at, int64_t count)
{
    leit_f32x8 g = leit_load_some(args->dy + at, count);
    if (!args->relu) return g;
    const leit_f32x8 y = leit_load_some(args->y + at, count);
    return leit_select8((leit_i32x8)(y > 0.0f), g, (leit_f32x8){0});
}

/* Adds g and g (x - mean) of one window to the sums of its channels. */
LEIT_INLINE void reduce_window(const struct pass *pass, int64_t from, int64_t to, int64_t c,
                               int64_t count, int64_t height, int64_t width, float *sums)
{
    const struct leit_batchnorm2d *args = pass->args;
    const int64_t C = args->C, row = args->W * C;
    leit_f32x8 x = leit_load_some(args->x + from + c, count);
    if (height * width > 1) {
        const leit_i32x8 places = leit_load_places(args->argmax + to + c, count);
        for (int64_t i = 0; i < height; i++)
            for (int64_t j = i == 0; j < width; j++)
                x = leit_select8((leit_i32x8)(places == (int32_t)(i * width + j)),
                                 leit_load_some(args->x + from + i * row + j * C + c, count), x);
    }
    const leit_f32x8 g = gradient(args, to + c, count);
    x -= leit_load_some(args->mean + c, count);
    leit_store_some(sums + c, leit_load_some(sums + c, count) + g, count);
    leit_store_some(sums + C + c, leit_load_some(sums + C + c, count) + g * x, count);
}

LEIT_INLINE void reduce_windows(const struct pass *pass, int64_t row, int64_t height, int64_t width,
                                float *sums)
{
    const leit_windows *windows = &pass->windows;
    const int64_t C = windows->C, n = row / windows->out_H, h = row % windows->out_H;
    int64_t from = (n * windows->H + h * height) * windows->W * C, to = row * windows->out_W * C;
    for (int64_t w = 0; w < windows->out_W; w++, from += width * C, to += C)
        LEIT_FOR_CHANNELS(c, count, C,
                          reduce_window(pass, from, to, c, count, height, width, sums));
}

LEIT_DEFINE_SUM(dot_shifted, x[i] * (y[i] - mean), const float *x, const float *y, float mean)

static void reduce_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct pass *pass = context;
    const struct leit_batchnorm2d *args = pass->args;
    const leit_windows *windows = &pass->windows;
    leit_range rows = leit_block_range(block, pass->n_samples * windows->out_H, pass->block_rows);
    float *sums = pass->partial + block * 2 * args->C;
    if (is_plain(args)) {
        const int64_t begin = rows.begin * args->W, n = rows.end * args->W - begin;
        sums[0] = leit_sum(args->dy + begin, n);
        sums[1] = dot_shifted(args->dy + begin, args->x + begin, args->mean[0], n);
        return;
    }
    memset(sums, 0, (size_t)(2 * args->C) * sizeof(float));
    for (int64_t row = rows.begin; row < rows.end; row++) {
        if (windows->height == 2 && windows->width == 2)
            reduce_windows(pass, row, 2, 2, sums);
        else if (windows->height == 1 && windows->width == 1)
            reduce_windows(pass, row, 1, 1, sums);
        else
            reduce_windows(pass, row, windows->height, windows->width, sums);
    }
}

/* The gradients of channel c of the moments of each part. */
static void write_moments(const struct pass *pass, int64_t c, double slope, double shift)
{
    const struct leit_batchnorm2d *args = pass->args;
    const int64_t C = args->C;
    for (int64_t part = 0; part < args->n_parts; part++) {
        const float *row = args->moments + part * (2 * C + 1);
        float *gradient = args->dmoments + part * (2 * C + 1);
        const double off = (double)row[c] - (double)args->mean[c];
        gradient[c] = (float)(-pass->weight * (double)row[2 * C] * (shift + slope * off));
        gradient[C + c] = (float)(-0.5 * slope);
        gradient[2 * C] = 0.0f;
    }
}

/* Joins the blocks, adds dw and db, and prepares dx = scale g - slope (x - mean) - shift. */
static void finish_sums(const struct pass *pass, int64_t n_blocks)
{
    const struct leit_batchnorm2d *args = pass->args;
    const double n = pass->n;
    for (int64_t c = 0; c < args->C; c++) {
        double db = 0.0, dw = 0.0;
        for (int64_t block = 0; block < n_blocks; block++) {
            db += (double)pass->partial[block * 2 * args->C + c];
            dw += (double)pass->partial[(block * 2 + 1) * args->C + c];
        }
        const double rstd = (double)args->rstd[c], scale = rstd * (double)args->w[c];
        dw *= rstd;
        if (args->db != NULL) args->db[c] += (float)db;
        if (args->dw != NULL) args->dw[c] += (float)dw;
        pass->scale[c] = (float)scale;
        const double shift = scale * db / n, slope = scale * rstd * dw / n;
        if (args->dmoments != NULL) write_moments(pass, c, slope, shift);
        const bool is_own = args->training && args->n_parts == 0;
        pass->shift[c] = is_own ? (float)shift : 0.0f;
        pass->slope[c] = is_own ? (float)slope : 0.0f;
    }
}

/* dx and dresidual of up to eight channels of one pixel. */
LEIT_INLINE void write_pixel(const struct pass *pass, int64_t at, int64_t c, int64_t count,
                             leit_f32x8 g)
{
    const struct leit_batchnorm2d *args = pass->args;
    if (args->dresidual != NULL) leit_store_some(args->dresidual + at, g, count);
    if (args->dx == NULL) return;
    const leit_f32x8 x =
        leit_load_some(args->x + at, count) - leit_load_some(args->mean + c, count);
    const leit_f32x8 dx = leit_load_some(pass->scale + c, count) * g -
                          leit_load_some(pass->slope + c, count) * x -
                          leit_load_some(pass->shift + c, count);
    leit_store_some(args->dx + at, dx, count);
}

/* A window that fits. */
LEIT_INLINE void write_window(const struct pass *pass, int64_t from, int64_t to, int64_t c,
                              int64_t count, int64_t height, int64_t width)
{
    const struct leit_batchnorm2d *args = pass->args;
    const int64_t C = args->C, row = args->W * C;
    const leit_f32x8 g = gradient(args, to + c, count);
    leit_i32x8 places = {0};
    if (height * width > 1) places = leit_load_places(args->argmax + to + c, count);
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++) {
            const leit_i32x8 here = (leit_i32x8)(places == (int32_t)(i * width + j));
            write_pixel(pass, from + i * row + j * C + c, c, count,
                        leit_select8(here, g, (leit_f32x8){0}));
        }
}

/* One row of windows, and the pixels left over at its end. */
LEIT_INLINE void write_windows(const struct pass *pass, int64_t n, int64_t h, int64_t height,
                               int64_t width)
{
    const leit_windows *windows = &pass->windows;
    const int64_t C = windows->C;
    const int64_t begin = (n * windows->H + h * height) * windows->W * C;
    int64_t from = begin, to = (n * windows->out_H + h) * windows->out_W * C;
    for (int64_t w = 0; w < windows->out_W; w++, from += width * C, to += C)
        LEIT_FOR_CHANNELS(c, count, C, write_window(pass, from, to, c, count, height, width));
    for (int64_t i = 0; i < height; i++)
        for (int64_t w = windows->out_W * width; w < windows->W; w++)
            LEIT_FOR_CHANNELS(
                c, count, C,
                write_pixel(pass, begin + (i * windows->W + w) * C + c, c, count, (leit_f32x8){0}));
}

static void write_plain(const struct pass *pass, leit_range rows)
{
    const struct leit_batchnorm2d *args = pass->args;
    const float mean = args->mean[0], scale = pass->scale[0];
    const float slope = pass->slope[0], shift = pass->shift[0];
    for (int64_t i = rows.begin * args->W; i < rows.end * args->W; i++) {
        const float g = args->dy[i];
        if (args->dresidual != NULL) args->dresidual[i] = g;
        if (args->dx != NULL) args->dx[i] = scale * g - slope * (args->x[i] - mean) - shift;
    }
}

static void backward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct pass *pass = context;
    const leit_windows *windows = &pass->windows;
    leit_range rows = leit_block_range(block, pass->n_samples * windows->rows, pass->block_rows);
    if (is_plain(pass->args)) {
        write_plain(pass, rows);
        return;
    }
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const int64_t n = row / windows->rows, h = row % windows->rows;
        if (h == windows->out_H) { /* rows below the last window */
            for (int64_t p = (n * windows->H + h * windows->height) * windows->W;
                 p < (n + 1) * windows->H * windows->W; p++)
                LEIT_FOR_CHANNELS(c, count, windows->C,
                                  write_pixel(pass, p * windows->C + c, c, count, (leit_f32x8){0}));
        } else if (windows->height == 2 && windows->width == 2) {
            write_windows(pass, n, h, 2, 2);
        } else if (windows->height == 1 && windows->width == 1) {
            write_windows(pass, n, h, 1, 1);
        } else {
            write_windows(pass, n, h, windows->height, windows->width);
        }
    }
}

leit_status leit_batchnorm2d_backward_cpu(const leit_exec *exec,
                                          const struct leit_batchnorm2d *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "batchnorm2d", exec,
        leit_batchnorm2d_workspace_cpu(args, leit_threads_count(exec->threads))));
    struct pass pass = make_pass(exec, args);
    if (pass.n == 0.0) return LEIT_OK;
    const int64_t blocks = leit_blocks(pass.n_samples * pass.windows.out_H, pass.block_rows);
    leit_threads_run(exec->threads, blocks, reduce_block, &pass);
    finish_sums(&pass, blocks);
    if (args->dx == NULL && args->dresidual == NULL) return LEIT_OK;
    leit_threads_run(exec->threads,
                     leit_blocks(pass.n_samples * pass.windows.rows, pass.block_rows),
                     backward_block, &pass);
    return LEIT_OK;
}

#include "kernels/batchnorm2d.h"

#include <math.h>

#include "kernels/blocks.h"
#include "kernels/window.h"

/* Forward: one pass over x for the statistics, one for normalising, adding, relu and pooling.
 * A block of pixels that fits in the cache gives its mean and its squared deviations from that mean
 * (two passes, the second from the cache); blocks are joined in block order and in double, so no
 * large squares are ever subtracted.
 *
 * Backward: with g the gradient behind relu and pooling, h the normalised x and n the count,
 *     db = sum g, dw = sum g h, dx = w rstd (g - db / n - h dw / n), dresidual = g.
 * Behind a pool g lives only where a window's largest element came from, so the sums run over the
 * windows; x there is picked from the window by argmax. relu is passed where y > 0. */

enum { BLOCK_FLOATS = 8192, CHUNK = 32 };

struct pass {
    const struct leit_batchnorm2d *args;
    leit_windows windows;
    int64_t n_samples, pixels;      /* that hold data */
    int64_t block_pixels, n_blocks; /* of the statistics */
    int64_t block_rows;             /* rows of windows of a task */
    float *scale, *shift, *slope;   /* (C) factors of dx; the forward needs scale alone */
    float *partial;                 /* (blocks, 2, C) */
};

/* Rows of windows per task: a block's worth of x. */
static int64_t rows_of_task(const struct leit_batchnorm2d *args)
{
    int64_t rows = BLOCK_FLOATS / (args->W * args->C * args->pool_height);
    return rows < 1 ? 1 : rows;
}

static int64_t pixels_of_block(const struct leit_batchnorm2d *args)
{
    int64_t pixels = BLOCK_FLOATS / args->C;
    return pixels < 16 ? 16 : pixels;
}

static struct pass make_pass(const leit_exec *exec, const struct leit_batchnorm2d *args)
{
    struct pass pass = {.args = args, .n_samples = leit_rows(args->n_samples, args->N)};
    pass.windows = leit_windows_of(args->H, args->W, args->C, args->pool_height, args->pool_width);
    pass.pixels = pass.n_samples * args->H * args->W;
    pass.block_pixels = pixels_of_block(args);
    pass.n_blocks = leit_blocks(pass.pixels, pass.block_pixels);
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
    int64_t forward = leit_blocks(args->N * args->H * args->W, pixels_of_block(args));
    int64_t rows = args->N * ((args->H + args->pool_height - 1) / args->pool_height);
    int64_t backward = leit_blocks(rows, rows_of_task(args));
    int64_t blocks = forward > backward ? forward : backward;
    return (size_t)((3 + 2 * blocks) * args->C) * sizeof(float);
}

static leit_status check(const struct leit_batchnorm2d *args)
{
    LEIT_TRY(leit_batchnorm2d_check(args));
    return leit_check_rows("batchnorm2d", args->n_samples, args->N);
}

/* ---- statistics ---- */

/* Means of `width` <= CHUNK columns over n rows, and sums of squared deviations from them. */
LEIT_INLINE void column_moments(const float *x, int64_t stride, int64_t n, int64_t width,
                                float *mean, float *squares)
{
    float sum[CHUNK] = {0}, square[CHUNK] = {0};
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < width; c++) sum[c] += x[i * stride + c];
    for (int64_t c = 0; c < width; c++) sum[c] /= (float)n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < width; c++)
            square[c] += (x[i * stride + c] - sum[c]) * (x[i * stride + c] - sum[c]);
    for (int64_t c = 0; c < width; c++) mean[c] = sum[c], squares[c] = square[c];
}

static void moments_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct pass *pass = context;
    const int64_t C = pass->args->C;
    leit_range pixels = leit_block_range(block, pass->pixels, pass->block_pixels);
    const int64_t n = pixels.end - pixels.begin;
    const float *x = pass->args->x + pixels.begin * C;
    float *mean = pass->partial + block * 2 * C, *squares = mean + C;
    if (C == 1) { /* pixels side by side are what vectors can hold */
        *mean = leit_sum(x, n) / (float)n;
        *squares = leit_sum_squared_difference(x, *mean, n);
        return;
    }
    int64_t c = 0;
    for (; c + CHUNK <= C; c += CHUNK) column_moments(x + c, C, n, CHUNK, mean + c, squares + c);
    for (; c + LEIT_VECTOR8 <= C; c += LEIT_VECTOR8)
        column_moments(x + c, C, n, LEIT_VECTOR8, mean + c, squares + c);
    if (c < C) column_moments(x + c, C, n, C - c, mean + c, squares + c);
}

/* Joins the blocks of CHUNK channels: means weighted by their counts, squared deviations shifted
 * to the common mean. */
static void join_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct pass *pass = context;
    const struct leit_batchnorm2d *args = pass->args;
    leit_range channels = leit_block_range(chunk, args->C, CHUNK);
    const int64_t C = args->C, width = channels.end - channels.begin;
    const double n = (double)pass->pixels;
    double mean[CHUNK] = {0}, squares[CHUNK] = {0};
    const float *partial = pass->partial + channels.begin;
    for (int64_t block = 0; block < pass->n_blocks; block++) {
        leit_range pixels = leit_block_range(block, pass->pixels, pass->block_pixels);
        const double share = (double)(pixels.end - pixels.begin) / n;
        for (int64_t c = 0; c < width; c++) mean[c] += share * (double)partial[block * 2 * C + c];
    }
    for (int64_t block = 0; block < pass->n_blocks; block++) {
        leit_range pixels = leit_block_range(block, pass->pixels, pass->block_pixels);
        const double count = (double)(pixels.end - pixels.begin);
        for (int64_t c = 0; c < width; c++) {
            const double off = (double)partial[block * 2 * C + c] - mean[c];
            squares[c] += (double)partial[(block * 2 + 1) * C + c] + count * off * off;
        }
    }
    for (int64_t i = 0; i < width; i++) {
        const int64_t c = channels.begin + i;
        const double momentum = (double)args->momentum;
        args->mean[c] = (float)mean[i];
        args->rstd[c] = (float)(1.0 / sqrt(squares[i] / n + (double)args->epsilon));
        args->running_mean[c] =
            (float)((1.0 - momentum) * (double)args->running_mean[c] + momentum * mean[i]);
        args->running_var[c] = (float)((1.0 - momentum) * (double)args->running_var[c] +
                                       momentum * squares[i] / (n - 1.0));
    }
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
    if (pass.pixels == 0) return LEIT_OK;
    LEIT_FAIL_IF(args->training && pass.pixels == 1, LEIT_DATA,
                 "batch normalisation: one value per channel has no variance; training needs a "
                 "batch of at least two");
    if (args->training) {
        leit_threads_run(exec->threads, pass.n_blocks, moments_block, &pass);
        leit_threads_run(exec->threads, leit_blocks(args->C, CHUNK), join_chunk, &pass);
    }
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

/* Joins the blocks, adds dw and db, and prepares dx = scale g - slope (x - mean) - shift. */
static void finish_sums(const struct pass *pass, int64_t n_blocks)
{
    const struct leit_batchnorm2d *args = pass->args;
    const double n = (double)pass->pixels;
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
        pass->shift[c] = args->training ? (float)(scale * db / n) : 0.0f;
        pass->slope[c] = args->training ? (float)(scale * rstd * dw / n) : 0.0f;
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
    if (pass.pixels == 0) return LEIT_OK;
    const int64_t blocks = leit_blocks(pass.n_samples * pass.windows.out_H, pass.block_rows);
    leit_threads_run(exec->threads, blocks, reduce_block, &pass);
    finish_sums(&pass, blocks);
    if (args->dx == NULL && args->dresidual == NULL) return LEIT_OK;
    leit_threads_run(exec->threads,
                     leit_blocks(pass.n_samples * pass.windows.rows, pass.block_rows),
                     backward_block, &pass);
    return LEIT_OK;
}

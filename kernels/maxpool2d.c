#include "kernels/maxpool2d.h"

#include "kernels/blocks.h"
#include "kernels/window.h"

/* Windows do not overlap, so a task takes rows of windows; the backward writes each element of x
 * once: dy at argmax, zeros elsewhere and where no window fits. */

enum { BLOCK_FLOATS = 8192 };

static leit_status check(const struct leit_maxpool2d *args)
{
    LEIT_TRY(leit_maxpool2d_check(args));
    return leit_check_rows("maxpool2d", args->n_samples, args->N);
}

LEIT_NO_WORKSPACE_CPU(maxpool2d)

struct pass {
    const struct leit_maxpool2d *args;
    leit_windows windows;
    int64_t n_rows, block_rows; /* rows of windows */
};

static void forward_window(const struct leit_maxpool2d *args, int64_t from, int64_t to)
{
    const int64_t C = args->C, row = args->W * C;
    LEIT_FOR_CHANNELS(c, count, C, {
        leit_f32x8 largest = leit_load_some(args->x + from + c, count);
        leit_i32x8 places = {0};
        int32_t place = 0;
        for (int64_t i = 0; i < args->pool_height; i++)
            for (int64_t j = 0; j < args->pool_width; j++, place++)
                if (place > 0)
                    leit_take_larger(leit_load_some(args->x + from + i * row + j * C + c, count),
                                     place, &largest, &places);
        leit_store_some(args->y + to + c, largest, count);
        leit_store_places(args->argmax + to + c, places, count);
    });
}

static void forward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct pass *pass = context;
    const leit_windows *windows = &pass->windows;
    leit_range rows = leit_block_range(block, pass->n_rows, pass->block_rows);
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const int64_t n = row / windows->out_H, h = row % windows->out_H;
        const int64_t from = (n * windows->H + h * windows->height) * windows->W;
        for (int64_t w = 0; w < windows->out_W; w++)
            forward_window(pass->args, (from + w * windows->width) * windows->C,
                           (row * windows->out_W + w) * windows->C);
    }
}

static void backward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct pass *pass = context;
    const struct leit_maxpool2d *args = pass->args;
    const leit_windows *windows = &pass->windows;
    const int64_t C = windows->C, W = windows->W;
    leit_range rows = leit_block_range(block, pass->n_rows, pass->block_rows);
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const int64_t n = row / windows->rows, h = row % windows->rows;
        const int64_t top = h * windows->height;
        const int64_t height =
            windows->H - top < windows->height ? windows->H - top : windows->height;
        float *dx = args->dx + (n * windows->H + top) * W * C;
        memset(dx, 0, (size_t)(height * W * C) * sizeof(float));
        if (h == windows->out_H) continue;
        const int64_t first = (n * windows->out_H + h) * windows->out_W * C;
        for (int64_t w = 0; w < windows->out_W; w++)
            for (int64_t c = 0; c < C; c++) {
                const int64_t out = first + w * C + c, place = args->argmax[out];
                const int64_t i = place / windows->width, j = place % windows->width;
                dx[(i * W + w * windows->width + j) * C + c] = args->dy[out];
            }
    }
}

static void run(const leit_exec *exec, const struct leit_maxpool2d *args, leit_task *task)
{
    struct pass pass = {
        args, leit_windows_of(args->H, args->W, args->C, args->pool_height, args->pool_width), 0,
        BLOCK_FLOATS / (args->W * args->C) + 1};
    pass.n_rows = leit_rows(args->n_samples, args->N) *
                  (task == forward_block ? pass.windows.out_H : pass.windows.rows);
    leit_threads_run(exec->threads, leit_blocks(pass.n_rows, pass.block_rows), task, &pass);
}

leit_status leit_maxpool2d_forward_cpu(const leit_exec *exec, const struct leit_maxpool2d *args)
{
    LEIT_TRY(check(args));
    run(exec, args, forward_block);
    return LEIT_OK;
}

leit_status leit_maxpool2d_backward_cpu(const leit_exec *exec, const struct leit_maxpool2d *args)
{
    LEIT_TRY(check(args));
    if (args->dx != NULL) run(exec, args, backward_block);
    return LEIT_OK;
}

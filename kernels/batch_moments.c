#include "kernels/batch_moments.h"

#include "kernels/moments.h"

enum { TASK_FLOATS = 8192 };

static int64_t pixels_of(const struct leit_batch_moments *args)
{
    return leit_rows(args->n_samples, args->N) * args->H * args->W;
}

size_t leit_batch_moments_workspace_cpu(const struct leit_batch_moments *args, int n_workers)
{
    (void)n_workers;
    return (size_t)leit_moments_floats(args->N * args->H * args->W, args->C) * sizeof(float);
}

static leit_status check(const struct leit_batch_moments *args)
{
    LEIT_TRY(leit_batch_moments_check(args));
    return leit_check_rows("batch_moments", args->n_samples, args->N);
}

struct join {
    const leit_moments *moments;
    float *row;
};

static void join_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct join *join = context;
    const int64_t C = join->moments->C;
    const leit_range channels = leit_block_range(chunk, C, LEIT_MOMENTS_CHUNK);
    double mean[LEIT_MOMENTS_CHUNK], squares[LEIT_MOMENTS_CHUNK];
    leit_moments_join(join->moments, channels, 1.0, mean, squares);
    for (int64_t c = channels.begin; c < channels.end; c++) {
        join->row[c] = (float)mean[c - channels.begin];
        join->row[C + c] = (float)squares[c - channels.begin];
    }
}

leit_status leit_batch_moments_forward_cpu(const leit_exec *exec,
                                           const struct leit_batch_moments *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(
        leit_check_workspace("batch_moments", exec, leit_batch_moments_workspace_cpu(args, 1)));
    const int64_t pixels = pixels_of(args), C = args->C;
    args->moments[2 * C] = (float)leit_rows(args->n_samples, args->N);
    for (int64_t i = 0; pixels == 0 && i < 2 * C; i++) args->moments[i] = 0.0f;
    if (pixels == 0) return LEIT_OK;
    const leit_moments moments =
        leit_moments_take(exec->threads, args->x, pixels, C, exec->workspace);
    struct join join = {&moments, args->moments};
    leit_threads_run(exec->threads, leit_blocks(C, LEIT_MOMENTS_CHUNK), join_chunk, &join);
    return LEIT_OK;
}

static int64_t pixels_of_task(const struct leit_batch_moments *args)
{
    const int64_t pixels = TASK_FLOATS / args->C;
    return pixels < 1 ? 1 : pixels;
}

static void backward_task(void *context, int64_t task, int worker)
{
    (void)worker;
    const struct leit_batch_moments *args = context;
    const int64_t C = args->C, pixels = pixels_of(args);
    const leit_range own = leit_block_range(task, pixels, pixels_of_task(args));
    const float *mean = args->moments, *dmean = args->dmoments, *dsquares = dmean + C;
    const float share = 1.0f / (float)pixels;
    for (int64_t p = own.begin; p < own.end; p++)
        for (int64_t c = 0; c < C; c++) {
            const int64_t i = p * C + c;
            const float dx = dmean[c] * share + 2.0f * dsquares[c] * (args->x[i] - mean[c]);
            args->dx[i] = args->adds_dx ? args->dx[i] + dx : dx;
        }
}

leit_status leit_batch_moments_backward_cpu(const leit_exec *exec,
                                            const struct leit_batch_moments *args)
{
    LEIT_TRY(check(args));
    if (args->dx == NULL) return LEIT_OK;
    struct leit_batch_moments own = *args;
    leit_threads_run(exec->threads, leit_blocks(pixels_of(args), pixels_of_task(args)),
                     backward_task, &own);
    return LEIT_OK;
}

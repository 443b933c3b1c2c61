#include "kernels/global_max_pool.h"

#include <string.h>

/* One image is one task: its pixels pass by once while y and argmax of all channels stay in L1. */

static leit_status check(const struct leit_global_max_pool *args)
{
    LEIT_TRY(leit_global_max_pool_check(args));
    return leit_check_rows("global_max_pool", args->n_samples, args->N);
}

LEIT_NO_WORKSPACE_CPU(global_max_pool)

static void forward_image(void *context, int64_t n, int worker)
{
    (void)worker;
    const struct leit_global_max_pool *args = context;
    const int64_t C = args->C, pixels = args->H * args->W;
    const float *x = args->x + n * pixels * C;
    float *y = args->y + n * C;
    int32_t *argmax = args->argmax + n * C;
    for (int64_t c = 0; c < C; c++) y[c] = x[c], argmax[c] = 0;
    for (int64_t p = 1; p < pixels; p++)
        for (int64_t c = 0; c < C; c++) {
            const float v = x[p * C + c];
            const int take = (v > y[c]) | (v != v); /* a NaN is the largest */
            y[c] = take ? v : y[c];
            argmax[c] = take ? (int32_t)p : argmax[c];
        }
}

static void backward_image(void *context, int64_t n, int worker)
{
    (void)worker;
    const struct leit_global_max_pool *args = context;
    const int64_t C = args->C, pixels = args->H * args->W;
    float *dx = args->dx + n * pixels * C;
    memset(dx, 0, (size_t)(pixels * C) * sizeof(float));
    for (int64_t c = 0; c < C; c++) dx[args->argmax[n * C + c] * C + c] = args->dy[n * C + c];
}

leit_status leit_global_max_pool_forward_cpu(const leit_exec *exec,
                                             const struct leit_global_max_pool *args)
{
    LEIT_TRY(check(args));
    struct leit_global_max_pool copy = *args;
    leit_threads_run(exec->threads, leit_rows(args->n_samples, args->N), forward_image, &copy);
    return LEIT_OK;
}

leit_status leit_global_max_pool_backward_cpu(const leit_exec *exec,
                                              const struct leit_global_max_pool *args)
{
    LEIT_TRY(check(args));
    if (args->dx == NULL) return LEIT_OK;
    struct leit_global_max_pool copy = *args;
    leit_threads_run(exec->threads, leit_rows(args->n_samples, args->N), backward_image, &copy);
    return LEIT_OK;
}

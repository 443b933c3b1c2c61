#include "kernels/l2_normalize.h"

#include <math.h>
#include <stdbool.h>

#include "kernels/blocks.h"

/* Rows are independent: a task takes a block of them. */

enum { BLOCK_ROWS = 64 };

static const float epsilon = 1e-12f;

LEIT_NO_WORKSPACE_CPU(l2_normalize)

static leit_status check(const struct leit_l2_normalize *args)
{
    LEIT_TRY(leit_l2_normalize_check(args));
    return leit_check_rows("l2_normalize", args->n_rows, args->N);
}

static void forward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct leit_l2_normalize *args = context;
    const int64_t E = args->E;
    leit_range rows = leit_block_range(block, leit_rows(args->n_rows, args->N), BLOCK_ROWS);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        const float *x = args->x + n * E;
        const float norm = sqrtf(leit_dot(x, x, E));
        const float divisor = norm < epsilon ? epsilon : norm;
        for (int64_t e = 0; e < E; e++) args->y[n * E + e] = x[e] / divisor;
        args->norm[n] = norm;
    }
}

leit_status leit_l2_normalize_forward_cpu(const leit_exec *exec,
                                          const struct leit_l2_normalize *args)
{
    LEIT_TRY(check(args));
    struct leit_l2_normalize copy = *args;
    leit_threads_run(exec->threads, leit_blocks(leit_rows(args->n_rows, args->N), BLOCK_ROWS),
                     forward_block, &copy);
    return LEIT_OK;
}

static void backward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct leit_l2_normalize *args = context;
    const int64_t E = args->E;
    leit_range rows = leit_block_range(block, leit_rows(args->n_rows, args->N), BLOCK_ROWS);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        const float *y = args->y + n * E, *dy = args->dy + n * E;
        const bool clamped = args->norm[n] < epsilon;
        const float along = clamped ? 0.0f : leit_dot(y, dy, E);
        const float divisor = clamped ? epsilon : args->norm[n];
        for (int64_t e = 0; e < E; e++) args->dx[n * E + e] = (dy[e] - y[e] * along) / divisor;
    }
}

leit_status leit_l2_normalize_backward_cpu(const leit_exec *exec,
                                           const struct leit_l2_normalize *args)
{
    LEIT_TRY(check(args));
    if (args->dx == NULL) return LEIT_OK;
    struct leit_l2_normalize copy = *args;
    leit_threads_run(exec->threads, leit_blocks(leit_rows(args->n_rows, args->N), BLOCK_ROWS),
                     backward_block, &copy);
    return LEIT_OK;
}

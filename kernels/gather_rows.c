#include "kernels/gather_rows.h"

#include <string.h>

#include "kernels/blocks.h"

/* Copies of rows: memory is the limit and the rows are few, so the caller does it alone, except for
 * the zeros of dx. */

enum { BLOCK_ROWS = 64 };

LEIT_NO_WORKSPACE_CPU(gather_rows)

static leit_status check(const struct leit_gather_rows *args)
{
    LEIT_TRY(leit_gather_rows_check(args));
    LEIT_TRY(leit_check_rows("gather_rows", args->n_rows, args->N));
    const int64_t rows = leit_rows(args->n_rows, args->N);
    for (int64_t n = 0; n < rows; n++)
        LEIT_FAIL_IF(args->index[n] < 0 || args->index[n] >= args->M, LEIT_INTERNAL,
                     "gather_rows: index %d of row %lld, expected 0 to %lld", args->index[n],
                     (long long)n, (long long)args->M - 1);
    return LEIT_OK;
}

leit_status leit_gather_rows_forward_cpu(const leit_exec *exec, const struct leit_gather_rows *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    const int64_t D = args->D, rows = leit_rows(args->n_rows, args->N);
    for (int64_t n = 0; n < rows; n++)
        memcpy(args->y + n * D, args->x + args->index[n] * D, (size_t)D * sizeof(float));
    return LEIT_OK;
}

static void zero_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct leit_gather_rows *args = context;
    const leit_range rows = leit_block_range(block, args->M, BLOCK_ROWS);
    memset(args->dx + rows.begin * args->D, 0,
           (size_t)((rows.end - rows.begin) * args->D) * sizeof(float));
}

leit_status leit_gather_rows_backward_cpu(const leit_exec *exec,
                                          const struct leit_gather_rows *args)
{
    LEIT_TRY(check(args));
    if (args->dx == NULL) return LEIT_OK;
    struct leit_gather_rows copy = *args;
    if (!args->adds_dx)
        leit_threads_run(exec->threads, leit_blocks(args->M, BLOCK_ROWS), zero_block, &copy);
    const int64_t D = args->D, rows = leit_rows(args->n_rows, args->N);
    for (int64_t n = 0; n < rows; n++) {
        float *restrict dx = args->dx + args->index[n] * D;
        for (int64_t d = 0; d < D; d++) dx[d] += args->dy[n * D + d];
    }
    return LEIT_OK;
}

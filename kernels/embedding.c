#include "kernels/embedding.h"

#include "kernels/blocks.h"

/* Forward: blocks of rows. Backward: several rows may share an id, so a task owns a slice of the
 * columns of both tables and adds all rows in row order: no sorting, no partial sums, and the order
 * of each sum is that of the rows. */

enum { BLOCK_ROWS = 32, SLICE_COLUMNS = 32 };

LEIT_NO_WORKSPACE_CPU(embedding)

static leit_status check_indices(const char *what, const int32_t *indices, int64_t rows,
                                 int64_t bound)
{
    for (int64_t n = 0; n < rows; n++)
        LEIT_FAIL_IF(indices[n] < 0 || indices[n] >= bound, LEIT_INTERNAL,
                     "embedding: %s %d of row %lld, expected 0 to %lld", what, indices[n],
                     (long long)n, (long long)bound - 1);
    return LEIT_OK;
}

static leit_status check(const struct leit_embedding *args)
{
    LEIT_TRY(leit_embedding_check(args));
    LEIT_TRY(leit_check_rows("embedding", args->n_rows, args->N));
    const int64_t rows = leit_rows(args->n_rows, args->N);
    LEIT_TRY(check_indices("id", args->ids, rows, args->V));
    return args->positions == NULL ? LEIT_OK
                                   : check_indices("position", args->positions, rows, args->P);
}

static void forward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct leit_embedding *args = context;
    const int64_t D = args->D;
    leit_range rows = leit_block_range(block, leit_rows(args->n_rows, args->N), BLOCK_ROWS);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        const float *word = args->words + args->ids[n] * D;
        float *restrict y = args->y + n * D;
        if (args->positions == NULL) {
            for (int64_t d = 0; d < D; d++) y[d] = word[d];
        } else {
            const float *position = args->position_table + args->positions[n] * D;
            for (int64_t d = 0; d < D; d++) y[d] = word[d] + position[d];
        }
    }
}

leit_status leit_embedding_forward_cpu(const leit_exec *exec, const struct leit_embedding *args)
{
    LEIT_TRY(check(args));
    struct leit_embedding copy = *args;
    const int64_t rows = leit_rows(args->n_rows, args->N);
    leit_threads_run(exec->threads, leit_blocks(rows, BLOCK_ROWS), forward_block, &copy);
    return LEIT_OK;
}

static void scatter_slice(float *table, const int32_t *indices, const float *dy, int64_t D,
                          int64_t rows, leit_range columns)
{
    for (int64_t n = 0; n < rows; n++) {
        float *restrict to = table + indices[n] * D;
        const float *restrict from = dy + n * D;
        for (int64_t d = columns.begin; d < columns.end; d++) to[d] += from[d];
    }
}

static void backward_slice(void *context, int64_t slice, int worker)
{
    (void)worker;
    const struct leit_embedding *args = context;
    const int64_t D = args->D, rows = leit_rows(args->n_rows, args->N);
    const leit_range columns = leit_block_range(slice, D, SLICE_COLUMNS);
    if (args->dwords != NULL) scatter_slice(args->dwords, args->ids, args->dy, D, rows, columns);
    if (args->dposition_table != NULL)
        scatter_slice(args->dposition_table, args->positions, args->dy, D, rows, columns);
}

leit_status leit_embedding_backward_cpu(const leit_exec *exec, const struct leit_embedding *args)
{
    LEIT_TRY(check(args));
    struct leit_embedding copy = *args;
    leit_threads_run(exec->threads, leit_blocks(args->D, SLICE_COLUMNS), backward_slice, &copy);
    return LEIT_OK;
}

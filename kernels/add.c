#include "kernels/add.h"

#include <string.h>

#include "kernels/elementwise.h"

LEIT_NO_WORKSPACE_CPU(add)

static leit_range elements_of(const struct leit_add *args, int64_t block)
{
    return leit_block_range(block, leit_rows(args->n_rows, args->N) * args->D,
                            LEIT_ELEMENTWISE_BLOCK);
}

static void forward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct leit_add *args = context;
    const leit_range range = elements_of(args, block);
    const float *a = args->a, *b = args->b;
    float *y = args->y;
    LEIT_NO_SHIFTED_ALIAS
    for (int64_t i = range.begin; i < range.end; i++) y[i] = a[i] + b[i];
}

leit_status leit_add_forward_cpu(const leit_exec *exec, const struct leit_add *args)
{
    LEIT_TRY(leit_elementwise_check("add", args->n_rows, args->N, args->D));
    struct leit_add copy = *args;
    leit_elementwise_run(exec, leit_rows(args->n_rows, args->N) * args->D, forward_block, &copy);
    return LEIT_OK;
}

static void backward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct leit_add *args = context;
    const leit_range range = elements_of(args, block);
    const float *dy = args->dy + range.begin;
    const size_t bytes = (size_t)(range.end - range.begin) * sizeof(float);
    if (args->da != NULL && args->da != args->dy) memcpy(args->da + range.begin, dy, bytes);
    if (args->db != NULL && args->db != args->dy) memcpy(args->db + range.begin, dy, bytes);
}

leit_status leit_add_backward_cpu(const leit_exec *exec, const struct leit_add *args)
{
    LEIT_TRY(leit_elementwise_check("add", args->n_rows, args->N, args->D));
    struct leit_add copy = *args;
    leit_elementwise_run(exec, leit_rows(args->n_rows, args->N) * args->D, backward_block, &copy);
    return LEIT_OK;
}

#include "kernels/grad_norm.h"

#include <math.h>

#include "kernels/blocks.h"
#include "kernels/tensor_blocks.h"

/* Every block writes the sum of its squares into the workspace; the sums are added in order. */

size_t leit_grad_norm_workspace_cpu(const struct leit_grad_norm *args, int n_workers)
{
    (void)n_workers;
    return (size_t)args->n_blocks * sizeof(float);
}

struct norm {
    const struct leit_grad_norm *args;
    float *squares; /* (blocks) */
};

static void square_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct norm *norm = context;
    const leit_tensor_block elements =
        leit_find_tensor_block(norm->args->tensors, norm->args->n_tensors, block);
    const float *g = elements.tensor->g + elements.begin;
    norm->squares[block] = leit_dot(g, g, elements.end - elements.begin);
}

leit_status leit_grad_norm_forward_cpu(const leit_exec *exec, const struct leit_grad_norm *args)
{
    LEIT_TRY(leit_grad_norm_check(args));
    LEIT_TRY(leit_check_tensors("grad_norm", args->tensors, args->n_tensors, args->n_blocks));
    LEIT_TRY(leit_check_workspace(
        "grad_norm", exec, leit_grad_norm_workspace_cpu(args, leit_threads_count(exec->threads))));
    struct norm norm = {args, exec->workspace};
    leit_threads_run(exec->threads, args->n_blocks, square_block, &norm);
    double total = 0.0;
    for (int64_t block = 0; block < args->n_blocks; block++) total += (double)norm.squares[block];
    *args->norm = (float)sqrt(total);
    if (args->n_bad != NULL && !isfinite(*args->norm)) ++*args->n_bad;
    leit_next_step(args);
    return LEIT_OK;
}

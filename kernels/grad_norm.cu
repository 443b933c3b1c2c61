#include "kernels/grad_norm.cuh"
#include "kernels/tensor_blocks.h"

/* A block of threads writes the sum of the squares of one block of the list into the workspace; a
 * second launch, of one block, adds these sums in a fixed order. Blocks that the list does not have
 * give 0. */

enum { THREADS = LEIT_GRAD_NORM_THREADS };

size_t leit_grad_norm_workspace_cuda(const struct leit_grad_norm *args, int n_workers)
{
    (void)n_workers;
    return (size_t)args->n_blocks * sizeof(float);
}

static __global__ void square_blocks(struct leit_grad_norm args, float *squares)
{
    LEIT_SHARED(float, partial, [LEIT_WARP]);
    const leit_tensor_block block =
        leit_find_tensor_block(args.tensors, args.n_tensors, blockIdx.x);
    float total = 0.0f;
    for (int64_t i = block.begin + threadIdx.x; i < block.end; i += THREADS)
        total += block.tensor->g[i] * block.tensor->g[i];
    total = leit_block_sum(total, partial);
    if (threadIdx.x == 0) squares[blockIdx.x] = total;
}

static __global__ void add_squares(struct leit_grad_norm args, const float *squares)
{
    leit_grad_norm_write(args, squares);
}

leit_status leit_grad_norm_forward_cuda(const leit_exec *exec, const struct leit_grad_norm *args)
{
    LEIT_TRY(leit_grad_norm_check(args));
    LEIT_TRY(leit_check_workspace("grad_norm", exec, leit_grad_norm_workspace_cuda(args, 1)));
    float *squares = static_cast<float *>(exec->workspace);
    if (args->n_blocks > 0)
        LEIT_LAUNCH(square_blocks, (unsigned)args->n_blocks, THREADS, 0, exec->stream, *args,
                    squares);
    LEIT_LAUNCH(add_squares, 1, THREADS, 0, exec->stream, *args, squares);
    return leit_launch_status("grad_norm");
}

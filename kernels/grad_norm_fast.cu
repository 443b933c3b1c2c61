#include "kernels/grad_norm.cuh"
#include "kernels/quads.cuh"
#include "kernels/tensor_blocks.cuh"

/* As the plain kernel, 16 bytes to a load and in one launch: the block that ends last adds the sums of
 * all of them, in the plain kernel's order. */

enum { THREADS = LEIT_GRAD_NORM_THREADS };

size_t leit_grad_norm_workspace_fast(const struct leit_grad_norm *args, int n_workers)
{
    return leit_grad_norm_workspace_cuda(args, n_workers);
}

/* This thread's share of the squares of g from begin to end. */
static __device__ float squares_of_thread(const float *g, int64_t begin, int64_t end)
{
    float total = 0.0f;
    const int64_t whole = begin + (end - begin) / LEIT_QUAD * LEIT_QUAD;
    const int64_t end_of_quads = leit_are_aligned(g) ? whole : begin;
    for (int64_t i = begin + threadIdx.x * LEIT_QUAD; i < end_of_quads; i += THREADS * LEIT_QUAD) {
        const struct leit_quad x = leit_load_quad(g + i);
        LEIT_EACH_OF_QUAD (e) total += x.of[e] * x.of[e];
    }
    for (int64_t i = end_of_quads + threadIdx.x; i < end; i += THREADS) total += g[i] * g[i];
    return total;
}

static __global__ void __launch_bounds__(THREADS)
    find_norm(struct leit_grad_norm args, float *squares, unsigned *ticket)
{
    LEIT_SHARED(float, partial, [LEIT_WARP]);
    const leit_tensor_block block =
        leit_warp_find_tensor_block(args.tensors, args.n_tensors, blockIdx.x);
    float total = 0.0f;
    if (block.tensor != nullptr) total = squares_of_thread(block.tensor->g, block.begin, block.end);
    total = leit_block_sum(total, partial);
    if (threadIdx.x == 0 && blockIdx.x < args.n_blocks) squares[blockIdx.x] = total;
    if (leit_is_last_block(ticket, gridDim.x)) leit_grad_norm_write(args, squares);
}

leit_status leit_grad_norm_forward_fast(const leit_exec *exec, const struct leit_grad_norm *args)
{
    LEIT_TRY(leit_grad_norm_check(args));
    LEIT_TRY(leit_check_workspace("grad_norm", exec, leit_grad_norm_workspace_fast(args, 1)));
    const unsigned blocks = args->n_blocks > 0 ? (unsigned)args->n_blocks : 1; /* 0 of nothing */
    LEIT_LAUNCH(find_norm, blocks, THREADS, 0, exec->stream, *args,
                static_cast<float *>(exec->workspace), exec->tickets);
    return leit_launch_status("grad_norm");
}

#include "kernels/adam.cuh"
#include "kernels/tensor_blocks.cuh"

/* The plain kernel, 16 bytes at a time: four times as many bytes are on their way, which is what a step
 * bound by memory waits for. A block finds its tensor by a warp; one thread would read 168 counts, one
 * behind the other, for the last of them. A tensor that does not lie on 16 bytes, or has rows that are
 * no whole quads, goes element by element. Rows that are fetched or flushed are few: the plain kernel has
 * them. */

LEIT_NO_WORKSPACE_FAST(adam)

static __device__ bool has_quads(const leit_adam_tensor &tensor)
{
    return leit_are_aligned(tensor.p, tensor.g, tensor.m, tensor.v) &&
           (tensor.done == nullptr || tensor.width % LEIT_QUAD == 0);
}

static __global__ void __launch_bounds__(LEIT_ADAM_THREADS, 2) step_quads(struct leit_adam args)
{
    LEIT_SHARED(leit_adam_rate, now, [1]);
    if (threadIdx.x == 0) now[0] = leit_adam_rate_now(args);
    __syncthreads();
    const leit_tensor_block block =
        leit_warp_find_tensor_block(args.tensors, args.n_tensors, blockIdx.x);
    if (leit_adam_begins(args, block, now[0]))
        leit_adam_step_block<LEIT_QUAD>(args, block, now[0], has_quads(*block.tensor));
}

leit_status leit_adam_forward_fast(const leit_exec *exec, const struct leit_adam *args)
{
    LEIT_TRY(leit_adam_check(args));
    if (args->work != LEIT_ADAM_STEP) return leit_adam_forward_cuda(exec, args);
    if (args->n_blocks == 0) return LEIT_OK;
    LEIT_LAUNCH(step_quads, (unsigned)args->n_blocks, LEIT_ADAM_THREADS, 0, exec->stream, *args);
    return leit_launch_status("adam");
}

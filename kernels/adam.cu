#include "kernels/adam.cuh"

/* One launch: a block of threads finds its block in the list of tensors, which lies in device memory
 * as the step's numbers do. The step is bound by memory; a block's one thread that computes beta^t
 * waits no longer than the others for their first elements. Blocks that the list does not have do
 * nothing; t below 1 counts as 1.
 *
 * Of rows that may wait a warp has one after another, those that begin in the block. It reads their
 * gradients, and of most nothing else: 4 of 28 bytes. What a row waited for is done in registers. */

LEIT_NO_WORKSPACE_CUDA(adam)

static __global__ void flush_blocks(struct leit_adam args)
{
    const leit_tensor_block block =
        leit_find_tensor_block(args.tensors, args.n_tensors, blockIdx.x);
    if (block.tensor != nullptr && block.tensor->done != nullptr)
        leit_adam_step_rows<1>(args, block, nullptr, 1.0f);
}

/* A warp has one of the rows asked for. Of several warps with the same row the one that comes first
 * moves it: what comes out does not depend on which. */
static __global__ void fetch_rows(struct leit_adam args)
{
    const int64_t i = (int64_t)blockIdx.x * LEIT_ADAM_WARPS + threadIdx.x / LEIT_WARP;
    const leit_adam_tensor tensor = args.tensors[args.of];
    const int64_t row = i < leit_device_rows(args.n_rows, args.N) ? args.rows[i] : -1;
    const bool is_there = tensor.done != nullptr && row >= 0 && row < tensor.count / tensor.width;
    const int32_t until = (int32_t)args.rates->newest;
    int32_t done = until;
    if (is_there && threadIdx.x % LEIT_WARP == 0) done = atomicExch(&tensor.done[row], until);
    done = __shfl_sync(LEIT_ALL_LANES, done, 0);
    if (done < until) leit_adam_move_row<1>(args, tensor, row, done, until, nullptr, 1.0f);
}

static __global__ void __launch_bounds__(LEIT_ADAM_THREADS, 4) step_blocks(struct leit_adam args)
{
    LEIT_SHARED(leit_adam_rate, now, [1]);
    if (threadIdx.x == 0) now[0] = leit_adam_rate_now(args);
    __syncthreads();
    const leit_tensor_block block =
        leit_find_tensor_block(args.tensors, args.n_tensors, blockIdx.x);
    if (leit_adam_begins(args, block, now[0])) leit_adam_step_block<1>(args, block, now[0], true);
}

leit_status leit_adam_forward_cuda(const leit_exec *exec, const struct leit_adam *args)
{
    LEIT_TRY(leit_adam_check(args));
    if (args->n_blocks == 0) return LEIT_OK;
    if (args->work == LEIT_ADAM_STEP)
        LEIT_LAUNCH(step_blocks, (unsigned)args->n_blocks, LEIT_ADAM_THREADS, 0, exec->stream,
                    *args);
    else if (args->work == LEIT_ADAM_FLUSH)
        LEIT_LAUNCH(flush_blocks, (unsigned)args->n_blocks, LEIT_ADAM_THREADS, 0, exec->stream,
                    *args);
    else if (args->N > 0)
        LEIT_LAUNCH(fetch_rows, (unsigned)leit_pieces(args->N, LEIT_ADAM_WARPS), LEIT_ADAM_THREADS,
                    0, exec->stream, *args);
    return leit_launch_status("adam");
}

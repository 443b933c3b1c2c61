#include "kernels/embedding.h"

#include "kernels/leit_cuda.h"

/* Backward without atomics, in the order of the rows: of all rows that name one id the first works
 * for all of them, and its block reads the ids to find the others. A few thousand tokens make that
 * a few thousand cached reads a block. */

enum { ROW_THREADS = 128 };

LEIT_NO_WORKSPACE_CUDA(embedding)

static __global__ void add_up(struct leit_embedding args)
{
    const int64_t i = leit_element(), n = i / args.D, d = i % args.D;
    if (n < leit_device_rows(args.n_rows, args.N)) {
        const int64_t id = args.ids[n];
        float y = id >= 0 && id < args.V ? args.words[id * args.D + d] : leit_nan();
        if (args.positions != nullptr) {
            const int64_t position = args.positions[n];
            y += position >= 0 && position < args.P ? args.position_table[position * args.D + d]
                                                    : leit_nan();
        }
        args.y[i] = y;
    }
}

static __device__ bool is_first(const int32_t *indices, int64_t n)
{
    for (int64_t m = 0; m < n; m++)
        if (indices[m] == indices[n]) return false;
    return true;
}

/* Block n adds to the row of `table` that row n names, when it is the first to name it. */
static __global__ void add_rows(struct leit_embedding args, const int32_t *indices, int64_t bound,
                                float *table)
{
    const int64_t n = blockIdx.x, rows = leit_device_rows(args.n_rows, args.N);
    if (n < rows && indices[n] >= 0 && indices[n] < bound && is_first(indices, n)) {
        float *to = table + indices[n] * args.D;
        for (int64_t d = threadIdx.x; d < args.D; d += ROW_THREADS) {
            float sum = to[d];
            for (int64_t m = n; m < rows; m++)
                if (indices[m] == indices[n]) sum += args.dy[m * args.D + d];
            to[d] = sum;
        }
    }
}

leit_status leit_embedding_forward_cuda(const leit_exec *exec, const struct leit_embedding *args)
{
    LEIT_TRY(leit_embedding_check(args));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(add_up, leit_element_blocks(args->N * args->D), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("embedding forward");
}

leit_status leit_embedding_backward_cuda(const leit_exec *exec, const struct leit_embedding *args)
{
    LEIT_TRY(leit_embedding_check(args));
    if (args->N == 0) return LEIT_OK;
    if (args->dwords != nullptr)
        LEIT_LAUNCH(add_rows, (unsigned)args->N, ROW_THREADS, 0, exec->stream, *args, args->ids,
                    args->V, args->dwords);
    if (args->dposition_table != nullptr)
        LEIT_LAUNCH(add_rows, (unsigned)args->N, ROW_THREADS, 0, exec->stream, *args,
                    args->positions, args->P, args->dposition_table);
    return leit_launch_status("embedding backward");
}

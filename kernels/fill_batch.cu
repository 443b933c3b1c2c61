#include "kernels/fill_batch.h"

#include "kernels/leit_cuda.h"

/* Block b makes row b of everything. Where its text begins it finds for itself, from the lengths of
 * all texts before it: B numbers, next to each other in time with those of the other blocks. */

enum { THREADS = 128 };

LEIT_NO_WORKSPACE_CUDA(fill_batch)

/* The sum over the threads of a block. */
LEIT_DEVICE_FUNCTION int sum_of_block(int value, int *partial)
{
    value = leit_warp_sum(value);
    if (threadIdx.x % LEIT_WARP == 0) partial[threadIdx.x / LEIT_WARP] = value;
    __syncthreads();
    value = 0;
    for (int warp = 0; warp < THREADS / LEIT_WARP; warp++) value += partial[warp];
    return value;
}

LEIT_DEVICE_FUNCTION int64_t tokens_of(const struct leit_fill_batch &args, int64_t b)
{
    const int64_t *of_text = args.token_offsets + args.texts[b];
    return of_text[1] - of_text[0];
}

/* Tokens of the texts before text `end`. */
LEIT_DEVICE_FUNCTION int64_t tokens_before(const struct leit_fill_batch &args, int64_t end)
{
    LEIT_SHARED(int, partial, [THREADS / LEIT_WARP]);
    int own = 0;
    for (int64_t b = threadIdx.x; b < end; b += THREADS) own += (int)tokens_of(args, b);
    const int64_t sum = sum_of_block(own, partial);
    return sum < args.packed.N ? sum : args.packed.N;
}

LEIT_DEVICE_FUNCTION void copy_tokens(const struct leit_fill_batch &args, int64_t b, int64_t begin)
{
    const leit_packed_texts &packed = args.packed;
    const int32_t *tokens = args.tokens + args.token_offsets[args.texts[b]];
    const int64_t count = tokens_of(args, b), room = packed.N - begin;
    for (int64_t t = threadIdx.x; t < count && t < room; t += THREADS) {
        packed.ids[begin + t] = tokens[t];
        packed.positions[begin + t] = (int32_t)t;
    }
    if (threadIdx.x == 0) packed.cls[b] = (int32_t)begin;
}

/* Block B is behind the last text. */
LEIT_DEVICE_FUNCTION void fill_text(const struct leit_fill_batch &args, int64_t b)
{
    const leit_packed_texts &packed = args.packed;
    const int64_t n = leit_device_rows(args.texts_drawn, packed.B), end = b < n ? b : n;
    const int64_t begin = tokens_before(args, end);
    if (b < n) copy_tokens(args, b, begin);
    if (threadIdx.x == 0) {
        packed.offsets[b] = (int32_t)begin;
        packed.cls_offsets[b] = (int32_t)end;
        if (b == packed.B) *packed.n_tokens = (int32_t)begin;
        if (b == packed.B && packed.n_texts != args.texts_drawn) *packed.n_texts = (int32_t)n;
    }
}

LEIT_DEVICE_FUNCTION void fill_target(const leit_batch_target &target, int64_t b)
{
    if (b >= leit_device_rows(target.n_rows, target.n)) return;
    const int32_t row = leit_target_row(&target, b);
    if (leit_target_is_number(&target)) {
        if (threadIdx.x == 0) ((int32_t *)target.to)[b] = row;
        return;
    }
    for (int64_t e = threadIdx.x; e < target.width; e += THREADS)
        leit_fill_element(&target, b, row, e);
}

static __global__ void fill_rows(struct leit_fill_batch args)
{
    const int64_t b = blockIdx.x;
    if (args.packed.B > 0 && b <= args.packed.B) fill_text(args, b);
    for (int i = 0; i < args.n_targets; i++) fill_target(args.targets[i], b);
}

leit_status leit_fill_batch_forward_cuda(const leit_exec *exec, const struct leit_fill_batch *args)
{
    LEIT_TRY(leit_fill_batch_check(args));
    int64_t blocks = args->packed.B > 0 ? args->packed.B + 1 : 0;
    for (int i = 0; i < args->n_targets; i++)
        if (args->targets[i].n > blocks) blocks = args->targets[i].n;
    if (blocks > 0) LEIT_LAUNCH(fill_rows, (unsigned)blocks, THREADS, 0, exec->stream, *args);
    return leit_launch_status("fill_batch");
}

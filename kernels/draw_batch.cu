#include "kernels/draw_batch.h"

#include "kernels/leit_cuda.h"

/* One block draws all rows: they are few, and nobody reads `batch` when it becomes the next. */

enum { THREADS = 256 };

LEIT_NO_WORKSPACE_CUDA(draw_batch)

LEIT_DEVICE_FUNCTION int32_t take_epoch_rows(const struct leit_draw_batch &args,
                                             const leit_row_pool &pool, int64_t batch,
                                             int32_t *rows)
{
    const leit_epoch_part part = leit_batch_part(&args, &pool, batch);
    for (int64_t b = threadIdx.x; b < part.n; b += THREADS)
        rows[b] = leit_epoch_row(&pool, part.first + b);
    return (int32_t)part.n;
}

static __global__ void draw_rows(struct leit_draw_batch args)
{
    const int64_t batch = *args.batch;
    int32_t n_texts = 0, n_clips = 0;
    if (args.sampling == LEIT_SAMPLE_TEXTS || args.sampling == LEIT_SAMPLE_BOTH)
        n_texts = take_epoch_rows(args, args.texts, batch, args.drawn_texts);
    if (args.sampling == LEIT_SAMPLE_CLIPS || args.sampling == LEIT_SAMPLE_BOTH)
        n_clips = take_epoch_rows(args, args.clips, batch, args.drawn_clips);
    if (args.sampling == LEIT_SAMPLE_PAIRS) {
        for (int64_t b = threadIdx.x; b < args.B / 2; b += THREADS) leit_draw_pair(&args, batch, b);
        n_texts = n_clips = (int32_t)args.B;
    }
    __syncthreads(); /* all have read which batch it is */
    if (threadIdx.x == 0) {
        if (args.n_texts != nullptr) *args.n_texts = n_texts;
        if (args.n_clips != nullptr) *args.n_clips = n_clips;
        if (args.step != nullptr) *args.step = (int32_t)batch;
        if (args.next != nullptr) *args.next = batch + 1;
    }
}

leit_status leit_draw_batch_forward_cuda(const leit_exec *exec, const struct leit_draw_batch *args)
{
    LEIT_TRY(leit_draw_batch_check(args));
    LEIT_LAUNCH(draw_rows, 1, THREADS, 0, exec->stream, *args);
    return leit_launch_status("draw_batch");
}

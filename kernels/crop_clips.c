#include "kernels/crop_clips.h"

#include <string.h>

#include "core/rng.h"
#include "kernels/blocks.h"

/* Copies of rows, one task each: the corpus may lie on a disk. */

LEIT_NO_WORKSPACE_CPU(crop_clips)

static void crop_row(void *context, int64_t b, int worker)
{
    (void)worker;
    const struct leit_crop_clips *args = context;
    const int64_t *offsets = args->source->offsets + args->clips[b], S = args->S;
    const int64_t length = offsets[1] - offsets[0], count = length < S ? length : S;
    const int64_t start =
        length <= S ? 0
                    : leit_first_below(args->random->seed, LEIT_STREAM_CROP, args->random->step,
                                       (uint32_t)args->places[b], (uint32_t)(length - S + 1));
    int16_t *y = args->y + b * S;
    memcpy(y, args->source->pcm + offsets[0] + start, (size_t)count * sizeof *y);
    memset(y + count, 0, (size_t)(S - count) * sizeof *y);
}

leit_status leit_crop_clips_forward_cpu(const leit_exec *exec, const struct leit_crop_clips *args)
{
    LEIT_TRY(leit_crop_clips_check(args));
    LEIT_TRY(leit_check_rows("crop_clips", args->n_rows, args->B));
    const int64_t rows = leit_rows(args->n_rows, args->B);
    for (int64_t b = 0; b < rows; b++)
        LEIT_FAIL_IF(args->clips[b] < 0 || args->clips[b] >= args->source->n_clips, LEIT_INTERNAL,
                     "crop_clips: clip %d of row %lld, expected 0 to %lld", args->clips[b],
                     (long long)b, (long long)args->source->n_clips - 1);
    struct leit_crop_clips copy = *args;
    leit_threads_run(exec->threads, rows, crop_row, &copy);
    return LEIT_OK;
}

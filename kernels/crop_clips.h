/* crop_clips: y[b] = S samples of clip clips[b] of a corpus, from a place that is drawn; silence behind
 * the end of a shorter clip.
 *   source      where the corpus is, in memory, so that it may move from step to step:
 *     pcm       (offsets[n_clips])  i16, the clips one behind the other
 *     offsets   (n_clips + 1)       i64, ascending; clip c is pcm[offsets[c]] to pcm[offsets[c + 1]]
 *   clips       (B)      i32, 0 <= clip < n_clips
 *   places      (B)      i32, what the draws of a row are counted by: its row in the whole batch
 *   y           (B, S)   i16
 *   random      seed and step
 *   n_rows      rows of clips, places and y that hold data, NULL: B
 *   Draws       a clip of L > S samples starts at leit_first_below(seed, LEIT_STREAM_CROP, step, place,
 *               L - S + 1), any other at 0.
 *   Limits      B >= 0, 1 <= S < 2^31; a clip has less than 2^32 samples; a clip out of range is
 *               LEIT_INTERNAL, on CUDA silence.
 *   Error       none: samples are copied.
 *   Repeatable  bit for bit.
 *   Source      paper section 4.2: training takes random crops of the clips.
 */
#ifndef LEIT_KERNELS_CROP_CLIPS_H
#define LEIT_KERNELS_CROP_CLIPS_H

#include "kernels/op.h"

typedef struct leit_clip_source {
    const int16_t *pcm;
    const int64_t *offsets;
    int64_t n_clips;
} leit_clip_source;

struct leit_crop_clips {
    int64_t B, S;
    const int32_t *n_rows;
    const leit_clip_source *source;
    const int32_t *clips, *places;
    const leit_random *random;
    int16_t *y;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_crop_clips_check(const struct leit_crop_clips *args)
{
    LEIT_FAIL_IF(args->B < 0 || args->S < 1 || args->S > INT32_MAX, LEIT_INTERNAL,
                 "crop_clips: B is %lld and S is %lld, expected B >= 0 and S 1 to 2^31 - 1",
                 (long long)args->B, (long long)args->S);
    return LEIT_OK;
}

LEIT_DECLARE_OP_FORWARD(crop_clips)

#endif

#include "kernels/crop_clips.h"

#include "core/rng.h"
#include "kernels/leit_cuda.h"

/* A block copies PIECE samples of one row. Clips begin anywhere: single samples side by side. */

enum { THREADS = 256, PIECE = 8 * THREADS };

LEIT_NO_WORKSPACE_CUDA(crop_clips)

static __global__ void crop_pieces(struct leit_crop_clips args, unsigned pieces)
{
    const int64_t b = blockIdx.x / pieces, first = (int64_t)(blockIdx.x % pieces) * PIECE;
    const int64_t S = args.S, end = first + PIECE < S ? first + PIECE : S;
    if (b < leit_device_rows(args.n_rows, args.B)) {
        const leit_clip_source source = *args.source;
        const int64_t clip = args.clips[b];
        const bool is_there = clip >= 0 && clip < source.n_clips;
        const int64_t begin = is_there ? source.offsets[clip] : 0;
        const int64_t length = is_there ? source.offsets[clip + 1] - begin : 0;
        const int64_t start =
            length <= S ? 0
                        : leit_first_below(args.random->seed, LEIT_STREAM_CROP, args.random->step,
                                           (uint32_t)args.places[b], (uint32_t)(length - S + 1));
        for (int64_t i = first + threadIdx.x; i < end; i += THREADS)
            args.y[b * S + i] = i < length ? source.pcm[begin + start + i] : (int16_t)0;
    }
}

leit_status leit_crop_clips_forward_cuda(const leit_exec *exec, const struct leit_crop_clips *args)
{
    LEIT_TRY(leit_crop_clips_check(args));
    const int64_t pieces = leit_pieces(args->S, PIECE);
    if (args->B > 0)
        LEIT_LAUNCH(crop_pieces, (unsigned)(args->B * pieces), THREADS, 0, exec->stream, *args,
                    (unsigned)pieces);
    return leit_launch_status("crop_clips");
}

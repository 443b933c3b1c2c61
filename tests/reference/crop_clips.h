/* crop_clips as plain loops, sample by sample; see kernels/crop_clips.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_crop_clips *args = leit_case_args(c);
    const int32_t *clips = leit_case_i32(c, "clips"), *places = leit_case_i32(c, "places");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    uint8_t *y = leit_case_u8(c, "y");
    const int64_t rows = n_rows != NULL ? *n_rows : args->B;
    for (int64_t i = 0; i < rows * args->S; i++) {
        const int64_t b = i / args->S, begin = begin_of(clips[b]);
        const int64_t length = begin_of(clips[b] + 1) - begin, room = length - args->S + 1;
        leit_rng rng = leit_rng_start(args->random->seed, LEIT_STREAM_CROP, args->random->step,
                                      (uint32_t)places[b]);
        const int64_t start = room > 1 ? leit_rng_below(&rng, (uint32_t)room) : 0;
        const int16_t sample =
            i % args->S < length ? sample_of(begin + start + i % args->S) : (int16_t)0;
        memcpy(y + 2 * i, &sample, sizeof sample);
    }
}

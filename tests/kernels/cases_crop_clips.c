#include "kernels/crop_clips.h"

#include <string.h>

#include "core/rng.h"

/* A corpus that the oracle has too: clip c has 1 + (37 c + 250) % 300 samples, counted through. */
enum { N_CLIPS = 9, MAX_SAMPLES = 300 * N_CLIPS };

static int64_t begin_of(int64_t clip)
{
    int64_t begin = 0;
    for (int64_t c = 0; c < clip; c++) begin += 1 + (37 * c + 250) % 300;
    return begin;
}

static int16_t sample_of(int64_t i)
{
    return (int16_t)(7919 * i % 65536 - 32768);
}

#define LEIT_REFERENCE "reference/crop_clips.h"
#include "reference/twice.h"

static const char *const params[] = {
    "B=1 S=1",
    "B=9 S=100",
    "B=5 S=2100", /* longer than any clip, and than a block's piece */
    "B=7 S=37 n_rows=4",
    "B=3 S=50 n_rows=0",
    "B=6 S=251", /* one clip has just as many */
    NULL,
};

static void describe(leit_case *c)
{
    static const leit_random draws = {0x0123456789ABCDEFu, 42};
    static int16_t pcm[MAX_SAMPLES];
    static int64_t offsets[N_CLIPS + 1];
    static leit_clip_source source;
    struct leit_crop_clips *args = leit_case_args(c);
    const int64_t B = args->B = leit_case_int(c, "B", 0), S = args->S = leit_case_int(c, "S", 0);
    for (int clip = 0; clip <= N_CLIPS; clip++) offsets[clip] = begin_of(clip);
    for (int64_t i = 0; i < offsets[N_CLIPS]; i++) pcm[i] = sample_of(i);
    source = (leit_clip_source){pcm, offsets, N_CLIPS};
    args->source = &source;
    args->random = &draws;
    leit_case_lend(c, "draws", &args->random, sizeof draws);
    leit_case_lend(c, "pcm", &source.pcm, sizeof pcm);
    leit_case_lend(c, "offsets", &source.offsets, sizeof offsets);
    leit_case_lend(c, "source", &args->source, sizeof source); /* with the pointers of the device */
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, B);
    leit_case_indices(c, "clips", &args->clips, B, rows, N_CLIPS);
    leit_case_indices(c, "places", &args->places, B, rows, 1000);
    leit_case_output_u8(c, "y", (uint8_t *const *)(const void *)&args->y,
                        B * S * (int64_t)sizeof *args->y);
    leit_case_work(c, 0.0, 4.0 * (double)(rows * S), 0.0, 0.0);
}

LEIT_CASES_FORWARD(crop_clips)

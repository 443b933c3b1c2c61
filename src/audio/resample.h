/* Sample-rate conversion of mono audio as a stream, with libsoxr's HQ recipe (librosa's default):
 * linear phase, delay taken out, n samples in give about n * to / from out. */
#ifndef LEIT_AUDIO_RESAMPLE_H
#define LEIT_AUDIO_RESAMPLE_H

#include <stdint.h>

#include "core/check.h"

/* A growing array of samples; zero-initialised it is empty and ready. */
typedef struct leit_samples {
    float *data;
    int64_t count, capacity;
} leit_samples;
leit_status leit_samples_append(leit_samples *samples, const float *data, int64_t count);
void leit_samples_clear(leit_samples *samples);

enum { LEIT_MIN_RATE_HZ = 1000, LEIT_MAX_RATE_HZ = 768000 };

typedef struct leit_resampler leit_resampler;

/* LEIT_USAGE for rates outside LEIT_MIN_RATE_HZ to LEIT_MAX_RATE_HZ; equal rates copy. */
leit_status leit_resampler_create(int from_hz, int to_hz, leit_resampler **resampler);
void leit_resampler_free(leit_resampler *resampler);

/* Takes `count` samples in and appends what is ready to `out`. */
leit_status leit_resampler_push(leit_resampler *resampler, const float *in, int64_t count,
                                leit_samples *out);
/* Appends the rest; nothing may be pushed afterwards. */
leit_status leit_resampler_finish(leit_resampler *resampler, leit_samples *out);

#endif

/* An audio file becomes mono samples: wav, flac, ogg (Vorbis, Opus), mp3 and aiff through
 * libsndfile, channels averaged, resampled. */
#ifndef LEIT_AUDIO_DECODE_H
#define LEIT_AUDIO_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/check.h"

typedef struct leit_audio {
    float *samples; /* (n_samples), mono, in [-1, 1] */
    int64_t n_samples;
    int sample_rate_hz;
    int source_rate_hz, source_channels;
    bool cut; /* the file goes on behind max_seconds */
} leit_audio;

enum { LEIT_AUDIO_MAX_SECONDS = 36000, LEIT_AUDIO_MAX_CHANNELS = 64 };

/* Reads the first max_seconds of a file, 0 < max_seconds <= LEIT_AUDIO_MAX_SECONDS. Memory grows
 * with what is decoded, never with what a header claims. Samples beyond full scale (float files,
 * overshoot of lossy codecs and of the resampler) are clipped to [-1, 1].
 *
 * LEIT_DATA with a sentence that names the file: missing, not a regular file, not audio, a rate or
 * channel count out of bounds, no samples at all, a sample that is NaN, infinite or above 16 times
 * full scale (integers stored as floats), a stream that breaks off before the length it announces.
 * A cut-off mp3 without a length in its first frame, or ogg cut between two pages, does not
 * announce a length and gives what is there. LEIT_USAGE for a bad rate or max_seconds. `audio` is
 * zeroed on failure. */
leit_status leit_audio_decode(const char *path, int sample_rate_hz, double max_seconds,
                              leit_audio *audio);
void leit_audio_clear(leit_audio *audio);

/* LEIT_DATA when the clip is shorter than n_samples (one mel frame: 512): it cannot be embedded. */
leit_status leit_audio_check_length(const char *path, const leit_audio *audio, int64_t n_samples);

/* x in [-1, 1] -> round(32768 x), halves to even, saturated at 32767. NaN becomes 0. */
void leit_audio_to_int16(const float *samples, int64_t n_samples, int16_t *pcm);

#endif

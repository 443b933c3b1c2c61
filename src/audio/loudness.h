/* How loud a mono clip is: plain level, and loudness as ITU-R BS.1770-4 measures it. */
#ifndef LEIT_AUDIO_LOUDNESS_H
#define LEIT_AUDIO_LOUDNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/check.h"

/* y[n] = b[0] x[n] + b[1] x[n - 1] + b[2] x[n - 2] - a[1] y[n - 1] - a[2] y[n - 2]; a[0] is 1. */
typedef struct leit_biquad {
    double b[3], a[3];
} leit_biquad;

/* The K-weighting of BS.1770-4, Annex 1: a shelf for the head, then a high-pass. The standard gives
 * coefficients at 48 kHz; at other rates the same analogue filters are transformed. */
void leit_k_weighting(int sample_rate_hz, leit_biquad stages[2]);

/* 20 log10 of the root mean square, re full scale 1: a full-scale sine is -3.01. -INFINITY for
 * silence and for no samples. */
double leit_rms_db(const float *samples, int64_t n_samples);

/* Integrated loudness in LKFS: K-weighting, blocks of 400 ms every 100 ms, the absolute gate at
 * -70 LKFS, the relative gate 10 LU under the mean of what is left. A clip shorter than a block is
 * one block. -INFINITY when nothing passes the gates. LEIT_USAGE for a rate outside 1,000 to
 * 768,000 Hz. */
leit_status leit_loudness_lkfs(const float *samples, int64_t n_samples, int sample_rate_hz,
                               double *lkfs);

/* Whether the level is under -70 dBFS, the absolute gate of BS.1770-4. */
bool leit_is_silent(const float *samples, int64_t n_samples);

#endif

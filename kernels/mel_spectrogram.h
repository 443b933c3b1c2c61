/* mel_spectrogram: y = db(M |FFT(window * frame)|^2), from PCM to the image of the music encoder.
 *   pcm         (B, S)        int16; x = pcm / 32768
 *   y           (B, F, W, 1)  F = n_mels, W = S / hop_length + 1; row m is mel filter m
 *   scale       LEIT_MEL_DB: db(p) = 10 log10(max(p, 1e-10)); LEIT_MEL_POWER: p itself
 *   n_samples   clips that hold data, NULL: B
 *   Frame w is x[w hop_length - n_fft / 2 ... + n_fft), reflected about the first and last sample.
 *   The window is the periodic Hann window. M holds triangles of height 1, their corners evenly
 *   spaced on the HTK mel scale, 2595 log10(1 + f / 700), from 0 to sample_rate_hz / 2.
 *   Limits      B >= 0; S > n_fft / 2, which the reflection needs.
 *   Error       db(): at most 4e-7 dB + 1 ulp for the same p. The square root of a power: at most
 *               1e-6 of the largest of its frame; torchaudio's own error is of this size.
 *   Repeatable  bit for bit, for any number of threads.
 *   Source      torchaudio MelSpectrogram and AmplitudeToDB, whose defaults these are; the paper's
 *               public code uses n_fft 512, hop_length 256, n_mels 128 at 16 kHz.
 *
 * Augmentation, where `augment` is not NULL, each clip on its own, in this order:
 *   gain   x *= 10^(gain_db / 20)
 *   noise  x += normal * rms(x) / 10^(snr_db / 20), rms over all S samples after the gain; the
 *          public code takes the level of clip 0 for all clips by mistake, we take each clip's own
 *   masks  some columns and some rows of y become -80 dB (1e-8 on the power scale)
 *
 * Draws of clip b are words of the Philox blocks {index / 4, b, step, LEIT_STREAM_AUGMENT}; u is
 * (word >> 8) / 2^24. An index belongs to its draw, wanted or not:
 *   0      gain_db = min + (max - min) u
 *   1      snr_db = min + (max - min) u
 *   2      width of the time mask: u limit, with limit = (int)(W time_mask_ratio)
 *   3      its start: u (W - limit); it covers columns (int)start to (int)(start + width) - 1, both
 *          products taken exactly, as integers in units of 2^-24
 *   4, 5   width and start of the frequency mask: the same with F and frequency_mask_ratio
 *   8 + i  noise of sample i by Box-Muller: words 0 and 1 of a block give its samples 0 and 1 as
 *          sqrt(-2 ln(1 - u0)) times cos(2 pi u1) and sin(2 pi u1); words 2 and 3 give 2 and 3
 */
#ifndef LEIT_KERNELS_MEL_SPECTROGRAM_H
#define LEIT_KERNELS_MEL_SPECTROGRAM_H

#include <stdbool.h>

#include "kernels/op.h"

/* The indices of the draws above; noise starts with a block of its own. */
enum {
    LEIT_MEL_DRAW_GAIN,
    LEIT_MEL_DRAW_SNR,
    LEIT_MEL_DRAW_TIME_WIDTH,
    LEIT_MEL_DRAW_TIME_START,
    LEIT_MEL_DRAW_ROW_WIDTH,
    LEIT_MEL_DRAW_ROW_START,
    LEIT_MEL_DRAW_NOISE_BLOCK = 2
};

/* What depends on the parameters alone, prepared once. N = n_fft. The struct is the host's; its
 * arrays lie where the kernels read them. */
typedef struct leit_mel_tables {
    int32_t n_fft, hop_length, n_mels, sample_rate_hz;
    int32_t n_bins;    /* N / 2 + 1 */
    int32_t n_weights; /* nonzeros of the filter bank */
    float *window;     /* (N) periodic Hann */
    float *twiddle;    /* (N, 2) cos and sin of -2 pi k / N */
    int32_t *order;    /* (N / 2) where the radix-4 FFT of size N / 2 leaves frequency k */
    int32_t *first;    /* (n_mels) first bin of a filter */
    int32_t *offset;   /* (n_mels + 1) filter m is weight[offset[m]] .. weight[offset[m + 1]) */
    float *weight;     /* (n_weights) */
    const struct leit_device_memory *memory; /* of the arrays; NULL: the program's */
} leit_mel_tables;

/* LEIT_USAGE when n_fft is not a power of two in 64..4096, hop_length not in 1..n_fft, n_mels not
 * in 1..1024 or sample_rate_hz not in 1000..768000. A filter narrower than a bin may be empty, as
 * it is in torchaudio: its row is the floor. */
leit_status leit_mel_tables_create(int n_fft, int hop_length, int n_mels, int sample_rate_hz,
                                   leit_mel_tables **tables);
void leit_mel_tables_free(leit_mel_tables *tables);
/* Moves the arrays of fresh tables into the memory of a backend (backend.h). */
leit_status leit_mel_tables_move(leit_mel_tables *tables, const struct leit_device_memory *memory);

typedef enum leit_mel_output { LEIT_MEL_DB, LEIT_MEL_POWER } leit_mel_output;

typedef struct leit_mel_augment {
    float gain_db_min, gain_db_max; /* both 0: unchanged */
    bool noise;
    float snr_db_min, snr_db_max;
    float time_mask_ratio, frequency_mask_ratio; /* in [0, 1]; 0: no mask */
} leit_mel_augment;

struct leit_mel_spectrogram {
    int64_t B, S;
    const leit_mel_tables *tables;
    leit_mel_output scale;
    const int32_t *n_samples;
    const leit_mel_augment *augment; /* of the host; NULL: none */
    const leit_random *random;       /* read only where augment is given */
    const int16_t *pcm;
    float *y;
};

/* W, the number of frames of S samples. */
static inline int64_t leit_mel_frames(int64_t S, int64_t hop_length)
{
    return S / hop_length + 1;
}

static inline leit_status leit_mel_check_range(const char *name, float minimum, float maximum)
{
    LEIT_FAIL_IF(!(minimum >= -200.0f && minimum <= maximum && maximum <= 200.0f), LEIT_INTERNAL,
                 "mel_spectrogram: %s is %g to %g, expected a range inside -200 to 200", name,
                 (double)minimum, (double)maximum);
    return LEIT_OK;
}

static inline leit_status leit_mel_check_ratio(const char *name, float ratio)
{
    LEIT_FAIL_IF(!(ratio >= 0.0f && ratio <= 1.0f), LEIT_INTERNAL,
                 "mel_spectrogram: %s is %g, expected 0 to 1", name, (double)ratio);
    return LEIT_OK;
}

/* The limits that the host can see, on either backend. */
static inline leit_status leit_mel_spectrogram_check(const struct leit_mel_spectrogram *args)
{
    LEIT_FAIL_IF(args->tables == NULL, LEIT_INTERNAL,
                 "mel_spectrogram: tables is NULL, expected leit_mel_tables_create's");
    LEIT_FAIL_IF(args->B < 0 || args->S <= args->tables->n_fft / 2, LEIT_INTERNAL,
                 "mel_spectrogram: B is %lld and S is %lld, expected B >= 0 and S > n_fft / 2 = %d",
                 (long long)args->B, (long long)args->S, args->tables->n_fft / 2);
    const leit_mel_augment *augment = args->augment;
    if (augment == NULL) return LEIT_OK;
    LEIT_FAIL_IF(args->random == NULL, LEIT_INTERNAL,
                 "mel_spectrogram: augment is given and random is NULL");
    LEIT_TRY(leit_mel_check_range("gain_db", augment->gain_db_min, augment->gain_db_max));
    LEIT_TRY(leit_mel_check_range("snr_db", augment->snr_db_min, augment->snr_db_max));
    LEIT_TRY(leit_mel_check_ratio("time_mask_ratio", augment->time_mask_ratio));
    return leit_mel_check_ratio("frequency_mask_ratio", augment->frequency_mask_ratio);
}

LEIT_DECLARE_OP_FORWARD(mel_spectrogram)

#endif

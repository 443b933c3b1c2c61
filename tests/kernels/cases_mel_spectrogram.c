#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "kernels/mel_spectrogram.h"

static const double TWO_PI = 6.28318530717958647692;

#define LEIT_REFERENCE "reference/mel_spectrogram.h"
#include "reference/twice.h"

static const char *const params[] = {
    "B=2 S=512",
    "B=3 S=1000 hop_length=160",
    "B=1 S=80000",
    "B=1 S=258", /* one sample more than the reflection needs, and S even for the buffer */
    "B=2 S=4098 power=1",
    "B=4 S=2000 n_samples=3",
    "B=2 S=600 n_samples=0",
    "B=1 S=5000 n_fft=64 hop_length=64 n_mels=10 sample_rate_hz=8000",
    "B=1 S=9000 n_fft=1024 hop_length=441 n_mels=64 sample_rate_hz=22050",
    "B=1 S=9000 n_fft=4096 hop_length=1024 n_mels=229 sample_rate_hz=44100",
    "B=3 S=20000 gain=1",
    "B=3 S=20000 gain=1 noise=1",
    "B=3 S=20000 gain=1 noise=1 masks=1",
    "B=2 S=3000 masks=1 power=1 noise=1",
    "B=1 S=10000 quiet=1",
    "B=1 S=16386 hop_length=512 gain=1 noise=1",
    "B=1 S=300 hop_length=1 noise=1",
    NULL,
};

static const leit_mel_tables *tables_of(leit_case *c)
{
    static leit_mel_tables *kept[16];
    const int n_fft = (int)leit_case_int(c, "n_fft", 512);
    const int hop_length = (int)leit_case_int(c, "hop_length", 256);
    const int n_mels = (int)leit_case_int(c, "n_mels", 128);
    const int rate_hz = (int)leit_case_int(c, "sample_rate_hz", 16000);
    for (int i = 0; i < 16; i++) {
        if (kept[i] == NULL &&
            leit_mel_tables_create(n_fft, hop_length, n_mels, rate_hz, &kept[i]) != LEIT_OK)
            abort();
        const leit_mel_tables *tables = kept[i];
        if (tables->n_fft == n_fft && tables->hop_length == hop_length &&
            tables->n_mels == n_mels && tables->sample_rate_hz == rate_hz)
            return tables;
    }
    abort();
}

static const leit_mel_augment *augment_of(leit_case *c)
{
    static leit_mel_augment kept[8];
    const bool gain = leit_case_int(c, "gain", 0), noise = leit_case_int(c, "noise", 0);
    const bool masks = leit_case_int(c, "masks", 0);
    if (!gain && !noise && !masks) return NULL;
    leit_mel_augment *augment = &kept[gain + 2 * noise + 4 * masks];
    *augment = (leit_mel_augment){.gain_db_min = gain ? -20.0f : 0.0f,
                                  .noise = noise,
                                  .snr_db_min = 10.0f,
                                  .snr_db_max = 30.0f,
                                  .time_mask_ratio = masks ? 0.4f : 0.0f,
                                  .frequency_mask_ratio = masks ? 0.4f : 0.0f};
    return augment;
}

/* A tone that glides, under noise at a fifth of its level. With `quiet` the second half of the
 * samples is a few units loud and the last eighth silent: loud frames have quiet neighbours. */
static void fill_pcm(int32_t *pairs, int64_t n_samples, bool quiet)
{
    leit_rng rng = leit_rng_start(3, 0, 0, 0);
    for (int64_t i = 0; i < n_samples; i++) {
        const double tone = sin(1e-5 * (double)i * (double)(i % 40000) + 0.1 * (double)i);
        const double noise = (double)leit_rng_normal(&rng);
        const bool is_quiet = quiet && i >= n_samples / 2;
        const double level = !is_quiet ? 1.0 : i < n_samples * 7 / 8 ? 3e-4 : 0.0;
        const int16_t sample = (int16_t)(level * (15000.0 * tone + 3000.0 * noise));
        memcpy((char *)pairs + 2 * i, &sample, sizeof sample);
    }
}

static void lend_tables(leit_case *c, const leit_mel_tables *tables)
{
    const size_t n_fft = (size_t)tables->n_fft, n_mels = (size_t)tables->n_mels;
    leit_case_lend(c, "window", &tables->window, n_fft * sizeof(float));
    leit_case_lend(c, "twiddle", &tables->twiddle, 2 * n_fft * sizeof(float));
    leit_case_lend(c, "order", &tables->order, n_fft / 2 * sizeof(int32_t));
    leit_case_lend(c, "first", &tables->first, n_mels * sizeof(int32_t));
    leit_case_lend(c, "offset", &tables->offset, (n_mels + 1) * sizeof(int32_t));
    leit_case_lend(c, "weight", &tables->weight, (size_t)tables->n_weights * sizeof(float));
}

static void describe(leit_case *c)
{
    static const leit_random random = {.seed = 77, .step = 5};
    struct leit_mel_spectrogram *args = leit_case_args(c);
    const int64_t B = args->B = leit_case_int(c, "B", 0), S = args->S = leit_case_int(c, "S", 0);
    const int64_t clips = leit_case_count(c, "n_samples", &args->n_samples, B);
    args->tables = tables_of(c);
    lend_tables(c, args->tables);
    args->augment = augment_of(c);
    args->random = &random;
    leit_case_lend(c, "random", &args->random, sizeof random);
    args->scale = leit_case_int(c, "power", 0) ? LEIT_MEL_POWER : LEIT_MEL_DB;
    /* Two samples in one element: S is even here. */
    int32_t *pairs = leit_case_indices(c, "pcm", (const int32_t *const *)(const void *)&args->pcm,
                                       B * S / 2, clips * S / 2, INT32_MAX);
    fill_pcm(pairs, clips * S, leit_case_int(c, "quiet", 0));
    const int64_t W = leit_mel_frames(S, args->tables->hop_length), F = args->tables->n_mels;
    leit_case_output(c, "y", &args->y, B * F * W);
    const double N = args->tables->n_fft;
    leit_case_work(c, (double)(clips * W) * (2.5 * N * log2(N) + 30.0 * (double)F),
                   (double)(clips * (S * 2 + F * W * 4)), 0.0, 0.0);
}

LEIT_CASES_FORWARD(mel_spectrogram)

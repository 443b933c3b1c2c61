/* What the CUDA kernels of mel_spectrogram share: arguments by value, draws, levels, complex
 * numbers and the filters. */
#ifndef LEIT_KERNELS_MEL_SPECTROGRAM_CUH
#define LEIT_KERNELS_MEL_SPECTROGRAM_CUH

#include "kernels/leit_cuda.h"
#include "kernels/mel_spectrogram.h"

/* What the kernels take by value: the host's structs hold pointers, or are not there. */
struct leit_mel_call {
    int64_t B, S, W;
    leit_mel_tables tables;
    leit_mel_output scale;
    bool is_augmented;
    leit_mel_augment augment;
    const int32_t *n_samples;
    const leit_random *random;
    const int16_t *pcm;
    float *y;
};

static inline leit_mel_call leit_mel_call_of(const struct leit_mel_spectrogram *args)
{
    leit_mel_call s = {};
    s.B = args->B;
    s.S = args->S;
    s.W = leit_mel_frames(args->S, args->tables->hop_length);
    s.tables = *args->tables;
    s.scale = args->scale;
    s.is_augmented = args->augment != nullptr;
    if (s.is_augmented) s.augment = *args->augment;
    s.n_samples = args->n_samples;
    s.random = args->random;
    s.pcm = args->pcm;
    s.y = args->y;
    return s;
}

static inline bool leit_mel_has_noise(const struct leit_mel_spectrogram *args)
{
    return args->augment != nullptr && args->augment->noise;
}

/* ---- draws ---- */

LEIT_DEVICE_FUNCTION void leit_mel_draw_block(const leit_mel_call &s, int64_t b, uint32_t block,
                                              uint32_t (&words)[4])
{
    const uint32_t counter[4] = {block, (uint32_t)b, s.random->step, LEIT_STREAM_AUGMENT};
    leit_philox(s.random->seed, counter, words);
}

LEIT_DEVICE_FUNCTION uint32_t leit_mel_draw_word(const leit_mel_call &s, int64_t b, uint32_t index)
{
    uint32_t words[4];
    leit_mel_draw_block(s, b, index / 4, words);
    const uint32_t first = words[0], second = words[1], third = words[2], fourth = words[3];
    const uint32_t low = index % 2 == 0 ? first : second;
    const uint32_t high = index % 2 == 0 ? third : fourth;
    return index % 4 < 2 ? low : high;
}

LEIT_DEVICE_FUNCTION float leit_mel_draw_between(const leit_mel_call &s, int64_t b, uint32_t index,
                                                 float minimum, float maximum)
{
    return minimum + (maximum - minimum) * leit_uniform_from_word(leit_mel_draw_word(s, b, index));
}

/* Columns or rows from begin to before end. */
struct leit_mel_mask {
    int32_t begin, end;
};

/* The masked part of n places; see the header. */
LEIT_DEVICE_FUNCTION leit_mel_mask leit_mel_draw_mask(const leit_mel_call &s, int64_t b,
                                                      uint32_t index, int64_t n, float ratio)
{
    const uint64_t limit = (uint64_t)((float)n * ratio);
    const uint64_t width = (leit_mel_draw_word(s, b, index) >> 8) * limit;
    const uint64_t start = (leit_mel_draw_word(s, b, index + 1) >> 8) * ((uint64_t)n - limit);
    const leit_mel_mask mask = {(int32_t)(start >> 24), (int32_t)((start + width) >> 24)};
    return mask;
}

LEIT_DEVICE_FUNCTION leit_mel_mask leit_mel_masked_columns(const leit_mel_call &s, int64_t b)
{
    return leit_mel_draw_mask(s, b, LEIT_MEL_DRAW_TIME_WIDTH, s.W, s.augment.time_mask_ratio);
}

LEIT_DEVICE_FUNCTION leit_mel_mask leit_mel_masked_rows(const leit_mel_call &s, int64_t b)
{
    return leit_mel_draw_mask(s, b, LEIT_MEL_DRAW_ROW_WIDTH, s.tables.n_mels,
                              s.augment.frequency_mask_ratio);
}

LEIT_DEVICE_FUNCTION bool leit_mel_is_masked(leit_mel_mask mask, int64_t place)
{
    return place >= mask.begin && place < mask.end;
}

/* The radius of Box-Muller from the first word of a pair. */
LEIT_DEVICE_FUNCTION float leit_mel_radius(uint32_t word)
{
    return leit_sqrt(-2.0f * leit_log(1.0f - leit_uniform_from_word(word)));
}

/* What samples and normals are multiplied with. Samples are halved, which untangling needs and
 * which costs no rounding. */
struct leit_mel_levels {
    float scale, noise_scale;
};

/* rms is that of the PCM as it is; read where noise is wanted. */
LEIT_DEVICE_FUNCTION leit_mel_levels leit_mel_draw_levels(const leit_mel_call &s, int64_t b,
                                                          double rms)
{
    leit_mel_levels levels = {0x1p-16f, 0.0f};
    if (!s.is_augmented) return levels;
    const leit_mel_augment &augment = s.augment;
    const float gain_db =
        leit_mel_draw_between(s, b, LEIT_MEL_DRAW_GAIN, augment.gain_db_min, augment.gain_db_max);
    if (gain_db != 0.0f) levels.scale *= leit_pow(10.0f, gain_db / 20.0f);
    if (augment.noise) {
        const float snr_db =
            leit_mel_draw_between(s, b, LEIT_MEL_DRAW_SNR, augment.snr_db_min, augment.snr_db_max);
        levels.noise_scale = (float)rms * levels.scale / leit_pow(10.0f, snr_db / 20.0f);
    }
    return levels;
}

/* The sum of n squares, by the whole block, right in its first thread: whole numbers, exact in any
 * order. `partial` is shared memory. */
LEIT_DEVICE_FUNCTION int64_t leit_mel_sum_squares(const int16_t *pcm, int64_t n,
                                                  int64_t (&partial)[LEIT_WARP])
{
    int64_t sum = 0;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += (int32_t)pcm[i] * pcm[i];
    sum = leit_warp_sum(sum);
    if (threadIdx.x % LEIT_WARP == 0) partial[threadIdx.x / LEIT_WARP] = sum;
    __syncthreads();
    for (unsigned warp = 1; threadIdx.x == 0 && warp < blockDim.x / LEIT_WARP; warp++)
        sum += partial[warp];
    return sum;
}

LEIT_DEVICE_FUNCTION double leit_mel_rms(const leit_mel_call &s, int64_t squares)
{
    return leit_sqrt_double((double)squares / (double)s.S);
}

/* ---- samples ---- */

/* The standard normal of sample i. */
LEIT_DEVICE_FUNCTION float leit_mel_normal(const leit_mel_call &s, int64_t b, int64_t i)
{
    uint32_t words[4];
    leit_mel_draw_block(s, b, (uint32_t)(LEIT_MEL_DRAW_NOISE_BLOCK + i / 4), words);
    const uint32_t first = words[0], second = words[1], third = words[2], fourth = words[3];
    const float turn = leit_uniform_from_word(i % 4 < 2 ? second : fourth);
    const float radius = leit_mel_radius(i % 4 < 2 ? first : third);
    return radius * (i % 2 == 0 ? leit_cos_of_turn(turn) : leit_sin_of_turn(turn));
}

/* Sample i of the clip, reflected about its ends. */
LEIT_DEVICE_FUNCTION float leit_mel_sample(const leit_mel_call &s, const leit_mel_levels &levels,
                                           int64_t b, int64_t i)
{
    if (i < 0) i = -i;
    if (i >= s.S) i = 2 * (s.S - 1) - i;
    float x = (float)s.pcm[b * s.S + i] * levels.scale;
    if (levels.noise_scale != 0.0f) x += leit_mel_normal(s, b, i) * levels.noise_scale;
    return x;
}

/* rms (B) of the PCM of each clip; mel_spectrogram.cu. */
void leit_mel_measure_clips(const leit_exec *exec, const leit_mel_call *s, double *rms);

/* ---- complex numbers ---- */

struct leit_complex {
    float re, im;
};

LEIT_DEVICE_FUNCTION leit_complex leit_plus(leit_complex a, leit_complex b)
{
    const leit_complex sum = {a.re + b.re, a.im + b.im};
    return sum;
}

LEIT_DEVICE_FUNCTION leit_complex leit_minus(leit_complex a, leit_complex b)
{
    const leit_complex difference = {a.re - b.re, a.im - b.im};
    return difference;
}

LEIT_DEVICE_FUNCTION leit_complex leit_times(leit_complex a, leit_complex b)
{
    const leit_complex product = {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    return product;
}

/* -i z */
LEIT_DEVICE_FUNCTION leit_complex leit_turn_back(leit_complex z)
{
    const leit_complex turned = {z.im, -z.re};
    return turned;
}

/* exp(-2 pi i k / N) */
LEIT_DEVICE_FUNCTION leit_complex leit_mel_turn(const leit_mel_tables &tables, int64_t k)
{
    const float2 pair = reinterpret_cast<const float2 *>(tables.twiddle)[k];
    const leit_complex turn = {pair.x, pair.y};
    return turn;
}

/* ---- filters ---- */

/* Row m of the result from the powers of a frame. */
LEIT_DEVICE_FUNCTION float leit_mel_filter(const leit_mel_call &s, const float *power, int m)
{
    const float floor_power = 1e-10f;
    const leit_mel_tables &tables = s.tables;
    const int begin = tables.offset[m], n = tables.offset[m + 1] - begin;
    const float *bins = power + tables.first[m], *weight = tables.weight + begin;
    float sum = 0.0f;
    for (int i = 0; i < n; i++) sum += bins[i] * weight[i];
    if (s.scale != LEIT_MEL_DB) return sum;
    return 10.0f * leit_log10(sum > floor_power ? sum : floor_power);
}

LEIT_DEVICE_FUNCTION float leit_mel_masked_value(const leit_mel_call &s)
{
    return s.scale == LEIT_MEL_DB ? -80.0f : 1e-8f;
}

/* Column w of clip b from the powers of its frame, by the whole block. */
LEIT_DEVICE_FUNCTION void leit_mel_write_column(const leit_mel_call &s, const float *power,
                                                int64_t b, int64_t w)
{
    const int F = s.tables.n_mels;
    leit_mel_mask columns = {}, rows = {};
    if (s.is_augmented) {
        columns = leit_mel_masked_columns(s, b);
        rows = leit_mel_masked_rows(s, b);
    }
    for (int m = (int)threadIdx.x; m < F; m += (int)blockDim.x) {
        const bool is_hidden = leit_mel_is_masked(columns, w) || leit_mel_is_masked(rows, m);
        s.y[(b * F + m) * s.W + w] =
            is_hidden ? leit_mel_masked_value(s) : leit_mel_filter(s, power, m);
    }
}

#endif

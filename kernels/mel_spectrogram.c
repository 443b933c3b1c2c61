#include "kernels/mel_spectrogram.h"

#include <math.h>

#include "core/rng.h"
#include "kernels/blocks.h"
#include "kernels/philox.h"
#include "kernels/vector8.h"

/* Eight frames are computed side by side, one in each vector lane, so that the FFT, the filters and
 * the logarithm are plain code on vectors without a single shuffle, and the eight results of a
 * filter are eight neighbours of its row in y. Per group of eight frames, all in the first-level
 * cache:
 *
 *   samples  the stretch of the clip under the group as floats, with gain, noise and reflection
 *   z        even samples of a frame as real part, odd ones as imaginary part, windowed; then its
 *            complex FFT of size N / 2 in place, radix 4, decimation in frequency
 *   power    the real spectrum is untangled from z and squared
 *   y        sparse dot products with the filters, then the logarithm
 *
 * Samples are halved on conversion: a power of two costs no rounding, and untangling needs it. */

enum { FRAMES = LEIT_VECTOR8, GROUPS_PER_TASK = 8, TASK_FRAMES = FRAMES * GROUPS_PER_TASK };
enum { NOISE_TILE = 4 * LEIT_VECTOR8 };

static const float FLOOR_POWER = 1e-10f, MASK_DB = -80.0f, MASK_POWER = 1e-8f;

typedef struct complex8 {
    leit_f32x8 re, im;
} complex8;

struct scratch {
    float *samples;    /* (7 * hop_length + N) */
    complex8 *z;       /* (N / 2) */
    leit_f32x8 *power; /* (N / 2 + 1) */
};

struct forward {
    const struct leit_mel_spectrogram *args;
    int64_t W, tasks_per_clip;
    size_t scratch_bytes;
    char *scratch; /* scratch_bytes for each worker */
    double *rms;   /* (B) of the PCM as it is, where noise is wanted */
};

/* What one clip needs to become floats. */
struct clip {
    const int16_t *pcm;
    int64_t S;
    float scale, noise_scale;
    uint64_t seed;
    uint32_t step, sample;
};

static size_t aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t samples_bytes(const leit_mel_tables *tables)
{
    return aligned(((FRAMES - 1) * (size_t)tables->hop_length + (size_t)tables->n_fft) *
                   sizeof(float));
}

static size_t scratch_bytes(const leit_mel_tables *tables)
{
    const size_t half = (size_t)tables->n_fft / 2;
    return samples_bytes(tables) + half * sizeof(complex8) +
           aligned((half + 1) * sizeof(leit_f32x8));
}

size_t leit_mel_spectrogram_workspace_cpu(const struct leit_mel_spectrogram *args, int n_workers)
{
    if (args->tables == NULL || args->B < 0) return 0;
    return aligned((size_t)args->B * sizeof(double)) +
           (size_t)n_workers * scratch_bytes(args->tables);
}

static leit_status check(const struct leit_mel_spectrogram *args)
{
    LEIT_TRY(leit_mel_spectrogram_check(args));
    return leit_check_rows("mel_spectrogram", args->n_samples, args->B);
}

/* ---- noise ---------------------------------------------------------------------------------- */

LEIT_INLINE leit_f32x8 uniform8(leit_u32x8 word)
{
    return __builtin_convertvector((leit_i32x8)(word >> 8), leit_f32x8) * 0x1p-24f;
}

/* Standard normals of samples [NOISE_TILE * tile, ... + NOISE_TILE): eight blocks of four. */
static void noise_tile(const struct clip *clip, int64_t tile, float normal[NOISE_TILE])
{
    leit_u32x8 words[4];
    leit_philox_columns(clip->seed,
                        (uint32_t)(LEIT_MEL_DRAW_NOISE_BLOCK + tile * LEIT_PHILOX_BLOCKS),
                        clip->sample, clip->step, LEIT_STREAM_AUGMENT, words);
    for (int pair = 0; pair < 4; pair += 2) {
        /* -2 ln(x) = -(ln(10) / 5) * 10 log10(x) */
        const leit_f32x8 db = leit_decibels8(1.0f - uniform8(words[pair]));
        const leit_f32x8 radius = leit_sqrt8(db * -0.46051701859880914f);
        leit_f32x8 cosine, sine;
        leit_turn8(uniform8(words[pair + 1]), &cosine, &sine);
        cosine *= radius;
        sine *= radius;
        for (int i = 0; i < LEIT_VECTOR8; i++) {
            normal[4 * i + pair] = cosine[i];
            normal[4 * i + pair + 1] = sine[i];
        }
    }
}

/* ---- samples -------------------------------------------------------------------------------- */

/* Samples [begin, begin + count) of the clip, all inside it. */
static void convert(const struct clip *clip, int64_t begin, int64_t count, float *out)
{
    const int16_t *pcm = clip->pcm + begin;
    for (int64_t i = 0; i < count; i++) out[i] = (float)pcm[i] * clip->scale;
    if (clip->noise_scale == 0.0f) return;
    const int64_t end = begin + count;
    for (int64_t tile = begin / NOISE_TILE; tile * NOISE_TILE < end; tile++) {
        float normal[NOISE_TILE];
        noise_tile(clip, tile, normal);
        const int64_t start = tile * NOISE_TILE;
        const int64_t from = start > begin ? start : begin;
        const int64_t to = start + NOISE_TILE < end ? start + NOISE_TILE : end;
        for (int64_t i = from; i < to; i++) out[i - begin] += normal[i - start] * clip->noise_scale;
    }
}

static void reverse(float *x, int64_t n)
{
    for (int64_t i = 0, j = n - 1; i < j; i++, j--) {
        const float swapped = x[i];
        x[i] = x[j];
        x[j] = swapped;
    }
}

/* Samples [begin, end) where those before 0 and from S on are reflections. */
static void load_samples(const struct clip *clip, int64_t begin, int64_t end, float *out)
{
    const int64_t S = clip->S, inside = begin > 0 ? begin : 0, past = end < S ? end : S;
    if (begin < 0) {
        convert(clip, 1, -begin, out);
        reverse(out, -begin);
    }
    if (past > inside) convert(clip, inside, past - inside, out + (inside - begin));
    const int64_t tail = begin > S ? begin : S;
    if (end > tail) {
        convert(clip, 2 * (S - 1) - (end - 1), end - tail, out + (tail - begin));
        reverse(out + (tail - begin), end - tail);
    }
}

/* Eight frames, hop_length apart, into lanes: z[n] = window * (x[2 n] + i x[2 n + 1]). */
static void window_frames(const leit_mel_tables *tables, const float *samples, complex8 *z)
{
    const int64_t hop_length = tables->hop_length;
    for (int64_t n = 0; n < tables->n_fft; n += 8) {
        const leit_f32x8 window = leit_load8(tables->window + n);
        leit_f32x8 rows[8];
        for (int64_t f = 0; f < FRAMES; f++)
            rows[f] = leit_load8(samples + f * hop_length + n) * window;
        leit_transpose8(rows);
        for (int i = 0; i < 4; i++) z[n / 2 + i] = (complex8){rows[2 * i], rows[2 * i + 1]};
    }
}

/* ---- spectrum ------------------------------------------------------------------------------- */

LEIT_INLINE complex8 add(complex8 a, complex8 b)
{
    return (complex8){a.re + b.re, a.im + b.im};
}

LEIT_INLINE complex8 subtract(complex8 a, complex8 b)
{
    return (complex8){a.re - b.re, a.im - b.im};
}

/* w is one complex number for all lanes. */
LEIT_INLINE complex8 multiply(complex8 a, const float *w)
{
    return (complex8){a.re * w[0] - a.im * w[1], a.re * w[1] + a.im * w[0]};
}

/* Four points, `quarter` apart, by the four-point DFT. */
LEIT_INLINE void butterfly(complex8 *z, int64_t quarter, complex8 out[4])
{
    const complex8 a = z[0], b = z[quarter], c = z[2 * quarter], d = z[3 * quarter];
    const complex8 sum_ac = add(a, c), sum_bd = add(b, d);
    const complex8 difference_ac = subtract(a, c), difference_bd = subtract(b, d);
    const complex8 turned = {difference_bd.im, -difference_bd.re}; /* times -i */
    out[0] = add(sum_ac, sum_bd);
    out[1] = add(difference_ac, turned);
    out[2] = subtract(sum_ac, sum_bd);
    out[3] = subtract(difference_ac, turned);
}

/* In place; frequency k ends at z[tables->order[k]]. */
static void fft(const leit_mel_tables *tables, complex8 *z)
{
    const int64_t size = tables->n_fft / 2;
    complex8 out[4];
    int64_t length = size;
    for (; length > 4; length /= 4) {
        const int64_t quarter = length / 4, step = tables->n_fft / length;
        for (int64_t j = 0; j < quarter; j++) {
            const float *w1 = tables->twiddle + 2 * j * step, *w2 = tables->twiddle + 4 * j * step;
            const float *w3 = tables->twiddle + 6 * j * step;
            for (int64_t base = j; base < size; base += length) {
                butterfly(z + base, quarter, out);
                z[base] = out[0];
                z[base + quarter] = multiply(out[1], w1);
                z[base + 2 * quarter] = multiply(out[2], w2);
                z[base + 3 * quarter] = multiply(out[3], w3);
            }
        }
    }
    if (length == 4) {
        for (int64_t base = 0; base < size; base += 4) {
            butterfly(z + base, 1, out);
            for (int i = 0; i < 4; i++) z[base + i] = out[i];
        }
    } else {
        for (int64_t base = 0; base < size; base += 2) {
            const complex8 a = z[base], b = z[base + 1];
            z[base] = add(a, b);
            z[base + 1] = subtract(a, b);
        }
    }
}

/* With Z the FFT of even + i odd samples (halved): E = Z[k] + conj Z[M - k] is the spectrum of the
 * even ones, O = -i (Z[k] - conj Z[M - k]) of the odd ones, and X[k] = E + w O, X[M - k] =
 * conj(E - w O) with w = exp(-2 pi i k / N), M = N / 2. */
static void power_spectrum(const leit_mel_tables *tables, const complex8 *z, leit_f32x8 *power)
{
    const int64_t half = tables->n_fft / 2;
    const complex8 zero = z[0];
    const leit_f32x8 dc = 2.0f * (zero.re + zero.im), nyquist = 2.0f * (zero.re - zero.im);
    power[0] = dc * dc;
    power[half] = nyquist * nyquist;
    for (int64_t k = 1; k <= half / 2; k++) {
        const complex8 a = z[tables->order[k]], b = z[tables->order[half - k]];
        const complex8 even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
        const complex8 turned = multiply(odd, tables->twiddle + 2 * k);
        const complex8 low = add(even, turned), high = subtract(even, turned);
        power[k] = low.re * low.re + low.im * low.im;
        power[half - k] = high.re * high.re + high.im * high.im;
    }
}

/* Filters and logarithm of eight frames into columns [0, n_frames) of y (F, W). */
static void mel_rows(const struct leit_mel_spectrogram *args, const leit_f32x8 *power, int64_t W,
                     int64_t n_frames, float *y)
{
    const leit_mel_tables *tables = args->tables;
    for (int32_t m = 0; m < tables->n_mels; m++) {
        const float *weight = tables->weight + tables->offset[m];
        const leit_f32x8 *bins = power + tables->first[m];
        const int32_t n = tables->offset[m + 1] - tables->offset[m];
        leit_f32x8 sum = leit_splat8(0.0f);
        for (int32_t i = 0; i < n; i++) sum += bins[i] * weight[i];
        if (args->scale == LEIT_MEL_DB) {
            const leit_f32x8 floor = leit_splat8(FLOOR_POWER);
            sum = leit_decibels8(leit_select8(sum > floor, sum, floor));
        }
        float *row = y + m * W;
        if (n_frames == FRAMES) {
            leit_store8(row, sum);
        } else {
            for (int64_t i = 0; i < n_frames; i++) row[i] = sum[i];
        }
    }
}

/* ---- the op --------------------------------------------------------------------------------- */

static uint32_t draw_word(const struct leit_mel_spectrogram *args, uint32_t sample, uint32_t index)
{
    const uint32_t counter[4] = {index / 4, sample, args->random->step, LEIT_STREAM_AUGMENT};
    uint32_t words[4];
    leit_philox(args->random->seed, counter, words);
    return words[index % 4];
}

static float draw_between(const struct leit_mel_spectrogram *args, uint32_t sample, uint32_t index,
                          float minimum, float maximum)
{
    return minimum + (maximum - minimum) * leit_uniform_from_word(draw_word(args, sample, index));
}

/* The masked part of n columns or rows; see the header. */
static leit_range draw_mask(const struct leit_mel_spectrogram *args, uint32_t sample,
                            uint32_t index, int64_t n, float ratio)
{
    const uint64_t limit = (uint64_t)((float)n * ratio);
    const uint64_t width = (draw_word(args, sample, index) >> 8) * limit;
    const uint64_t start = (draw_word(args, sample, index + 1) >> 8) * ((uint64_t)n - limit);
    return (leit_range){(int64_t)(start >> 24), (int64_t)((start + width) >> 24)};
}

static struct clip clip_of(const struct forward *forward, int64_t b)
{
    const struct leit_mel_spectrogram *args = forward->args;
    const leit_mel_augment *augment = args->augment;
    struct clip clip = {.pcm = args->pcm + b * args->S, .S = args->S, .scale = 0x1p-16f};
    if (augment == NULL) return clip;
    clip.seed = args->random->seed;
    clip.step = args->random->step;
    clip.sample = (uint32_t)b;
    const float gain_db = draw_between(args, clip.sample, LEIT_MEL_DRAW_GAIN, augment->gain_db_min,
                                       augment->gain_db_max);
    const float gain = gain_db == 0.0f ? 1.0f : powf(10.0f, gain_db / 20.0f);
    clip.scale *= gain;
    if (augment->noise) {
        const float snr_db = draw_between(args, clip.sample, LEIT_MEL_DRAW_SNR, augment->snr_db_min,
                                          augment->snr_db_max);
        clip.noise_scale = (float)forward->rms[b] * clip.scale / powf(10.0f, snr_db / 20.0f);
    }
    return clip;
}

/* Sums of squares of int16 are whole numbers: exact in any order. */
static void measure_clip(void *context, int64_t b, int worker)
{
    (void)worker;
    const struct forward *forward = context;
    const int64_t S = forward->args->S;
    const int16_t *pcm = forward->args->pcm + b * S;
    int64_t sum = 0;
    for (int64_t i = 0; i < S; i++) sum += (int32_t)pcm[i] * pcm[i];
    forward->rms[b] = sqrt((double)sum / (double)S);
}

static void mask_rows(const struct forward *forward, int64_t b, int64_t begin, int64_t end)
{
    const struct leit_mel_spectrogram *args = forward->args;
    const int64_t F = args->tables->n_mels, W = forward->W;
    const float value = args->scale == LEIT_MEL_DB ? MASK_DB : MASK_POWER;
    leit_range columns =
        draw_mask(args, (uint32_t)b, LEIT_MEL_DRAW_TIME_WIDTH, W, args->augment->time_mask_ratio);
    const leit_range rows = draw_mask(args, (uint32_t)b, LEIT_MEL_DRAW_ROW_WIDTH, F,
                                      args->augment->frequency_mask_ratio);
    if (columns.begin < begin) columns.begin = begin;
    if (columns.end > end) columns.end = end;
    for (int64_t m = 0; m < F; m++) {
        float *row = args->y + (b * F + m) * W;
        const bool whole = m >= rows.begin && m < rows.end;
        const leit_range masked = whole ? (leit_range){begin, end} : columns;
        for (int64_t w = masked.begin; w < masked.end; w++) row[w] = value;
    }
}

static void forward_task(void *context, int64_t task, int worker)
{
    const struct forward *forward = context;
    const struct leit_mel_spectrogram *args = forward->args;
    const leit_mel_tables *tables = args->tables;
    const int64_t n_fft = tables->n_fft, hop_length = tables->hop_length, W = forward->W;
    const int64_t b = task / forward->tasks_per_clip;
    const leit_range frames = leit_block_range(task % forward->tasks_per_clip, W, TASK_FRAMES);

    char *memory = forward->scratch + (size_t)worker * forward->scratch_bytes;
    const struct scratch scratch = {
        .samples = (float *)memory,
        .z = (complex8 *)(memory + samples_bytes(tables)),
        .power =
            (leit_f32x8 *)(memory + samples_bytes(tables) + (size_t)n_fft / 2 * sizeof(complex8)),
    };
    const struct clip clip = clip_of(forward, b);
    for (int64_t w = frames.begin; w < frames.end; w += FRAMES) {
        const int64_t n_frames = frames.end - w < FRAMES ? frames.end - w : FRAMES;
        const int64_t begin = w * hop_length - n_fft / 2;
        const int64_t count = (n_frames - 1) * hop_length + n_fft;
        load_samples(&clip, begin, begin + count, scratch.samples);
        /* Lanes without a frame compute on zeros. */
        for (int64_t i = count; i < (FRAMES - 1) * hop_length + n_fft; i++)
            scratch.samples[i] = 0.0f;
        window_frames(tables, scratch.samples, scratch.z);
        fft(tables, scratch.z);
        power_spectrum(tables, scratch.z, scratch.power);
        mel_rows(args, scratch.power, W, n_frames, args->y + b * tables->n_mels * W + w);
    }
    if (args->augment != NULL) mask_rows(forward, b, frames.begin, frames.end);
}

leit_status leit_mel_spectrogram_forward_cpu(const leit_exec *exec,
                                             const struct leit_mel_spectrogram *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "mel_spectrogram", exec,
        leit_mel_spectrogram_workspace_cpu(args, leit_threads_count(exec->threads))));
    const int64_t n_clips = leit_rows(args->n_samples, args->B);
    const int64_t W = leit_mel_frames(args->S, args->tables->hop_length);
    struct forward forward = {
        .args = args,
        .W = W,
        .tasks_per_clip = leit_blocks(W, TASK_FRAMES),
        .scratch_bytes = scratch_bytes(args->tables),
        .rms = exec->workspace,
        .scratch = (char *)exec->workspace + aligned((size_t)args->B * sizeof(double)),
    };
    if (args->augment != NULL && args->augment->noise)
        leit_threads_run(exec->threads, n_clips, measure_clip, &forward);
    leit_threads_run(exec->threads, n_clips * forward.tasks_per_clip, forward_task, &forward);
    return LEIT_OK;
}

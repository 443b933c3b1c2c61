#include "kernels/mel_spectrogram.h"

#include "kernels/leit_cuda.h"

/* A block computes one frame in shared memory: its samples, even ones as real and odd ones as
 * imaginary parts, the complex FFT of half the size (radix 4, decimation in frequency, in place), the
 * power of the real spectrum untangled from it, and the filters. Samples are halved on conversion,
 * which untangling needs and which costs no rounding. */

enum { THREADS = 128 };

static __device__ const float floor_power = 1e-10f, mask_db = -80.0f, mask_power = 1e-8f;

/* The level of each clip, where noise is wanted. */
size_t leit_mel_spectrogram_workspace_cuda(const struct leit_mel_spectrogram *args, int n_workers)
{
    (void)n_workers;
    const bool has_noise = args->augment != nullptr && args->augment->noise;
    return has_noise && args->B > 0 ? (size_t)args->B * sizeof(double) : 0;
}

/* What the kernels take by value: the host's structs hold pointers, or are not there. */
struct spectrogram {
    int64_t B, S, W;
    leit_mel_tables tables;
    leit_mel_output scale;
    bool is_augmented;
    leit_mel_augment augment;
    const int32_t *n_samples;
    const leit_random *random;
    const int16_t *pcm;
    const double *rms; /* (B) of the PCM as it is */
    float *y;
};

/* ---- draws ---- */

static __device__ uint32_t draw_word(const struct spectrogram &s, int64_t b, uint32_t index)
{
    const uint32_t counter[4] = {index / 4, (uint32_t)b, s.random->step, LEIT_STREAM_AUGMENT};
    uint32_t words[4];
    leit_philox(s.random->seed, counter, words);
    const uint32_t first = words[0], second = words[1], third = words[2], fourth = words[3];
    const uint32_t low = index % 2 == 0 ? first : second;
    const uint32_t high = index % 2 == 0 ? third : fourth;
    return index % 4 < 2 ? low : high;
}

static __device__ float draw_between(const struct spectrogram &s, int64_t b, uint32_t index,
                                     float minimum, float maximum)
{
    return minimum + (maximum - minimum) * leit_uniform_from_word(draw_word(s, b, index));
}

/* Whether place i of n lies under the mask; see the header. */
static __device__ bool is_masked(const struct spectrogram &s, int64_t b, uint32_t index, int64_t n,
                                 float ratio, int64_t i)
{
    const uint64_t limit = (uint64_t)((float)n * ratio);
    const uint64_t width = (draw_word(s, b, index) >> 8) * limit;
    const uint64_t start = (draw_word(s, b, index + 1) >> 8) * ((uint64_t)n - limit);
    return i >= (int64_t)(start >> 24) && i < (int64_t)((start + width) >> 24);
}

/* The standard normal of sample i. */
static __device__ float normal_of(const struct spectrogram &s, int64_t b, int64_t i)
{
    const uint32_t counter[4] = {(uint32_t)(LEIT_MEL_DRAW_NOISE_BLOCK + i / 4), (uint32_t)b,
                                 s.random->step, LEIT_STREAM_AUGMENT};
    uint32_t words[4];
    leit_philox(s.random->seed, counter, words);
    const uint32_t first = words[0], second = words[1], third = words[2], fourth = words[3];
    const float u0 = leit_uniform_from_word(i % 4 < 2 ? first : third);
    const float u1 = leit_uniform_from_word(i % 4 < 2 ? second : fourth);
    const float radius = leit_sqrt(-2.0f * leit_log(1.0f - u0));
    return radius * (i % 2 == 0 ? leit_cos_of_turn(u1) : leit_sin_of_turn(u1));
}

/* ---- samples ---- */

struct levels {
    float scale, noise_scale;
};

static __device__ struct levels levels_of(const struct spectrogram &s, int64_t b)
{
    struct levels levels = {0x1p-16f, 0.0f};
    if (!s.is_augmented) return levels;
    const leit_mel_augment &augment = s.augment;
    const float gain_db =
        draw_between(s, b, LEIT_MEL_DRAW_GAIN, augment.gain_db_min, augment.gain_db_max);
    if (gain_db != 0.0f) levels.scale *= leit_pow(10.0f, gain_db / 20.0f);
    if (augment.noise) {
        const float snr_db =
            draw_between(s, b, LEIT_MEL_DRAW_SNR, augment.snr_db_min, augment.snr_db_max);
        levels.noise_scale = (float)s.rms[b] * levels.scale / leit_pow(10.0f, snr_db / 20.0f);
    }
    return levels;
}

/* Sample i of the clip, reflected about its ends. */
static __device__ float sample_of(const struct spectrogram &s, const struct levels &levels,
                                  int64_t b, int64_t i)
{
    if (i < 0) i = -i;
    if (i >= s.S) i = 2 * (s.S - 1) - i;
    float x = (float)s.pcm[b * s.S + i] * levels.scale;
    if (levels.noise_scale != 0.0f) x += normal_of(s, b, i) * levels.noise_scale;
    return x;
}

/* Sums of squares of int16 are whole numbers: exact in any order. */
static __global__ void measure_clips(struct spectrogram s, double *rms)
{
    LEIT_SHARED(int64_t, partial, [LEIT_WARP]);
    const int64_t b = blockIdx.x;
    int64_t sum = 0;
    if (b < leit_device_rows(s.n_samples, s.B)) {
        for (int64_t i = threadIdx.x; i < s.S; i += THREADS) {
            const int32_t x = s.pcm[b * s.S + i];
            sum += x * x;
        }
    }
    sum = leit_warp_sum(sum);
    if (threadIdx.x % LEIT_WARP == 0) partial[threadIdx.x / LEIT_WARP] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        sum = 0;
        for (int warp = 0; warp < THREADS / LEIT_WARP; warp++) sum += partial[warp];
        rms[b] = leit_sqrt_double((double)sum / (double)s.S);
    }
}

/* ---- the spectrum of a frame ---- */

struct complex {
    float re, im;
};

static __device__ struct complex plus(struct complex a, struct complex b)
{
    const struct complex sum = {a.re + b.re, a.im + b.im};
    return sum;
}

static __device__ struct complex minus(struct complex a, struct complex b)
{
    const struct complex difference = {a.re - b.re, a.im - b.im};
    return difference;
}

static __device__ struct complex times(struct complex a, const float *w)
{
    const struct complex product = {a.re * w[0] - a.im * w[1], a.re * w[1] + a.im * w[0]};
    return product;
}

/* The four-point DFT of z[0], z[quarter], ..., in place, its outputs turned by w^0 .. w^3; `step`
 * lies between the turns of the table. */
static __device__ void butterfly(struct complex *z, int quarter, const float *twiddle, int64_t step)
{
    const struct complex a = z[0], b = z[quarter], c = z[2 * quarter], d = z[3 * quarter];
    const struct complex sum_ac = plus(a, c), sum_bd = plus(b, d);
    const struct complex off_ac = minus(a, c), off_bd = minus(b, d);
    const struct complex turned = {off_bd.im, -off_bd.re}; /* times -i */
    z[0] = plus(sum_ac, sum_bd);
    z[quarter] = times(plus(off_ac, turned), twiddle + 2 * step);
    z[2 * quarter] = times(minus(sum_ac, sum_bd), twiddle + 4 * step);
    z[3 * quarter] = times(minus(off_ac, turned), twiddle + 6 * step);
}

/* Of the whole block; frequency k ends at z[order[k]]. */
static __device__ void transform(const leit_mel_tables &tables, struct complex *z)
{
    const int size = tables.n_fft / 2;
    int length = size;
    for (; length >= 4; length /= 4) {
        const int quarter = length / 4;
        for (int i = (int)threadIdx.x; i < size / 4; i += THREADS) {
            const int j = i % quarter, base = i / quarter * length + j;
            butterfly(z + base, quarter, tables.twiddle, (int64_t)j * (tables.n_fft / length));
        }
        __syncthreads();
    }
    if (length == 2) {
        for (int i = (int)threadIdx.x; i < size / 2; i += THREADS) {
            const struct complex a = z[2 * i], b = z[2 * i + 1];
            z[2 * i] = plus(a, b);
            z[2 * i + 1] = minus(a, b);
        }
    }
    __syncthreads();
}

/* With Z the FFT of even + i odd samples (halved): E = Z[k] + conj Z[M - k] is the spectrum of the
 * even ones, O = -i (Z[k] - conj Z[M - k]) of the odd ones, and X[k] = E + w O, X[M - k] =
 * conj(E - w O) with w = exp(-2 pi i k / N), M = N / 2. */
static __device__ void untangle(const leit_mel_tables &tables, const struct complex *z,
                                float *power)
{
    const int half = tables.n_fft / 2;
    for (int k = (int)threadIdx.x; k <= half / 2; k += THREADS) {
        const struct complex a = z[k == 0 ? 0 : tables.order[k]];
        const struct complex b = z[k == 0 ? 0 : tables.order[half - k]];
        const struct complex even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
        const struct complex turned = times(odd, tables.twiddle + 2 * k);
        const struct complex low = plus(even, turned), high = minus(even, turned);
        power[k] = low.re * low.re + low.im * low.im;
        power[half - k] = high.re * high.re + high.im * high.im;
    }
    __syncthreads();
}

/* ---- the frame ---- */

static __device__ float mel_of(const struct spectrogram &s, const float *power, int m)
{
    const leit_mel_tables &tables = s.tables;
    const float *bins = power + tables.first[m];
    float sum = 0.0f;
    for (int i = tables.offset[m]; i < tables.offset[m + 1]; i++)
        sum += bins[i - tables.offset[m]] * tables.weight[i];
    if (s.scale != LEIT_MEL_DB) return sum;
    return 10.0f * leit_log10(sum > floor_power ? sum : floor_power);
}

static __global__ void compute_frames(struct spectrogram s)
{
    LEIT_DYNAMIC_SHARED(struct complex, z);
    const leit_mel_tables &tables = s.tables;
    const int half = tables.n_fft / 2, F = tables.n_mels;
    float *power = reinterpret_cast<float *>(z + half);
    const int64_t b = blockIdx.x / s.W, w = blockIdx.x % s.W;
    /* The same for all threads of the block. */
    if (b < leit_device_rows(s.n_samples, s.B)) {
        const struct levels levels = levels_of(s, b);
        const int64_t begin = w * tables.hop_length - half;
        for (int n = (int)threadIdx.x; n < half; n += THREADS) {
            z[n].re = sample_of(s, levels, b, begin + 2 * n) * tables.window[2 * n];
            z[n].im = sample_of(s, levels, b, begin + 2 * n + 1) * tables.window[2 * n + 1];
        }
        __syncthreads();
        transform(tables, z);
        untangle(tables, z, power);
        const float masked = s.scale == LEIT_MEL_DB ? mask_db : mask_power;
        const bool is_column_masked =
            s.is_augmented &&
            is_masked(s, b, LEIT_MEL_DRAW_TIME_WIDTH, s.W, s.augment.time_mask_ratio, w);
        for (int m = (int)threadIdx.x; m < F; m += THREADS) {
            const bool is_hidden = is_column_masked ||
                                   (s.is_augmented && is_masked(s, b, LEIT_MEL_DRAW_ROW_WIDTH, F,
                                                                s.augment.frequency_mask_ratio, m));
            s.y[(b * F + m) * s.W + w] = is_hidden ? masked : mel_of(s, power, m);
        }
    }
}

leit_status leit_mel_spectrogram_forward_cuda(const leit_exec *exec,
                                              const struct leit_mel_spectrogram *args)
{
    LEIT_TRY(leit_mel_spectrogram_check(args));
    LEIT_TRY(leit_check_workspace("mel_spectrogram", exec,
                                  leit_mel_spectrogram_workspace_cuda(args, 1)));
    if (args->B == 0) return LEIT_OK;
    double *rms = static_cast<double *>(exec->workspace);
    struct spectrogram s = {};
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
    s.rms = rms;
    s.y = args->y;
    if (s.is_augmented && s.augment.noise)
        LEIT_LAUNCH(measure_clips, (unsigned)s.B, THREADS, 0, exec->stream, s, rms);
    const size_t half = (size_t)s.tables.n_fft / 2;
    LEIT_LAUNCH(compute_frames, (unsigned)(s.B * s.W), THREADS,
                half * sizeof(struct complex) + (half + 1) * sizeof(float), exec->stream, s);
    return leit_launch_status("mel_spectrogram");
}

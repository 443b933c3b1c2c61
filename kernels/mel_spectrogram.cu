#include "kernels/mel_spectrogram.cuh"

/* A block computes one frame in shared memory: its samples, even ones as real and odd ones as
 * imaginary parts, the complex FFT of half the size (radix 4, decimation in frequency, in place), the
 * power of the real spectrum untangled from it, and the filters. */

enum { THREADS = 128 };

/* The level of each clip, where noise is wanted. */
size_t leit_mel_spectrogram_workspace_cuda(const struct leit_mel_spectrogram *args, int n_workers)
{
    (void)n_workers;
    return leit_mel_has_noise(args) && args->B > 0 ? (size_t)args->B * sizeof(double) : 0;
}

/* ---- levels ---- */

static __global__ void measure_clips(leit_mel_call s, double *rms)
{
    LEIT_SHARED(int64_t, partial, [LEIT_WARP]);
    const int64_t b = blockIdx.x;
    const int64_t n = b < leit_device_rows(s.n_samples, s.B) ? s.S : 0;
    const int64_t sum = leit_mel_sum_squares(s.pcm + b * s.S, n, partial);
    if (threadIdx.x == 0) rms[b] = leit_mel_rms(s, sum);
}

void leit_mel_measure_clips(const leit_exec *exec, const leit_mel_call *s, double *rms)
{
    LEIT_LAUNCH(measure_clips, (unsigned)s->B, THREADS, 0, exec->stream, *s, rms);
}

/* ---- the spectrum of a frame ---- */

/* The four-point DFT of z[0], z[quarter], ..., in place, its outputs turned by w^0 .. w^3; w^1 is
 * turn `step` of the table. */
static __device__ void butterfly(const leit_mel_tables &tables, leit_complex *z, int quarter,
                                 int64_t step)
{
    const leit_complex a = z[0], b = z[quarter], c = z[2 * quarter], d = z[3 * quarter];
    const leit_complex sum_ac = leit_plus(a, c), sum_bd = leit_plus(b, d);
    const leit_complex off_ac = leit_minus(a, c), turned = leit_turn_back(leit_minus(b, d));
    z[0] = leit_plus(sum_ac, sum_bd);
    z[quarter] = leit_times(leit_plus(off_ac, turned), leit_mel_turn(tables, step));
    z[2 * quarter] = leit_times(leit_minus(sum_ac, sum_bd), leit_mel_turn(tables, 2 * step));
    z[3 * quarter] = leit_times(leit_minus(off_ac, turned), leit_mel_turn(tables, 3 * step));
}

/* Of the whole block; frequency k ends at z[order[k]]. */
static __device__ void transform(const leit_mel_tables &tables, leit_complex *z)
{
    const int size = tables.n_fft / 2;
    int length = size;
    for (; length >= 4; length /= 4) {
        const int quarter = length / 4;
        for (int i = (int)threadIdx.x; i < size / 4; i += THREADS) {
            const int j = i % quarter, base = i / quarter * length + j;
            butterfly(tables, z + base, quarter, (int64_t)j * (tables.n_fft / length));
        }
        __syncthreads();
    }
    if (length == 2) {
        for (int i = (int)threadIdx.x; i < size / 2; i += THREADS) {
            const leit_complex a = z[2 * i], b = z[2 * i + 1];
            z[2 * i] = leit_plus(a, b);
            z[2 * i + 1] = leit_minus(a, b);
        }
    }
    __syncthreads();
}

/* With Z the FFT of even + i odd samples (halved): E = Z[k] + conj Z[M - k] is the spectrum of the
 * even ones, O = -i (Z[k] - conj Z[M - k]) of the odd ones, and X[k] = E + w O, X[M - k] =
 * conj(E - w O) with w = exp(-2 pi i k / N), M = N / 2. */
static __device__ void untangle(const leit_mel_tables &tables, const leit_complex *z, float *power)
{
    const int half = tables.n_fft / 2;
    for (int k = (int)threadIdx.x; k <= half / 2; k += THREADS) {
        const leit_complex a = z[k == 0 ? 0 : tables.order[k]];
        const leit_complex b = z[k == 0 ? 0 : tables.order[half - k]];
        const leit_complex even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
        const leit_complex turned = leit_times(odd, leit_mel_turn(tables, k));
        const leit_complex low = leit_plus(even, turned), high = leit_minus(even, turned);
        power[k] = low.re * low.re + low.im * low.im;
        power[half - k] = high.re * high.re + high.im * high.im;
    }
    __syncthreads();
}

/* ---- the frame ---- */

static __global__ void compute_frames(leit_mel_call s, const double *rms)
{
    LEIT_DYNAMIC_SHARED(leit_complex, z);
    const leit_mel_tables &tables = s.tables;
    const int half = tables.n_fft / 2;
    float *power = reinterpret_cast<float *>(z + half);
    const int64_t b = blockIdx.x / s.W, w = blockIdx.x % s.W;
    /* The same for all threads of the block. */
    if (b < leit_device_rows(s.n_samples, s.B)) {
        const leit_mel_levels levels = leit_mel_draw_levels(s, b, rms == nullptr ? 0.0 : rms[b]);
        const int64_t begin = w * tables.hop_length - half;
        for (int n = (int)threadIdx.x; n < half; n += THREADS) {
            z[n].re = leit_mel_sample(s, levels, b, begin + 2 * n) * tables.window[2 * n];
            z[n].im = leit_mel_sample(s, levels, b, begin + 2 * n + 1) * tables.window[2 * n + 1];
        }
        __syncthreads();
        transform(tables, z);
        untangle(tables, z, power);
        leit_mel_write_column(s, power, b, w);
    }
}

leit_status leit_mel_spectrogram_forward_cuda(const leit_exec *exec,
                                              const struct leit_mel_spectrogram *args)
{
    LEIT_TRY(leit_mel_spectrogram_check(args));
    LEIT_TRY(leit_check_workspace("mel_spectrogram", exec,
                                  leit_mel_spectrogram_workspace_cuda(args, 1)));
    if (args->B == 0) return LEIT_OK;
    const leit_mel_call s = leit_mel_call_of(args);
    double *rms = nullptr;
    if (leit_mel_has_noise(args)) {
        rms = static_cast<double *>(exec->workspace);
        leit_mel_measure_clips(exec, &s, rms);
    }
    const size_t half = (size_t)s.tables.n_fft / 2;
    LEIT_LAUNCH(compute_frames, (unsigned)(s.B * s.W), THREADS,
                half * sizeof(leit_complex) + (half + 1) * sizeof(float), exec->stream, s, rms);
    return leit_launch_status("mel_spectrogram");
}

/* mel_spectrogram as plain loops; see kernels/mel_spectrogram.h. Of the tables only the four
 * parameters are used. Two int16 samples lie in one element of the buffer "pcm". */

/* Word `index` of the draws of clip b, as a uniform: 24 bits, exact in float. */
static real REFERENCE(uniform)(const struct leit_mel_spectrogram *args, int64_t b, int64_t index)
{
    const uint32_t counter[4] = {(uint32_t)(index / 4), (uint32_t)b, args->random->step,
                                 LEIT_STREAM_AUGMENT};
    uint32_t words[4];
    leit_philox(args->random->seed, counter, words);
    return (real)leit_uniform_from_word(words[index % 4]);
}

static real REFERENCE(normal)(const struct leit_mel_spectrogram *args, int64_t b, int64_t i)
{
    const int64_t pair = 8 + i / 2 * 2;
    const real radius = sqrt(-2 * log(1 - REFERENCE(uniform)(args, b, pair)));
    const real angle = (real)TWO_PI * REFERENCE(uniform)(args, b, pair + 1);
    return radius * (i % 2 == 0 ? cos(angle) : sin(angle));
}

static void REFERENCE(load)(const struct leit_mel_spectrogram *args, const int16_t *pcm, int64_t b,
                            real *x)
{
    const leit_mel_augment *augment = args->augment;
    real gain = 1, squares = 0;
    if (augment != NULL) {
        const real span = (real)augment->gain_db_max - (real)augment->gain_db_min;
        const real db = (real)augment->gain_db_min + span * REFERENCE(uniform)(args, b, 0);
        gain = pow((real)10, db / 20);
    }
    for (int64_t i = 0; i < args->S; i++) {
        x[i] = (real)pcm[b * args->S + i] / 32768 * gain;
        squares += x[i] * x[i];
    }
    if (augment == NULL || !augment->noise) return;
    const real span = (real)augment->snr_db_max - (real)augment->snr_db_min;
    const real snr_db = (real)augment->snr_db_min + span * REFERENCE(uniform)(args, b, 1);
    const real level = sqrt(squares / (real)args->S) / pow((real)10, snr_db / 20);
    for (int64_t i = 0; i < args->S; i++) x[i] += level * REFERENCE(normal)(args, b, i);
}

static double REFERENCE(mel_weight)(const leit_mel_tables *tables, int m, int k)
{
    const double nyquist_hz = tables->sample_rate_hz / 2;
    const double hz = nyquist_hz * k / (tables->n_fft / 2);
    const double top = 2595.0 * log10(1.0 + nyquist_hz / 700.0);
    double corner_hz[3];
    for (int i = 0; i < 3; i++)
        corner_hz[i] = 700.0 * (pow(10.0, top * (m + i) / (tables->n_mels + 1) / 2595.0) - 1.0);
    const double up = (hz - corner_hz[0]) / (corner_hz[1] - corner_hz[0]);
    const double down = (corner_hz[2] - hz) / (corner_hz[2] - corner_hz[1]);
    return fmax(0.0, fmin(up, down));
}

/* Power of all bins of the frame centred on sample `centre`, by the definition of the DFT. */
static void REFERENCE(spectrum)(const struct leit_mel_spectrogram *args, const real *x,
                                int64_t centre, const real *cosine, real *power)
{
    const int64_t N = args->tables->n_fft, S = args->S;
    real frame[4096];
    for (int64_t n = 0; n < N; n++) {
        int64_t i = centre - N / 2 + n;
        if (i < 0) i = -i;
        if (i >= S) i = 2 * (S - 1) - i;
        frame[n] = ((real)0.5 - (real)0.5 * cosine[n]) * x[i];
    }
    for (int64_t k = 0; k <= N / 2; k++) {
        real re = 0, im = 0;
        for (int64_t n = 0; n < N; n++) {
            re += frame[n] * cosine[k * n & (N - 1)];
            im -= frame[n] * cosine[(k * n + 3 * N / 4) & (N - 1)];
        }
        power[k] = re * re + im * im;
    }
}

static void REFERENCE(mask)(const struct leit_mel_spectrogram *args, int64_t b, real *y)
{
    const int64_t F = args->tables->n_mels;
    const int64_t W = leit_mel_frames(args->S, args->tables->hop_length);
    const real value = args->scale == LEIT_MEL_DB ? -80 : (real)1e-8f;
    for (int axis = 0; axis < 2; axis++) {
        const int64_t n = axis == 0 ? W : F;
        const float ratio =
            axis == 0 ? args->augment->time_mask_ratio : args->augment->frequency_mask_ratio;
        const int64_t limit = (int64_t)((float)n * ratio);
        const double width = (double)REFERENCE(uniform)(args, b, 2 + 2 * axis) * (double)limit;
        const double start =
            (double)REFERENCE(uniform)(args, b, 3 + 2 * axis) * (double)(n - limit);
        for (int64_t i = (int64_t)start; i < (int64_t)(start + width); i++) {
            if (axis == 0)
                for (int64_t m = 0; m < F; m++) y[m * W + i] = value;
            else
                for (int64_t w = 0; w < W; w++) y[i * W + w] = value;
        }
    }
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_mel_spectrogram *args = leit_case_args(c);
    const leit_mel_tables *tables = args->tables;
    const int64_t N = tables->n_fft, F = tables->n_mels;
    const int64_t W = leit_mel_frames(args->S, tables->hop_length);
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int16_t *pcm = (const int16_t *)(const void *)leit_case_i32(c, "pcm");
    real *x = calloc((size_t)args->S, sizeof *x), *cosine = calloc((size_t)N, sizeof *cosine);
    real *power = calloc((size_t)N, sizeof *power), *y = BUFFER("y");
    real *weight = calloc((size_t)(F * N), sizeof *weight);
    for (int64_t n = 0; n < N; n++) cosine[n] = cos((real)TWO_PI * (real)n / (real)N);
    for (int m = 0; m < F; m++)
        for (int k = 0; k <= N / 2; k++)
            weight[m * N + k] = (real)REFERENCE(mel_weight)(tables, m, k);

    for (int64_t b = 0; b < (n_samples != NULL ? *n_samples : args->B); b++) {
        REFERENCE(load)(args, pcm, b, x);
        real *image = y + b * F * W;
        for (int64_t w = 0; w < W; w++) {
            REFERENCE(spectrum)(args, x, w * tables->hop_length, cosine, power);
            for (int64_t m = 0; m < F; m++) {
                real sum = 0;
                for (int64_t k = 0; k <= N / 2; k++) sum += weight[m * N + k] * power[k];
                if (args->scale == LEIT_MEL_DB) sum = 10 * log10(fmax(sum, (real)1e-10));
                image[m * W + w] = sum;
            }
        }
        if (args->augment != NULL) REFERENCE(mask)(args, b, image);
    }
    free(weight);
    free(power);
    free(cosine);
    free(x);
}

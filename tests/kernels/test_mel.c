/* What the case table of mel_spectrogram cannot say: the error bounds of its vector functions over
 * all their arguments, the statistics of its augmentation, its tables, and its refusals. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "kernels/mel_spectrogram.h"
#include "kernels/vector8.h"
#include "support/testing.h"

enum { B = 64, S = 16000, F = 128, W = 63 };

/* Runs the op on `clips` copies of one noise clip; y (B, F, W) is allocated. */
static float *run(const leit_mel_tables *tables, const leit_mel_augment *augment, uint32_t step,
                  leit_mel_output scale)
{
    int16_t *pcm = NULL;
    float *y = NULL;
    char *workspace = NULL;
    const leit_random random = {.seed = 99, .step = step};
    struct leit_mel_spectrogram args = {
        .B = B, .S = S, .tables = tables, .scale = scale, .augment = augment, .random = &random};
    assert_ok(LEIT_ALLOC(pcm, B * S));
    assert_ok(LEIT_ALLOC(y, B * F * W));
    const size_t bytes = leit_mel_spectrogram_workspace_cpu(&args, 1);
    assert_ok(LEIT_ALLOC(workspace, bytes));
    leit_rng rng = leit_rng_start(1, 0, 0, 0);
    for (int i = 0; i < S; i++) pcm[i] = (int16_t)(3000.0f * leit_rng_normal(&rng));
    for (int b = 1; b < B; b++) memcpy(pcm + b * S, pcm, S * sizeof *pcm);
    args.pcm = pcm;
    args.y = y;
    const leit_exec exec = {.workspace = workspace, .workspace_bytes = bytes};
    assert_ok(leit_mel_spectrogram_forward_cpu(&exec, &args));
    leit_free(workspace);
    leit_free(pcm);
    return y;
}

static leit_mel_tables *paper_tables(void)
{
    leit_mel_tables *tables = NULL;
    assert_ok(leit_mel_tables_create(512, 256, F, 16000, &tables));
    return tables;
}

/* Every mantissa at exponents from the floor of the op to the largest power it can meet, against
 * the C library in double. */
static void decibels_are_within_their_bound(void **state)
{
    (void)state;
    static const int exponents[] = {-34, -33, -20, -1, 0, 1, 17, 40};
    for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++) {
        /* All mantissas at 2^-1 and 2^0, where the result is small; every 13th elsewhere. */
        const uint32_t stride = exponents[e] == 0 || exponents[e] == -1 ? 8 : 104;
        for (uint32_t mantissa = 0; mantissa < 0x800000u; mantissa += stride) {
            leit_u32x8 bits;
            for (uint32_t i = 0; i < 8; i++)
                bits[i] = ((uint32_t)(exponents[e] + 127) << 23 | mantissa) + i * stride / 8;
            const leit_f32x8 x = (leit_f32x8)bits, y = leit_decibels8(x);
            for (int i = 0; i < 8; i++) {
                const double expected = 10.0 * log10((double)x[i]);
                const double ulp = ldexp(1.0, ilogb(expected == 0.0 ? 1e-30 : expected) - 23);
                const double excess = fabs((double)y[i] - expected) - ulp;
                if (!(excess <= 4e-7)) fail_msg("decibels of %a are off by %g", x[i], excess);
            }
        }
    }
    assert_true(leit_decibels8(leit_splat8(1.0f))[3] == 0.0f);
}

static void turns_are_within_their_bound(void **state)
{
    (void)state;
    for (uint32_t word = 0; word < 1u << 24; word += 8 * 3) {
        leit_f32x8 u, cosine, sine;
        for (uint32_t i = 0; i < 8; i++) u[i] = (float)((word + 3 * i) & 0xffffffu) * 0x1p-24f;
        leit_turn8(u, &cosine, &sine);
        for (int i = 0; i < 8; i++) {
            const double angle = 6.28318530717958647692 * (double)u[i];
            if (!(fabs((double)cosine[i] - cos(angle)) <= 1.2e-7 &&
                  fabs((double)sine[i] - sin(angle)) <= 1.2e-7))
                fail_msg("a turn by %a is off: %a, %a", u[i], cosine[i], sine[i]);
        }
    }
}

static void transposing_turns_rows_into_columns(void **state)
{
    (void)state;
    leit_f32x8 rows[8];
    for (int r = 0; r < 8; r++)
        for (int c = 0; c < 8; c++) rows[r][c] = (float)(10 * r + c);
    leit_transpose8(rows);
    for (int r = 0; r < 8; r++)
        for (int c = 0; c < 8; c++) assert_true(rows[r][c] == (float)(10 * c + r));
}

static void tables_of_the_paper(void **state)
{
    (void)state;
    leit_mel_tables *tables = paper_tables();
    assert_int_equal(tables->n_bins, 257);
    assert_int_equal(tables->n_weights, 506); /* torchaudio's count of nonzeros */
    int empty = 0;
    for (int m = 0; m < F; m++) empty += tables->offset[m] == tables->offset[m + 1];
    assert_int_equal(empty, 1); /* torchaudio warns of it */
    assert_true(tables->window[0] == 0.0f && tables->window[256] == 1.0f);
    leit_mel_tables_free(tables);
}

static void parameters_are_refused_with_a_sentence(void **state)
{
    (void)state;
    leit_mel_tables *tables = NULL;
    assert_fails(leit_mel_tables_create(400, 160, 80, 16000, &tables), LEIT_USAGE,
                 "n_fft is 400, expected a power of two from 64 to 4096");
    assert_fails(leit_mel_tables_create(32, 16, 8, 16000, &tables), LEIT_USAGE, "n_fft is 32");
    assert_fails(leit_mel_tables_create(8192, 16, 8, 16000, &tables), LEIT_USAGE, "n_fft is 8192");
    assert_fails(leit_mel_tables_create(512, 0, 80, 16000, &tables), LEIT_USAGE,
                 "hop_length is 0, expected 1 to n_fft (512)");
    assert_fails(leit_mel_tables_create(512, 513, 80, 16000, &tables), LEIT_USAGE, "hop_length");
    assert_fails(leit_mel_tables_create(512, 256, 0, 16000, &tables), LEIT_USAGE, "n_mels is 0");
    assert_fails(leit_mel_tables_create(512, 256, 80, 1, &tables), LEIT_USAGE, "sample_rate_hz");
    assert_null(tables);
    leit_mel_tables_free(NULL);

    tables = paper_tables();
    const leit_exec exec = {0};
    struct leit_mel_spectrogram args = {.B = 1, .S = 256, .tables = tables};
    assert_fails(leit_mel_spectrogram_forward_cpu(&exec, &args), LEIT_INTERNAL,
                 "S is 256, expected B >= 0 and S > n_fft / 2 = 256");
    leit_mel_augment augment = {.time_mask_ratio = NAN};
    args.S = 512;
    args.augment = &augment;
    assert_fails(leit_mel_spectrogram_forward_cpu(&exec, &args), LEIT_INTERNAL, "random is NULL");
    const leit_random random = {0};
    args.random = &random;
    assert_fails(leit_mel_spectrogram_forward_cpu(&exec, &args), LEIT_INTERNAL,
                 "time_mask_ratio is nan, expected 0 to 1");
    augment = (leit_mel_augment){.gain_db_min = 1.0f};
    assert_fails(leit_mel_spectrogram_forward_cpu(&exec, &args), LEIT_INTERNAL,
                 "gain_db is 1 to 0, expected a range");
    args.tables = NULL;
    assert_fails(leit_mel_spectrogram_forward_cpu(&exec, &args), LEIT_INTERNAL, "tables is NULL");
    leit_mel_tables_free(tables);
}

/* A gain moves a clip by a constant in dB; over clips it is uniform in the range. */
static void gain_is_uniform(void **state)
{
    (void)state;
    leit_mel_tables *tables = paper_tables();
    const leit_mel_augment augment = {.gain_db_min = -20.0f, .gain_db_max = 0.0f};
    float *plain = run(tables, NULL, 0, LEIT_MEL_DB);
    float *gained = run(tables, &augment, 0, LEIT_MEL_DB);
    double sum = 0.0, least = 0.0, most = -20.0;
    for (int b = 0; b < B; b++) {
        const int64_t at = ((int64_t)b * F + 60) * W;
        const double gain_db = (double)gained[at] - (double)plain[at];
        for (int w = 0; w < W; w++) {
            const double difference = (double)gained[at + w] - (double)plain[at + w];
            assert_true(fabs(difference - gain_db) < 1e-3); /* rounding of samples, FFT and dB */
        }
        assert_true(gain_db >= -20.001 && gain_db <= 0.001);
        sum += gain_db;
        least = fmin(least, gain_db);
        most = fmax(most, gain_db);
    }
    /* Mean -10; five standard errors: 5 * 20 / sqrt(12 * 64) = 3.6. The range of 64 uniform draws
     * is shorter than 16 of 20 with probability 2e-5 (order statistics). */
    assert_true(fabs(sum / B + 10.0) < 3.6);
    assert_true(most - least > 16.0);
    leit_free(gained);
    leit_free(plain);
    leit_mel_tables_free(tables);
}

/* White noise over a white clip at SNR s adds 10^(-s / 10) to its power. */
static void noise_has_the_wanted_level(void **state)
{
    (void)state;
    leit_mel_tables *tables = paper_tables();
    const leit_mel_augment augment = {.noise = true, .snr_db_min = 3.0f, .snr_db_max = 3.0f};
    float *plain = run(tables, NULL, 0, LEIT_MEL_POWER);
    float *noisy = run(tables, &augment, 0, LEIT_MEL_POWER);
    float *again = run(tables, &augment, 0, LEIT_MEL_POWER);
    float *later = run(tables, &augment, 1, LEIT_MEL_POWER);
    double power = 0.0, noisy_power = 0.0;
    for (int64_t i = 0; i < (int64_t)B * F * W; i++) {
        power += (double)plain[i];
        noisy_power += (double)noisy[i];
    }
    /* The cross term of 64 x 16,000 independent normals has a deviation of 2 * 0.7 / 1,000. */
    assert_true(fabs(noisy_power / power - 1.0 - pow(10.0, -0.3)) < 5 * 1.4e-3);
    assert_memory_equal(noisy, again, (size_t)B * F * W * sizeof *noisy);
    assert_memory_not_equal(noisy, later, (size_t)B * F * W * sizeof *noisy);
    assert_memory_not_equal(noisy, noisy + F * W, (size_t)F * W * sizeof *noisy);
    leit_free(later);
    leit_free(again);
    leit_free(noisy);
    leit_free(plain);
    leit_mel_tables_free(tables);
}

/* The masked cells are whole columns and whole rows, nothing else changes, and widths and places
 * are uniform as the public code has them. (The case table checks every cell against the draws.) */
static void masks_cover_whole_rows_and_columns(void **state)
{
    (void)state;
    leit_mel_tables *tables = paper_tables();
    const leit_mel_augment augment = {.time_mask_ratio = 0.4f, .frequency_mask_ratio = 0.25f};
    float *plain = run(tables, NULL, 0, LEIT_MEL_DB);
    double columns = 0.0, rows = 0.0;
    enum { STEPS = 4 };
    for (uint32_t step = 0; step < STEPS; step++) {
        float *masked = run(tables, &augment, step, LEIT_MEL_DB);
        for (int b = 0; b < B; b++) {
            bool row[F] = {false}, column[W] = {false};
            const float *before = plain + (int64_t)b * F * W, *after = masked + (int64_t)b * F * W;
            for (int m = 0; m < F; m++) {
                row[m] = true;
                for (int w = 0; w < W; w++) row[m] = row[m] && after[m * W + w] == -80.0f;
                rows += row[m];
            }
            for (int w = 0; w < W; w++) {
                column[w] = true;
                for (int m = 0; m < F; m++) column[w] = column[w] && after[m * W + w] == -80.0f;
                columns += column[w];
            }
            for (int m = 0; m < F; m++)
                for (int w = 0; w < W; w++)
                    assert_true(row[m] || column[w] ? after[m * W + w] == -80.0f
                                                    : after[m * W + w] == before[m * W + w]);
        }
        leit_free(masked);
    }
    /* On the power scale -80 dB is 1e-8, in the same cells. */
    float *db = run(tables, &augment, 0, LEIT_MEL_DB);
    float *power = run(tables, &augment, 0, LEIT_MEL_POWER);
    for (int64_t i = 0; i < (int64_t)B * F * W; i++)
        assert_int_equal(db[i] == -80.0f, power[i] == 1e-8f);
    leit_free(power);
    leit_free(db);
    /* Width uniform in [0, 25) columns and [0, 32) rows: means 12.5 and 16, deviations 7.2 and 9.2,
     * each mean within five standard errors over 256 clips. */
    assert_true(fabs(columns / (B * STEPS) - 12.5) < 5 * 7.3 / 16);
    assert_true(fabs(rows / (B * STEPS) - 16.0) < 5 * 9.3 / 16);
    leit_free(plain);
    leit_mel_tables_free(tables);
}

static void silence_is_the_floor(void **state)
{
    (void)state;
    leit_mel_tables *tables = paper_tables();
    int16_t pcm[600] = {0};
    float y[F * 3], workspace[20000] __attribute__((aligned(64)));
    struct leit_mel_spectrogram args = {.B = 1, .S = 600, .tables = tables, .pcm = pcm, .y = y};
    assert_true(leit_mel_spectrogram_workspace_cpu(&args, 1) <= sizeof workspace);
    const leit_exec exec = {.workspace = workspace, .workspace_bytes = sizeof workspace};
    assert_ok(leit_mel_spectrogram_forward_cpu(&exec, &args));
    for (int i = 0; i < F * 3; i++) assert_true(fabs((double)y[i] + 100.0) <= 8e-6); /* 1 ulp */
    leit_mel_tables_free(tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decibels_are_within_their_bound),
        cmocka_unit_test(turns_are_within_their_bound),
        cmocka_unit_test(transposing_turns_rows_into_columns),
        cmocka_unit_test(tables_of_the_paper),
        cmocka_unit_test(parameters_are_refused_with_a_sentence),
        cmocka_unit_test(gain_is_uniform),
        cmocka_unit_test(noise_has_the_wanted_level),
        cmocka_unit_test(masks_cover_whole_rows_and_columns),
        cmocka_unit_test(silence_is_the_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

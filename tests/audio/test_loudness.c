/* Loudness against the figures of ITU-R BS.1770-4 and EBU Tech 3341, and against SciPy
 * (tests/oracle/loudness.py). */
#include <math.h>

#include "audio/loudness.h"
#include "core/memory.h"
#include "support/numbers.h"
#include "support/testing.h"

static double lkfs(const float *samples, int64_t n_samples, int rate_hz)
{
    double value = 0.0;
    assert_ok(leit_loudness_lkfs(samples, n_samples, rate_hz, &value));
    return value;
}

static void fill_sine(float *samples, int64_t n, double hz, int rate_hz, double level_db)
{
    const double amplitude = pow(10.0, level_db / 20.0);
    for (int64_t i = 0; i < n; i++)
        samples[i] =
            (float)(amplitude * sin(6.28318530717958647692 * hz * (double)i / (double)rate_hz));
}

/* "If a 0 dB FS, 997 Hz sine wave is applied to the left, centre, or right channel input, the
 * indicated loudness will equal -3.01 LKFS." */
static void sine_of_the_standard(void **state)
{
    (void)state;
    static const int rates_hz[] = {16000, 44100, 48000};
    /* The bilinear transform bends the shelf a little below 48 kHz; EBU Tech 3341 allows 0.1 LU. */
    static const double tolerance[] = {0.1, 0.01, 0.01};
    float *samples = NULL;
    assert_ok(LEIT_ALLOC(samples, 48000 * 10));
    for (int r = 0; r < 3; r++) {
        const int64_t n = (int64_t)rates_hz[r] * 10;
        fill_sine(samples, n, 997.0, rates_hz[r], 0.0);
        assert_true(fabs(lkfs(samples, n, rates_hz[r]) - -3.01) < tolerance[r]);
        assert_true(fabs(leit_rms_db(samples, n) - -3.0103) < 1e-4);
        fill_sine(samples, n, 997.0, rates_hz[r], -20.0);
        assert_true(fabs(lkfs(samples, n, rates_hz[r]) - -23.01) < tolerance[r]);
    }
    leit_free(samples);
}

/* EBU Tech 3341, cases 3 and 4, on one channel (3.01 LU below their stereo): quiet and very quiet
 * parts fall to the relative and the absolute gate. Their tolerance is 0.1 LU. */
static void gates_of_the_ebu(void **state)
{
    (void)state;
    enum { RATE_HZ = 16000 };
    static const struct {
        int seconds;
        double level_db;
    } parts[] = {{10, -72.0}, {10, -36.0}, {60, -23.0}, {10, -36.0}, {10, -72.0}};
    float *samples = NULL;
    assert_ok(LEIT_ALLOC(samples, 100 * RATE_HZ));
    int64_t at = 0;
    for (int part = 0; part < 5; part++) {
        const int64_t n = (int64_t)parts[part].seconds * RATE_HZ;
        fill_sine(samples + at, n, 1000.0, RATE_HZ, parts[part].level_db);
        at += n;
    }
    assert_true(fabs(lkfs(samples, at, RATE_HZ) - -26.01) < 0.1);
    const int64_t edge = 10 * RATE_HZ;
    assert_true(fabs(lkfs(samples + edge, at - 2 * edge, RATE_HZ) - -26.01) < 0.1);
    /* 40 s under the absolute gate outweigh 2 s above it in a mean that let them in. */
    fill_sine(samples, 42 * RATE_HZ, 1000.0, RATE_HZ, -72.0);
    assert_true(isinf(lkfs(samples, 42 * RATE_HZ, RATE_HZ)));
    fill_sine(samples, 2 * RATE_HZ, 1000.0, RATE_HZ, -57.0);
    assert_true(fabs(lkfs(samples, 42 * RATE_HZ, RATE_HZ) - -60.01) < 0.5);
    leit_free(samples);
}

static void compare_stages(leit_numbers *golden, const char *name, int rate_hz, double tolerance)
{
    size_t count = 0;
    const double *expected = leit_numbers_f64(golden, name, &count);
    assert_int_equal(count, 12);
    leit_biquad stages[2];
    leit_k_weighting(rate_hz, stages);
    for (int i = 0; i < 12; i++) {
        const leit_biquad *stage = &stages[i / 6];
        const double value = i % 6 < 3 ? stage->b[i % 3] : stage->a[i % 3];
        if (!(fabs(value - expected[i]) <= tolerance))
            fail_msg("%s[%d] is %.12g, expected %.12g", name, i, value, expected[i]);
    }
}

static void filters_and_loudness_of_scipy(void **state)
{
    (void)state;
    enum { N = 240000 };
    leit_numbers numbers, *golden = &numbers;
    leit_numbers_open("tests/golden/loudness.txt", golden);
    /* The standard prints 14 digits; SciPy goes back and forth through polynomials in 2 * rate,
     * whose squares lose 1e10 of the 1e16 of double. */
    compare_stages(golden, "standard", 48000, 1e-9);
    compare_stages(golden, "stages16000", 16000, 1e-6);
    compare_stages(golden, "stages44100", 44100, 1e-6);

    static const float levels[] = {0.05f, 0.5f, 0.0001f};
    float *samples = NULL;
    assert_ok(LEIT_ALLOC(samples, N));
    uint32_t generator = 1;
    for (int i = 0; i < N; i++) {
        generator = generator * 1664525u + 1013904223u;
        samples[i] = ((float)(generator >> 8) * 0x1p-23f - 1.0f) * levels[i / 40000 % 3];
    }
    static const int rates_hz[] = {16000, 44100, 48000};
    for (int r = 0; r < 3; r++) {
        size_t count = 0;
        const double *expected =
            leit_numbers_f64(golden, leit_numbers_name("lkfs%d", rates_hz[r]), &count);
        assert_true(fabs(lkfs(samples, N, rates_hz[r]) - expected[0]) < 1e-5);
    }
    leit_free(samples);
    leit_numbers_close(golden);
}

static void silence_and_short_clips(void **state)
{
    (void)state;
    float samples[4000] = {0};
    assert_true(isinf(lkfs(samples, 4000, 16000)) && lkfs(samples, 4000, 16000) < 0.0);
    assert_true(isinf(lkfs(samples, 0, 16000)));
    assert_true(isinf(leit_rms_db(samples, 0)) && isinf(leit_rms_db(samples, 4000)));
    assert_true(leit_is_silent(samples, 4000) && leit_is_silent(samples, 0));
    fill_sine(samples, 4000, 1000.0, 16000, -60.0);
    assert_false(leit_is_silent(samples, 4000));
    assert_true(fabs(lkfs(samples, 4000, 16000) - -63.0) < 0.3); /* 250 ms: one short block */
    fill_sine(samples, 4000, 1000.0, 16000, -70.0);
    assert_true(leit_is_silent(samples, 4000)); /* -73 dBFS */
    double value = 0.0;
    assert_fails(leit_loudness_lkfs(samples, 4000, 10, &value), LEIT_USAGE, "sample_rate_hz is 10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sine_of_the_standard),
        cmocka_unit_test(gates_of_the_ebu),
        cmocka_unit_test(filters_and_loudness_of_scipy),
        cmocka_unit_test(silence_and_short_clips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The crops of a long clip: crop i of n starts at i * ((length - crop) // n), as in the public code,
 * and their answers are averaged. Each crop is cut here and asked alone, as a clip of its own.
 *
 * Tolerance: ours adds n products with 1 / n in fp32, off by at most (n + 1) 2^-24 of the largest. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "support/testing.h"
#include "support/tiny_matcher.h"

enum { CROP = 4800, CROPS = 16, WIDTH = 2, MAX_SAMPLES = 3 * CROP };

static leit_loaded_matcher loaded;

static void fill(int16_t *pcm, int64_t n, uint32_t clip)
{
    leit_rng rng = leit_rng_start(3, 98, 0, clip);
    for (int64_t i = 0; i < n; i++) /* louder and higher with time, so that no two crops agree */
        pcm[i] = (int16_t)(sin((double)(i * i) * 2e-5) * (double)(i + 500) +
                           (double)leit_rng_below(&rng, 200));
}

static void expect_mean_of_crops(const leit_clip *clip, const float *answer)
{
    double sum[WIDTH] = {0}, largest = 0.0, apart = 0.0;
    float one[WIDTH], first[WIDTH];
    for (int64_t i = 0; i < CROPS; i++) {
        const leit_clip crop = {clip->pcm + i * ((clip->n_samples - CROP) / CROPS), CROP};
        assert_ok(leit_tower_clips(&loaded.music, &crop, 1, one));
        if (i == 0) memcpy(first, one, sizeof first);
        for (int e = 0; e < WIDTH; e++) {
            sum[e] += (double)one[e];
            largest = fmax(largest, fabs((double)one[e]));
            apart = fmax(apart, fabs((double)one[e] - (double)first[e]));
        }
    }
    assert_true(apart > 1e-3); /* or any crops would do */
    for (int e = 0; e < WIDTH; e++)
        assert_true(fabs((double)answer[e] - sum[e] / CROPS) <=
                    (CROPS + 1) * ldexp(1.0, -24) * largest);
}

/* The tower takes 16 crops at once: those of the fourth clip lie in two of its batches. */
static void test_crops_of_long_clips(void **state)
{
    (void)state;
    static const int64_t lengths[] = {MAX_SAMPLES, CROP + 17, CROP - 900, 2 * CROP + 15, CROP};
    enum { N = sizeof lengths / sizeof *lengths };
    leit_clip clips[N];
    float answers[N * WIDTH], alone[WIDTH];
    int16_t *pcm = leit_allocate((size_t)N * MAX_SAMPLES, sizeof *pcm);
    for (int i = 0; i < N; i++) {
        clips[i] = (leit_clip){pcm + (int64_t)i * MAX_SAMPLES, lengths[i]};
        fill(pcm + (int64_t)i * MAX_SAMPLES, lengths[i], (uint32_t)i);
    }
    assert_int_equal(loaded.music.width, WIDTH);
    assert_ok(leit_tower_clips(&loaded.music, clips, N, answers));
    expect_mean_of_crops(&clips[0], answers);
    expect_mean_of_crops(&clips[3], answers + 3 * WIDTH);
    for (int i = 2; i < N; i += 2) { /* not longer than a crop: one, followed by silence */
        const leit_clip padded = {clips[i].pcm, CROP};
        assert_ok(leit_tower_clips(&loaded.music, &padded, 1, alone));
        for (int e = 0; e < WIDTH; e++)
            assert_true(fabs((double)answers[i * WIDTH + e] - (double)alone[e]) <= 1e-6);
    }
    leit_free(pcm);
}

static int open_matcher(void **state)
{
    (void)state;
    static const char *const overrides[] = {"data.eval_crops=16"};
    assert_ok(leit_matcher_open(leit_tiny_matcher("crops", "va_regression", 4), leit_backend_cpu(),
                                NULL, overrides, 1, &loaded));
    return 0;
}

static int close_matcher(void **state)
{
    (void)state;
    leit_matcher_close(&loaded);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_crops_of_long_clips)};
    return cmocka_run_group_tests(tests, open_matcher, close_matcher);
}

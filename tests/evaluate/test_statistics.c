/* Intervals and tests against SciPy and an independent Philox
 * (tests/oracle/retrieval_statistics.py). Values are of order 1 and sums have at most 129 terms:
 * 1e-12 is far above their rounding and far below one text more or less (1 / 129 / 200). */
#include "evaluate/statistics.h"

#include <math.h>
#include <string.h>

#include "support/numbers.h"

static const double TOLERANCE = 1e-12;

static leit_sample read_sample(leit_numbers *golden)
{
    const int32_t *sizes = leit_numbers_i32(golden, "sample.sizes", NULL);
    return (leit_sample){.n_texts = sizes[0],
                         .n_seeds = sizes[1],
                         .n_moods = sizes[2],
                         .values = leit_numbers_f64(golden, "sample.values", NULL),
                         .mood = leit_numbers_i32(golden, "sample.mood", NULL)};
}

static void compare_interval(leit_numbers *golden, const char *name, const leit_interval *interval)
{
    const double actual[4] = {interval->mean, interval->low, interval->high,
                              interval->standard_error};
    leit_numbers_compare(name, actual, leit_numbers_f64(golden, name, NULL), 4, TOLERANCE);
}

static void bootstrap_agrees_with_the_oracle(void **state)
{
    (void)state;
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval_statistics.txt", &golden);
    leit_threads *threads = NULL;
    assert_ok(leit_threads_create(3, &threads));
    leit_sample sample = read_sample(&golden);
    leit_interval interval, again;
    assert_ok(leit_statistics_bootstrap(&sample, 200, 0.95, 2021, NULL, &interval));
    compare_interval(&golden, "sample.bootstrap", &interval);
    assert_ok(leit_statistics_bootstrap(&sample, 200, 0.95, 2021, threads, &again));
    assert_memory_equal(&interval, &again, sizeof again);
    double mean;
    assert_ok(leit_statistics_mean(&sample, &mean));
    assert_true(mean == interval.mean);

    sample.mood = NULL;
    assert_ok(leit_statistics_bootstrap(&sample, 200, 0.95, 5, threads, &interval));
    compare_interval(&golden, "sample.bootstrap_micro", &interval);
    sample = read_sample(&golden);
    sample.n_seeds = 1;
    assert_ok(
        leit_statistics_bootstrap(&sample, 200, 0.95, (UINT64_C(1) << 40) + 3, NULL, &interval));
    compare_interval(&golden, "sample.bootstrap_one_seed", &interval);
    leit_threads_free(threads);
    leit_numbers_close(&golden);
}

static void permutation_agrees_with_scipy(void **state)
{
    (void)state;
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval_statistics.txt", &golden);
    leit_sample sample = read_sample(&golden);
    sample.n_seeds = 1;
    sample.values = leit_numbers_f64(&golden, "sample.difference", NULL);
    double p_value;
    assert_ok(leit_statistics_permutation(&sample, 500, 11, NULL, &p_value));
    leit_numbers_compare("p", &p_value, leit_numbers_f64(&golden, "sample.permutation", NULL), 1,
                         TOLERANCE);
    size_t n_texts;
    sample.mood = leit_numbers_i32(&golden, "small.mood", &n_texts);
    sample.n_texts = (int64_t)n_texts;
    for (int i = 0; i < 4; i++) {
        sample.values = leit_numbers_f64(&golden, leit_numbers_name("small%d.difference", i), NULL);
        assert_ok(leit_statistics_permutation(&sample, 1024, 0, NULL, &p_value));
        leit_numbers_compare("exact p", &p_value,
                             leit_numbers_f64(&golden, leit_numbers_name("small%d.p", i), NULL), 1,
                             TOLERANCE);
    }
    leit_numbers_close(&golden);
}

/* The example of R's p.adjust family, worked by hand: sorted 0.01 0.02 0.03 0.04 times 4 3 2 1. */
static void holm_by_hand(void **state)
{
    (void)state;
    const double p_values[4] = {0.03, 0.01, 0.04, 0.02}, expected[4] = {0.06, 0.04, 0.06, 0.06};
    double adjusted[4];
    assert_ok(leit_statistics_holm(4, p_values, adjusted));
    leit_numbers_compare("holm", adjusted, expected, 4, 1e-15);
    double large[2] = {0.7, 0.6};
    assert_ok(leit_statistics_holm(2, large, large));
    assert_true(large[0] == 1.0 && large[1] == 1.0);
    const double bad[1] = {NAN};
    assert_fails(leit_statistics_holm(1, bad, adjusted), LEIT_USAGE, "p-value 0");
}

static void equivalence_agrees_with_scipy(void **state)
{
    (void)state;
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval_statistics.txt", &golden);
    size_t n;
    const double *points = leit_numbers_f64(&golden, "student.points", NULL);
    const double *values = leit_numbers_f64(&golden, "student.values", &n);
    for (size_t i = 0; i < n; i++) {
        double value = leit_statistics_student(points[2 * i], points[2 * i + 1]);
        /* Relative, so that tails count. lgamma(5e4) is 5e5 and good to 6e-11, and so is its
         * exponential; lgamma(200) is 858: 1e-11 is ample for the smaller degrees. */
        double tolerance = points[2 * i + 1] > 1e4 ? 2e-10 : 1e-11;
        if (!(fabs(value - values[i]) <= tolerance * values[i]))
            fail_msg("student(%g, %g) is %.17g, expected %.17g", points[2 * i], points[2 * i + 1],
                     value, values[i]);
    }
    const double *difference = leit_numbers_f64(&golden, "tost.difference", &n);
    leit_equivalence result;
    assert_ok(leit_statistics_equivalence((int64_t)n, difference, 0.01, &result));
    const double actual[5] = {result.mean, result.standard_error, result.p_above, result.p_below,
                              result.p_value};
    leit_numbers_compare("tost", actual, leit_numbers_f64(&golden, "tost.result", NULL), 5,
                         TOLERANCE);
    const double equal[3] = {0.5, 0.5, 0.5};
    assert_ok(leit_statistics_equivalence(3, equal, 0.6, &result));
    assert_true(result.p_value == 0.0);
    assert_ok(leit_statistics_equivalence(3, equal, 0.4, &result));
    assert_true(result.p_value == 1.0);
    leit_numbers_close(&golden);
}

static void bad_input_is_named(void **state)
{
    (void)state;
    const double values[2] = {1.0, INFINITY};
    const int32_t mood[2] = {0, 3};
    leit_sample sample = {.n_texts = 2, .n_seeds = 1, .n_moods = 2, .values = values};
    leit_interval interval;
    double p_value;
    assert_fails(leit_statistics_bootstrap(&sample, 200, 0.95, 0, NULL, &interval), LEIT_NUMERICAL,
                 "text 1");
    sample.n_texts = 1;
    assert_fails(leit_statistics_bootstrap(&sample, 99, 0.95, 0, NULL, &interval), LEIT_USAGE,
                 "n_replicates is 99");
    assert_fails(leit_statistics_bootstrap(&sample, 200, 1.0, 0, NULL, &interval), LEIT_USAGE,
                 "confidence is 1");
    sample.n_texts = 2;
    sample.mood = mood;
    assert_fails(leit_statistics_permutation(&sample, 200, 0, NULL, &p_value), LEIT_DATA,
                 "text 1 has mood 3");
    sample.n_seeds = 0;
    assert_fails(leit_statistics_permutation(&sample, 200, 0, NULL, &p_value), LEIT_USAGE,
                 "0 seeds");
    leit_equivalence result;
    assert_fails(leit_statistics_equivalence(1, values, 0.1, &result), LEIT_USAGE, "1 differences");
    assert_fails(leit_statistics_equivalence(2, values, 0.0, &result), LEIT_USAGE, "margin is 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bootstrap_agrees_with_the_oracle),
        cmocka_unit_test(permutation_agrees_with_scipy),
        cmocka_unit_test(holm_by_hand),
        cmocka_unit_test(equivalence_agrees_with_scipy),
        cmocka_unit_test(bad_input_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

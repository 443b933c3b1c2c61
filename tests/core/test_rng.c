/* Philox against the known-answer vectors of the Random123 distribution (kat_vectors, philox 4x32
 * with 10 rounds), and the sequential reader against its own definition. */
#include <math.h>

#include "core/rng.h"
#include "support/testing.h"

static void known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], words[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t words[4];
        uint64_t key = cases[i].key[0] | (uint64_t)cases[i].key[1] << 32;
        leit_philox(key, cases[i].counter, words);
        for (int w = 0; w < 4; w++) assert_int_equal(words[w], cases[i].words[w]);
    }
}

static void below_is_uniform(void **state)
{
    (void)state;
    /* chi-square with 6 degrees of freedom: 99.9 % quantile 22.46 (scipy.stats.chi2.ppf). */
    enum { BINS = 7, DRAWS = 70000 };
    int counts[BINS] = {0};
    leit_rng rng = leit_rng_start(5, LEIT_STREAM_BATCH, 0, 0);
    for (int i = 0; i < DRAWS; i++) counts[leit_rng_below(&rng, BINS)]++;
    double chi2 = 0.0, expected = (double)DRAWS / BINS;
    for (int bin = 0; bin < BINS; bin++) chi2 += pow(counts[bin] - expected, 2.0) / expected;
    assert_true(chi2 < 22.46);
}

static void normal_has_unit_variance(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    leit_rng rng = leit_rng_start(7, LEIT_STREAM_INIT, 0, 3);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < DRAWS; i++) {
        double x = leit_rng_normal(&rng);
        sum += x;
        squares += x * x;
    }
    /* Five standard errors: 5 / sqrt(n) for the mean, 5 * sqrt(2 / n) for the variance. */
    assert_true(fabs(sum / DRAWS) < 0.0158);
    assert_true(fabs(squares / DRAWS - 1.0) < 0.0224);
}

/* What kernels draw is what a reader reads first; of 3 * 2^30 values a quarter of the words is
 * refused. */
static void first_below_is_the_first(void **state)
{
    (void)state;
    const uint32_t bounds[] = {1, 2, 1000, 3u << 30};
    for (uint32_t i = 0; i < 400; i++) {
        const uint32_t n = bounds[i % 4];
        leit_rng rng = leit_rng_start(5, LEIT_STREAM_CROP, 9, i);
        assert_int_equal(leit_first_below(5, LEIT_STREAM_CROP, 9, i, n), leit_rng_below(&rng, n));
    }
}

static void sequences_do_not_overlap(void **state)
{
    (void)state;
    leit_rng left = leit_rng_start(1, LEIT_STREAM_CROP, 4, 0);
    leit_rng right = leit_rng_start(1, LEIT_STREAM_CROP, 4, 1);
    int equal = 0;
    for (int i = 0; i < 64; i++) equal += leit_rng_next(&left) == leit_rng_next(&right);
    assert_int_equal(equal, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(normal_has_unit_variance),
        cmocka_unit_test(first_below_is_the_first),
        cmocka_unit_test(sequences_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which rows a step trains on. */
#include "corpus/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "support/testing.h"
#include "support/toy.h"

enum { MAX_ROWS = 400 };

static leit_dataset data;
static leit_recipe *recipe;

static int open_data(void **state)
{
    (void)state;
    const leit_toy_options options = {
        .n_texts_per_label = 11, .n_clips_per_label = 5, .n_samples = 400};
    leit_toy_write(leit_test_directory(), &options);
    recipe = leit_toy_recipe(leit_test_directory(), "metric3", NULL);
    assert_ok(leit_dataset_open(recipe, &data));
    return 0;
}

static int close_data(void **state)
{
    (void)state;
    leit_dataset_close(&data);
    leit_recipe_free(recipe);
    return 0;
}

static leit_sampler *sampler_of(leit_sampling sampling, int64_t batch, uint64_t seed)
{
    leit_sampler *sampler = NULL;
    assert_ok(leit_sampler_create(&data, sampling, batch, 0, seed, &sampler));
    return sampler;
}

/* 35 training texts (11 of a label: 7 train), 21 training clips. */
static void expect_epochs(leit_sampling sampling, int64_t batch, const int64_t *sizes, int n_steps)
{
    leit_sampler *sampler = sampler_of(sampling, batch, 9);
    const bool texts = sampling == LEIT_SAMPLE_TEXTS;
    const uint8_t *split = texts ? data.text->split : data.music->split;
    const int64_t n_rows = texts ? data.text->n_texts : data.music->n_clips;
    assert_int_equal(leit_sampler_steps_per_epoch(sampler), n_steps);
    int64_t first[2][MAX_ROWS];
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[MAX_ROWS] = {0};
        int64_t n = 0;
        for (int step = 0; step < n_steps; step++) {
            const leit_batch *got;
            assert_ok(leit_sampler_batch(sampler, epoch * n_steps + step, &got));
            const int64_t size = texts ? got->n_texts : got->n_clips;
            assert_int_equal(size, sizes[step]);
            assert_int_equal(texts ? got->n_clips : got->n_texts, 0);
            for (int64_t b = 0; b < size; b++) {
                const int64_t row = texts ? got->texts[b] : got->clips[b];
                seen[row]++;
                if (epoch < 2) first[epoch][n] = row;
                n++;
            }
        }
        for (int64_t row = 0; row < n_rows; row++)
            assert_int_equal(seen[row], (split[row] & LEIT_SPLIT_TRAIN) != 0);
        if (epoch == 1) assert_memory_not_equal(first[0], first[1], (size_t)n * sizeof **first);
    }
    leit_sampler_free(sampler);
}

static void test_epochs_hold_every_row_once(void **state)
{
    (void)state;
    expect_epochs(LEIT_SAMPLE_TEXTS, 8, (const int64_t[]){8, 8, 8, 8, 3}, 5);
    expect_epochs(LEIT_SAMPLE_TEXTS, 7, (const int64_t[]){7, 7, 7, 7, 7}, 5);
    expect_epochs(LEIT_SAMPLE_TEXTS, 64, (const int64_t[]){35}, 1);
    expect_epochs(LEIT_SAMPLE_CLIPS, 9, (const int64_t[]){9, 9, 3}, 3);
}

/* BatchNorm cannot learn from one row: the batch before gives one up. */
static void test_no_batch_of_one(void **state)
{
    (void)state;
    expect_epochs(LEIT_SAMPLE_CLIPS, 5, (const int64_t[]){5, 5, 5, 4, 2}, 5);
    expect_epochs(LEIT_SAMPLE_CLIPS, 20, (const int64_t[]){19, 2}, 2);
    expect_epochs(LEIT_SAMPLE_CLIPS, 4, (const int64_t[]){4, 4, 4, 4, 3, 2}, 6);
    expect_epochs(LEIT_SAMPLE_TEXTS, 34, (const int64_t[]){33, 2}, 2);
}

static void test_both_are_full(void **state)
{
    (void)state;
    leit_sampler *sampler = sampler_of(LEIT_SAMPLE_BOTH, 8, 9);
    assert_int_equal(leit_sampler_steps_per_epoch(sampler), 5);
    int texts[MAX_ROWS] = {0}, clips[MAX_ROWS] = {0};
    const int n_steps = 35 * 21; /* ends whole epochs of either */
    for (int step = 0; step < n_steps; step++) {
        const leit_batch *got;
        assert_ok(leit_sampler_batch(sampler, step, &got));
        assert_int_equal(got->n_texts, 8);
        assert_int_equal(got->n_clips, 8);
        for (int b = 0; b < 8; b++) {
            texts[got->texts[b]]++;
            clips[got->clips[b]]++;
        }
    }
    for (int64_t row = 0; row < data.text->n_texts; row++)
        assert_int_equal(texts[row], data.text->split[row] & LEIT_SPLIT_TRAIN ? 8 * 21 : 0);
    for (int64_t row = 0; row < data.music->n_clips; row++)
        assert_int_equal(clips[row], data.music->split[row] & LEIT_SPLIT_TRAIN ? 8 * 35 : 0);
    leit_sampler_free(sampler);
}

/* Chi-square against the uniform; Wilson and Hilferty's cube gives the quantile of 1 - 1e-5, for
 * which z is 4.265. The seed is fixed, so this passes always or never. */
static void expect_uniform(const int *count, int K, int n)
{
    double chi_square = 0.0;
    for (int k = 0; k < K; k++) {
        const double expected = (double)n / K, off = (double)count[k] - expected;
        chi_square += off * off / expected;
    }
    const double degrees = K - 1, a = 2.0 / (9.0 * degrees);
    assert_true(chi_square <= degrees * pow(1.0 - a + 4.265 * sqrt(a), 3.0));
    assert_true(chi_square > 0.0);
}

static void test_pairs_are_uniform_over_tags(void **state)
{
    (void)state;
    enum { HALF = 8, STEPS = 600, DRAWS = HALF * STEPS };
    leit_sampler *sampler = sampler_of(LEIT_SAMPLE_PAIRS, 2 * HALF, 5);
    assert_int_equal(leit_sampler_steps_per_epoch(sampler), 5); /* 35 texts, 8 draws a step */
    int first[5] = {0}, second[5] = {0}, music[7] = {0}, of_label[MAX_ROWS] = {0};
    for (int step = 0; step < STEPS; step++) {
        const leit_batch *got;
        assert_ok(leit_sampler_batch(sampler, step, &got));
        assert_int_equal(got->n_texts, 2 * HALF);
        assert_int_equal(got->n_tags, 2 * HALF);
        for (int b = 0; b < HALF; b++) {
            const int32_t text = data.text->label[got->texts[b]];
            const int32_t clip = data.music->label[got->clips[b]];
            const int32_t paired = data.text->label[got->texts[HALF + b]];
            assert_int_equal(got->tags[b], data.text_tag[text]);
            assert_int_equal(got->tags[HALF + b], data.music_tag[clip]);
            assert_int_equal(data.music->label[got->clips[HALF + b]], data.mapped_label[paired]);
            first[text]++;
            second[paired]++;
            music[clip]++;
            if (text == 0) of_label[got->texts[b] / 5]++;
        }
        for (int b = 0; b < 2 * HALF; b++) {
            assert_true(data.text->split[got->texts[b]] & LEIT_SPLIT_TRAIN);
            assert_true(data.music->split[got->clips[b]] & LEIT_SPLIT_TRAIN);
        }
    }
    expect_uniform(first, 5, DRAWS);
    expect_uniform(second, 5, DRAWS);
    expect_uniform(music, 7, DRAWS);
    int texts[7], n = 0; /* within a label all seven training texts are alike */
    for (int row = 0; row < MAX_ROWS; row++)
        if (of_label[row] > 0) texts[n++] = of_label[row];
    assert_int_equal(n, 7);
    expect_uniform(texts, 7, first[0]);
    leit_sampler_free(sampler);
}

/* The mapping of the paper's w2v column. */
static void test_mapped_labels(void **state)
{
    (void)state;
    static const char *const expected[] = {"angry", "scary", "happy", "sad", "happy"};
    for (int k = 0; k < 5; k++)
        assert_string_equal(data.music->labels[data.mapped_label[k]], expected[k]);
}

static void copy_batch(const leit_batch *from, int64_t *to)
{
    for (int b = 0; b < 8; b++) {
        to[b] = b < from->n_texts ? from->texts[b] : -1;
        to[8 + b] = b < from->n_clips ? from->clips[b] : -1;
        to[16 + b] = b < from->n_tags ? from->tags[b] : -1;
    }
}

static void test_a_step_is_a_function_of_seed_and_number(void **state)
{
    (void)state;
    for (int sampling = LEIT_SAMPLE_TEXTS; sampling <= (int)LEIT_SAMPLE_PAIRS; sampling++) {
        leit_sampler *forth = sampler_of((leit_sampling)sampling, 8, 5);
        leit_sampler *back = sampler_of((leit_sampling)sampling, 8, 5);
        leit_sampler *other = sampler_of((leit_sampling)sampling, 8, 6);
        int64_t rows[12][24], again[24];
        const leit_batch *got;
        int n_same = 0;
        for (int step = 0; step < 12; step++) {
            assert_ok(leit_sampler_batch(forth, step, &got));
            copy_batch(got, rows[step]);
        }
        for (int step = 11; step >= 0; step--) {
            assert_ok(leit_sampler_batch(back, step, &got));
            assert_int_equal(got->step, step);
            copy_batch(got, again);
            assert_memory_equal(again, rows[step], sizeof again);
            assert_ok(leit_sampler_batch(other, step, &got));
            copy_batch(got, again);
            n_same += memcmp(again, rows[step], sizeof again) == 0;
        }
        assert_int_equal(n_same, 0);
        leit_sampler_free(forth);
        leit_sampler_free(back);
        leit_sampler_free(other);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    leit_sampler *sampler = NULL;
    assert_fails(leit_sampler_create(&data, LEIT_SAMPLE_PAIRS, 7, 0, 1, &sampler), LEIT_USAGE,
                 "the batch is 7, expected an even number");
    assert_fails(leit_sampler_create(&data, LEIT_SAMPLE_TEXTS, 0, 0, 1, &sampler), LEIT_USAGE,
                 "the batch is 0");
    uint8_t *split = (uint8_t *)(uintptr_t)data.music->split;
    uint8_t kept[MAX_ROWS];
    memcpy(kept, split, (size_t)data.music->n_clips);
    for (int64_t i = 0; i < data.music->n_clips; i++)
        if (data.music->label[i] == 5) split[i] = LEIT_SPLIT_TEST;
    assert_fails(leit_sampler_create(&data, LEIT_SAMPLE_PAIRS, 8, 0, 1, &sampler), LEIT_DATA,
                 "no training clip has the label 'scary'");
    for (int64_t i = 0; i < data.music->n_clips; i++) split[i] = LEIT_SPLIT_TEST;
    assert_fails(leit_sampler_create(&data, LEIT_SAMPLE_CLIPS, 8, 0, 1, &sampler), LEIT_DATA,
                 "no training rows");
    memcpy(split, kept, (size_t)data.music->n_clips);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs_hold_every_row_once),
        cmocka_unit_test(test_no_batch_of_one),
        cmocka_unit_test(test_both_are_full),
        cmocka_unit_test(test_pairs_are_uniform_over_tags),
        cmocka_unit_test(test_mapped_labels),
        cmocka_unit_test(test_a_step_is_a_function_of_seed_and_number),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, open_data, close_data);
}

/* The draws of triplet_sample are distributed as its weights say: frequencies against
 * probabilities from NumPy (tests/oracle/triplet_sample.py) by a chi-square test. */
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "kernels/triplet_sample.h"
#include "support/numbers.h"

enum { MAX_N = 16, STEPS = 20000 };

static double workspace[2 * MAX_N];
static const leit_exec exec = {.workspace = workspace, .workspace_bytes = sizeof workspace};

static const char *of(int index, const char *name)
{
    return leit_numbers_name("case%d.%s", index, name);
}

static void expect_frequencies(leit_numbers *numbers, int index)
{
    const int32_t *sizes = leit_numbers_i32(numbers, of(index, "sizes"), NULL);
    const int64_t N = sizes[0];
    assert_true(N <= MAX_N);
    leit_random random = {.seed = 99 + (uint64_t)index};
    int32_t negative[MAX_N], n_empty, drawn[MAX_N][MAX_N] = {0};
    const struct leit_triplet_sample args = {
        .N = N,
        .E = sizes[1],
        .weights = sizes[2] ? LEIT_WEIGHTS_DISTANCE : LEIT_WEIGHTS_COSINE,
        .cutoff = 0.5f,
        .nonzero_loss_cutoff = 1.4f,
        .stream = LEIT_STREAM_NEGATIVE,
        .random = &random,
        .a = leit_numbers_f32(numbers, of(index, "a"), NULL),
        .p = leit_numbers_f32(numbers, of(index, "p"), NULL),
        .anchor_labels = leit_numbers_i32(numbers, of(index, "anchor_labels"), NULL),
        .item_labels = leit_numbers_i32(numbers, of(index, "item_labels"), NULL),
        .negative = negative,
        .n_empty = &n_empty};
    for (random.step = 0; random.step < STEPS; random.step++) {
        assert_ok(leit_triplet_sample_forward_cpu(&exec, &args));
        assert_int_equal(n_empty, 0);
        for (int64_t n = 0; n < N; n++) {
            assert_in_range(negative[n], 0, N - 1);
            assert_true(args.item_labels[negative[n]] != args.anchor_labels[n]);
            drawn[n][negative[n]]++;
        }
    }
    const double *probabilities = leit_numbers_f64(numbers, of(index, "probabilities"), NULL);
    double chi_square = 0.0;
    for (int64_t n = 0; n < N; n++)
        for (int64_t j = 0; j < N; j++) {
            const double expected = STEPS * probabilities[n * N + j];
            if (expected == 0.0)
                assert_int_equal(drawn[n][j], 0);
            else
                chi_square += (drawn[n][j] - expected) * (drawn[n][j] - expected) / expected;
        }
    const double limit = *leit_numbers_f64(numbers, of(index, "chi_square_quantile"), NULL);
    if (!(chi_square <= limit))
        fail_msg("case %d: chi-square %g, limit %g", index, chi_square, limit);
}

static void frequencies_are_the_weights(void **state)
{
    (void)state;
    leit_numbers numbers;
    leit_numbers_open("tests/golden/triplet_sample.txt", &numbers);
    const int n_cases = *leit_numbers_i32(&numbers, "n_cases", NULL);
    assert_true(n_cases >= 6);
    for (int i = 0; i < n_cases; i++) expect_frequencies(&numbers, i);
    leit_numbers_close(&numbers);
}

/* Four rows that all say the same; anchor 2 shares its label with all items. */
static struct leit_triplet_sample four(float *rows, int32_t *negative, int32_t *n_empty)
{
    static const leit_random random = {.seed = 3};
    static const int32_t anchor_labels[] = {0, 0, 1, 2}, item_labels[] = {1, 1, 1, 1};
    for (int i = 0; i < 8; i++) rows[i] = 1.0f + (float)(i % 2);
    return (struct leit_triplet_sample){.N = 4,
                                        .E = 2,
                                        .cutoff = 0.5f,
                                        .nonzero_loss_cutoff = 1.4f,
                                        .random = &random,
                                        .a = rows,
                                        .p = rows,
                                        .anchor_labels = anchor_labels,
                                        .item_labels = item_labels,
                                        .negative = negative,
                                        .n_empty = n_empty};
}

static void an_anchor_with_nothing_left_is_counted(void **state)
{
    (void)state;
    float rows[8];
    int32_t negative[4], n_empty;
    struct leit_triplet_sample args = four(rows, negative, &n_empty);
    for (int weights = 0; weights < 2; weights++) {
        args.weights = weights ? LEIT_WEIGHTS_COSINE : LEIT_WEIGHTS_DISTANCE;
        assert_ok(leit_triplet_sample_forward_cpu(&exec, &args));
        assert_int_equal(n_empty, 1);
        assert_int_equal(negative[2], -1);
        for (int n = 0; n < 4; n++) assert_true(n == 2 || (negative[n] >= 0 && negative[n] < 4));
    }
    args.cutoff = 0.0f;
    args.weights = LEIT_WEIGHTS_DISTANCE;
    assert_fails(leit_triplet_sample_forward_cpu(&exec, &args), LEIT_INTERNAL, "cutoff is 0");
    args.cutoff = 0.5f, args.random = NULL;
    assert_fails(leit_triplet_sample_forward_cpu(&exec, &args), LEIT_INTERNAL, "random is NULL");
    args.N = 4097;
    assert_fails(leit_triplet_sample_forward_cpu(&exec, &args), LEIT_INTERNAL, "N is 4097");
}

/* Identical embeddings, rows all beyond the cutoff, and rows of NaN: the allowed rows weigh alike.
 */
static void without_weights_all_allowed_rows_are_drawn(void **state)
{
    (void)state;
    static const float signs[] = {1.0f, -1.0f, NAN};
    for (int kind = 0; kind < 3; kind++) {
        float rows[8], items[8];
        int32_t negative[4], n_empty, drawn[4] = {0};
        leit_random random = {.seed = 5};
        struct leit_triplet_sample args = four(rows, negative, &n_empty);
        for (int i = 0; i < 8; i++) items[i] = signs[kind] * rows[i];
        args.p = items;
        args.random = &random;
        for (; random.step < 4000; random.step++) {
            assert_ok(leit_triplet_sample_forward_cpu(&exec, &args));
            drawn[negative[0]]++;
        }
        /* Binomial(4000, 1/4) lies within 1000 +- 150 but once in 4e7 times. */
        for (int j = 0; j < 4; j++) assert_in_range(drawn[j], 850, 1150);
    }
}

static void a_row_of_nan_is_not_drawn(void **state)
{
    (void)state;
    float rows[8], items[8];
    int32_t negative[4], n_empty;
    leit_random random = {.seed = 7};
    struct leit_triplet_sample args = four(rows, negative, &n_empty);
    memcpy(items, rows, sizeof items);
    items[3] = NAN;
    args.p = items;
    args.random = &random;
    for (; random.step < 2000; random.step++) {
        args.weights = random.step % 2 ? LEIT_WEIGHTS_COSINE : LEIT_WEIGHTS_DISTANCE;
        assert_ok(leit_triplet_sample_forward_cpu(&exec, &args));
        for (int n = 0; n < 4; n++) assert_int_not_equal(negative[n], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frequencies_are_the_weights),
        cmocka_unit_test(an_anchor_with_nothing_left_is_counted),
        cmocka_unit_test(without_weights_all_allowed_rows_are_drawn),
        cmocka_unit_test(a_row_of_nan_is_not_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

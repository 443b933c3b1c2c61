/* The learning rate of every step. */
#include "train/schedule.h"

#include <math.h>

#include "support/testing.h"

static void expect(const struct leit_recipe_train *train, int64_t t, double expected)
{
    assert_true(fabs((double)leit_schedule_rate(train, t, 20) - expected) <= 1e-7);
}

static void test_constant(void **state)
{
    (void)state;
    const struct leit_recipe_train train = {.learning_rate = 0.5, .warmup_steps = 4};
    expect(&train, 1, 0.125);
    expect(&train, 3, 0.375);
    expect(&train, 4, 0.5);
    expect(&train, 5, 0.5);
    expect(&train, 20, 0.5);
}

/* 16 steps lie behind the warm-up: the first has the whole rate, the last 1/16 of it. */
static void test_linear(void **state)
{
    (void)state;
    const struct leit_recipe_train train = {
        .learning_rate = 0.5, .warmup_steps = 4, .schedule = LEIT_SCHEDULE_LINEAR};
    expect(&train, 4, 0.5);
    expect(&train, 5, 0.5);
    expect(&train, 13, 0.25);
    expect(&train, 20, 0.5 / 16);
}

static void test_cosine(void **state)
{
    (void)state;
    const struct leit_recipe_train train = {.learning_rate = 0.5, .schedule = LEIT_SCHEDULE_COSINE};
    expect(&train, 1, 0.5);
    expect(&train, 11, 0.25);
    expect(&train, 6, 0.25 * (1.0 + sqrt(0.5)));
    expect(&train, 20, 0.25 * (1.0 - cos(3.14159265358979323846 / 20)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_cosine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

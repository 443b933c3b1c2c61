/* The bounds that kernels/vector_math.h states, against libm in double precision. */
#include <math.h>

#include "kernels/vector_math.h"
#include "support/testing.h"

static void exponential(void **state)
{
    (void)state;
    for (float x = 0.0f; x > -87.0f; x -= 0.00137f) {
        const double expected = exp((double)x);
        /* 2 units in the last place, each at most 2^-23 of the value */
        if (!(fabs(leit_exp_negative(x) - expected) <= 2 * 0x1p-23 * expected))
            fail_msg("exp(%.9g) is %.9g, expected %.9g", x, leit_exp_negative(x), expected);
    }
    assert_true(leit_exp_negative(0.0f) == 1.0f);
    assert_true(leit_exp_negative(-88.0f) == 0.0f);
    assert_true(leit_exp_negative(-INFINITY) == 0.0f);
    assert_true(isnan(leit_exp_negative(NAN)));
}

static void normal_distribution(void **state)
{
    (void)state;
    for (float x = -15.0f; x < 15.0f; x += 0.00061f) {
        const double distribution = erfc(-(double)x / sqrt(2.0)) / 2;
        const double density = exp(-(double)x * x / 2) / sqrt(2 * 3.14159265358979323846);
        const struct leit_normal normal = leit_normal(x);
        if (!(fabs(normal.distribution - distribution) <= 1e-7))
            fail_msg("Phi(%.9g) is %.9g, expected %.9g", x, normal.distribution, distribution);
        if (!(fabs(normal.density - density) <= 1e-7))
            fail_msg("phi(%.9g) is %.9g, expected %.9g", x, normal.density, density);
    }
    assert_true(leit_normal(INFINITY).distribution == 1.0f);
    assert_true(leit_normal(-INFINITY).distribution == 0.0f);
    assert_true(isnan(leit_normal(NAN).distribution));
}

static void activations_at_the_ends(void **state)
{
    (void)state;
    assert_true(leit_sigmoid_value(1000.0f) == 1.0f);
    assert_true(leit_sigmoid_value(-1000.0f) == 0.0f);
    assert_true(leit_sigmoid_value(0.0f) == 0.5f);
    assert_true(isnan(leit_sigmoid_value(NAN)));
    assert_true(leit_gelu_value(100.0f) == 100.0f);
    assert_true(leit_gelu_value(-100.0f) == 0.0f);
    assert_true(isnan(leit_gelu_value(NAN)));
    assert_true(isnan(leit_relu_value(NAN)));
    assert_true(leit_relu_value(-1.0f) == 0.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential),
        cmocka_unit_test(normal_distribution),
        cmocka_unit_test(activations_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

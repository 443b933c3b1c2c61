/* The optimizer around the op `adam`: which tensors it takes, clipping, decay, gradients that are
 * not finite. */
#include <math.h>
#include <string.h>

#include "plan/optimizer.h"
#include "support/testing.h"

static const leit_optimizer_options ADAM = {
    .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .weight_decay = 0.0f, .clip_norm = 0.0f};

static void open_three(leit_parameters *parameters)
{
    static const char *const names[] = {"text.w", "text.bias", "music.w"};
    *parameters = (leit_parameters){0};
    for (int i = 0; i < 3; i++) {
        int index;
        const leit_parameter wanted = {.name = names[i],
                                       .rank = 1,
                                       .shape = {4},
                                       .init = {LEIT_INIT_CONSTANT, 1.0f},
                                       .decays = true};
        assert_ok(leit_parameters_declare(parameters, &wanted, &index));
    }
    assert_ok(leit_parameters_allocate(parameters, 1, true));
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) parameters->list[i].gradient[k] = (float)(k - 1);
}

static float step(const leit_optimizer_options *options, leit_parameters *parameters,
                  const char *prefix)
{
    const char *const prefixes[] = {prefix, NULL};
    leit_optimizer *optimizer = NULL;
    float norm = 0.0f;
    assert_ok(
        leit_optimizer_create(options, leit_backend_cpu(), NULL, parameters, prefixes, &optimizer));
    assert_ok(leit_optimizer_step(optimizer, 1, 0.125f, &norm));
    leit_optimizer_free(optimizer);
    return norm;
}

/* The first step of Adam moves every element by the rate against the sign of its gradient:
 * m / (1 - beta1) = g and v / (1 - beta2) = g^2, so the move is rate g / (|g| + epsilon). */
static void test_touches_its_own(void **state)
{
    (void)state;
    leit_parameters parameters;
    open_three(&parameters);
    const float norm = step(&ADAM, &parameters, "text.");
    assert_true(fabsf(norm - sqrtf(2.0f * 6.0f)) <= 1e-6f); /* 1 + 0 + 1 + 4, of two tensors */
    static const float moved[4] = {1.125f, 1.0f, 0.875f, 0.875f};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++)
            assert_true(fabsf(parameters.list[i].data[k] - (i < 2 ? moved[k] : 1.0f)) <= 1e-6f);
    leit_parameters_clear(&parameters);
}

/* Clipping scales what enters the moments, not the reported norm. */
static void test_clips(void **state)
{
    (void)state;
    leit_parameters parameters;
    open_three(&parameters);
    leit_optimizer_options options = ADAM;
    options.clip_norm = 0.5f;
    const float norm = step(&options, &parameters, "");
    assert_true(fabsf(norm - sqrtf(18.0f)) <= 1e-6f);
    for (int k = 0; k < 4; k++) {
        const float expected = 0.1f * (float)(k - 1) * 0.5f / (sqrtf(18.0f) + 1e-6f);
        assert_true(fabsf(parameters.list[2].moment1[k] - expected) <= 1e-7f);
    }
    leit_parameters_clear(&parameters);
}

/* Coupled L2 enters the gradient, but for what is excluded. */
static void test_decays(void **state)
{
    (void)state;
    leit_parameters parameters;
    open_three(&parameters);
    assert_int_equal(leit_parameters_exclude_decay(&parameters, "bias"), 1);
    leit_optimizer_options options = ADAM;
    options.weight_decay = 0.5f;
    step(&options, &parameters, "text.");
    for (int k = 0; k < 4; k++) {
        assert_true(fabsf(parameters.list[0].moment1[k] - 0.1f * ((float)(k - 1) + 0.5f)) <= 1e-7f);
        assert_true(fabsf(parameters.list[1].moment1[k] - 0.1f * (float)(k - 1)) <= 1e-7f);
    }
    leit_parameters_clear(&parameters);
}

static void test_nan_changes_nothing(void **state)
{
    (void)state;
    leit_parameters parameters;
    open_three(&parameters);
    parameters.list[2].gradient[3] = NAN;
    assert_true(isnan(step(&ADAM, &parameters, "")));
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            assert_true(parameters.list[i].data[k] == 1.0f);
            assert_true(parameters.list[i].moment2[k] == 0.0f);
        }
    leit_parameters_clear(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_touches_its_own),
        cmocka_unit_test(test_clips),
        cmocka_unit_test(test_decays),
        cmocka_unit_test(test_nan_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

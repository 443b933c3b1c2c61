/* Many steps of adam against torch.optim.Adam (tests/oracle/adam_steps.py), NaN, limits; the norm
 * of gradients that are not finite. */
#include <math.h>

#include "kernels/grad_norm.h"
#include "support/numbers.h"

enum { MAX_ELEMENTS = 64, MAX_TENSORS = 4 };

static const leit_exec exec;

static void ten_steps_are_those_of_torch(void **state)
{
    (void)state;
    leit_numbers numbers;
    leit_numbers_open("tests/golden/adam_steps.txt", &numbers);
    size_t n_tensors = 0, elements = 0;
    const int32_t *counts = leit_numbers_i32(&numbers, "counts", &n_tensors);
    const float *decays = leit_numbers_f32(&numbers, "weight_decays", NULL);
    const float *start = leit_numbers_f32(&numbers, "start", &elements);
    assert_true(n_tensors <= MAX_TENSORS && elements <= MAX_ELEMENTS);
    float p[MAX_ELEMENTS], m[MAX_ELEMENTS] = {0}, v[MAX_ELEMENTS] = {0};
    for (size_t i = 0; i < elements; i++) p[i] = start[i];
    leit_adam_now now = {.learning_rate = *leit_numbers_f32(&numbers, "learning_rate", NULL),
                         .scale = 0.5f}; /* undone by doubling: exact */
    for (int32_t step = 0; step < *leit_numbers_i32(&numbers, "steps", NULL); step++) {
        const float *gradients =
            leit_numbers_f32(&numbers, leit_numbers_name("gradients%d", step), NULL);
        float g[MAX_ELEMENTS];
        for (size_t i = 0; i < elements; i++) g[i] = 2.0f * gradients[i];
        leit_adam_tensor tensors[MAX_TENSORS];
        for (size_t i = 0, at = 0; i < n_tensors; at += (size_t)counts[i], i++)
            tensors[i] = (leit_adam_tensor){p + at, g + at, m + at, v + at, counts[i], decays[i]};
        now.t = step + 1;
        const struct leit_adam args = {.n_tensors = (int64_t)n_tensors,
                                       .n_blocks = leit_tensor_blocks(tensors, (int64_t)n_tensors),
                                       .tensors = tensors,
                                       .beta1 = 0.9f,
                                       .beta2 = 0.999f,
                                       .epsilon = 1e-8f,
                                       .now = &now};
        assert_ok(leit_adam_forward_cpu(&exec, &args));
        double actual[MAX_ELEMENTS];
        for (size_t i = 0; i < elements; i++) actual[i] = (double)p[i];
        const char *name = leit_numbers_name("parameters%d", step);
        /* Ten roundings of p below 4, 1.2e-7 each, and a few of a step of 0.01. */
        leit_numbers_compare(name, actual, leit_numbers_f64(&numbers, name, NULL), elements, 2e-6);
    }
    leit_numbers_close(&numbers);
}

static void nan_stays_in_its_element(void **state)
{
    (void)state;
    float p[2] = {1, 1}, m[2] = {0}, v[2] = {0};
    const float g[2] = {NAN, 1};
    const leit_adam_tensor tensor = {p, g, m, v, 2, 0.0f};
    leit_adam_now now = {1, 0.1f, 1.0f};
    struct leit_adam args = {1, 1, &tensor, 0.9f, 0.999f, 1e-8f, &now};
    assert_ok(leit_adam_forward_cpu(&exec, &args));
    assert_true(isnan(p[0]) && isnan(m[0]) && isnan(v[0]));
    assert_true(fabsf(p[1] - 0.9f) <= 1e-6f); /* the first step is the learning rate */
    now.t = 0;
    assert_fails(leit_adam_forward_cpu(&exec, &args), LEIT_INTERNAL, "t is 0");
    args.n_blocks = 2;
    assert_fails(leit_adam_forward_cpu(&exec, &args), LEIT_INTERNAL, "n_blocks is 2, expected 1");
    args.n_tensors = -1;
    assert_fails(leit_adam_forward_cpu(&exec, &args), LEIT_INTERNAL, "n_tensors is -1");
}

static void the_norm_shows_what_is_not_finite(void **state)
{
    (void)state;
    float g[3] = {3, 4, 0}, norm = -1.0f, squares[1];
    leit_adam_tensor tensor = {.g = g, .count = 3};
    const struct leit_grad_norm args = {1, 1, &tensor, &norm};
    const leit_exec with_room = {.workspace = squares, .workspace_bytes = sizeof squares};
    assert_int_equal(leit_grad_norm_workspace_cpu(&args, 1), sizeof squares);
    assert_ok(leit_grad_norm_forward_cpu(&with_room, &args));
    assert_true(norm == 5.0f);
    g[2] = -INFINITY;
    assert_ok(leit_grad_norm_forward_cpu(&with_room, &args));
    assert_true(norm == INFINITY);
    g[1] = NAN;
    assert_ok(leit_grad_norm_forward_cpu(&with_room, &args));
    assert_true(isnan(norm));
    tensor.count = -1;
    assert_fails(leit_grad_norm_forward_cpu(&with_room, &args), LEIT_INTERNAL, "tensor 0 has -1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_steps_are_those_of_torch),
        cmocka_unit_test(nan_stays_in_its_element),
        cmocka_unit_test(the_norm_shows_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

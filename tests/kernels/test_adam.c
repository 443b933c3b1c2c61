/* Many steps of adam against torch.optim.Adam (tests/oracle/adam_steps.py), NaN, limits; the norm
 * of gradients that are not finite. */
#include <math.h>

#include "kernels/adam_rows_check.h"
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
    leit_adam_now now = {.learning_rate = *leit_numbers_f32(&numbers, "learning_rate", NULL)};
    const float norm = 0.0f; /* and 1e-6 beside it: the scale of 0.5 that doubling undoes */
    for (int32_t step = 0; step < *leit_numbers_i32(&numbers, "steps", NULL); step++) {
        const float *gradients =
            leit_numbers_f32(&numbers, leit_numbers_name("gradients%d", step), NULL);
        float g[MAX_ELEMENTS];
        for (size_t i = 0; i < elements; i++) g[i] = 2.0f * gradients[i];
        leit_adam_tensor tensors[MAX_TENSORS];
        for (size_t i = 0, at = 0; i < n_tensors; at += (size_t)counts[i], i++)
            tensors[i] = (leit_adam_tensor){.p = p + at,
                                            .g = g + at,
                                            .m = m + at,
                                            .v = v + at,
                                            .count = counts[i],
                                            .weight_decay = decays[i]};
        now.t = step + 1;
        const struct leit_adam args = {.n_tensors = (int64_t)n_tensors,
                                       .n_blocks = leit_tensor_blocks(tensors, (int64_t)n_tensors),
                                       .tensors = tensors,
                                       .beta1 = 0.9f,
                                       .beta2 = 0.999f,
                                       .epsilon = 1e-8f,
                                       .now = &now,
                                       .norm = &norm,
                                       .clip_norm = 0.5e-6f};
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
    const leit_adam_tensor tensor = {.p = p, .g = g, .m = m, .v = v, .count = 2};
    leit_adam_now now = {1, 0.1f};
    struct leit_adam args = {.n_tensors = 1,
                             .n_blocks = 1,
                             .tensors = &tensor,
                             .beta1 = 0.9f,
                             .beta2 = 0.999f,
                             .epsilon = 1e-8f,
                             .now = &now};
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
    int32_t n_bad = 0;
    const struct leit_grad_norm args = {
        .n_tensors = 1, .n_blocks = 1, .tensors = &tensor, .norm = &norm, .n_bad = &n_bad};
    const leit_exec with_room = {.workspace = squares, .workspace_bytes = sizeof squares};
    assert_int_equal(leit_grad_norm_workspace_cpu(&args, 1), sizeof squares);
    assert_ok(leit_grad_norm_forward_cpu(&with_room, &args));
    assert_true(norm == 5.0f && n_bad == 0);
    g[2] = -INFINITY;
    assert_ok(leit_grad_norm_forward_cpu(&with_room, &args));
    assert_true(norm == INFINITY);
    g[1] = NAN;
    assert_ok(leit_grad_norm_forward_cpu(&with_room, &args));
    assert_true(isnan(norm) && n_bad == 2);
    float p[3] = {1, 1, 1}, m[3] = {0}, v[3] = {0};
    const leit_adam_tensor whole = {.p = p, .g = g, .m = m, .v = v, .count = 3};
    const leit_adam_now now = {1, 0.1f};
    const struct leit_adam step = {.n_tensors = 1,
                                   .n_blocks = 1,
                                   .tensors = &whole,
                                   .beta1 = 0.9f,
                                   .beta2 = 0.999f,
                                   .epsilon = 1e-8f,
                                   .now = &now,
                                   .norm = &norm,
                                   .n_bad = &n_bad};
    assert_ok(leit_adam_forward_cpu(&exec, &step));
    assert_true(p[0] == 1.0f && m[0] == 0.0f && v[0] == 0.0f); /* adam stands still */
    tensor.count = -1;
    assert_fails(leit_grad_norm_forward_cpu(&with_room, &args), LEIT_INTERNAL, "tensor 0 has -1");
}

static void rows_that_wait_get_the_same_bits(void **state)
{
    (void)state;
    adam_rows_hold(&leit_backend_cpu()->ops[LEIT_OP_adam]);
}

static void rows_that_wait_have_limits(void **state)
{
    (void)state;
    static leit_adam_rates rates;
    float x[6] = {0};
    int32_t done[2] = {0}, rows[2] = {1, 2};
    leit_adam_tensor tensor = {
        .p = x, .g = x, .m = x, .v = x, .count = 6, .width = 3, .done = done};
    const leit_adam_now now = {1, 0.1f};
    struct leit_adam args = {.n_tensors = 1,
                             .n_blocks = 1,
                             .tensors = &tensor,
                             .now = &now,
                             .work = LEIT_ADAM_FETCH,
                             .N = 2,
                             .rows = rows};
    assert_fails(leit_adam_forward_cpu(&exec, &args), LEIT_INTERNAL, "rates is NULL");
    args.rates = &rates;
    assert_fails(leit_adam_forward_cpu(&exec, &args), LEIT_INTERNAL, "row 2 is asked for");
    args.of = 1;
    assert_fails(leit_adam_forward_cpu(&exec, &args), LEIT_INTERNAL, "2 rows of tensor 1");
    args.of = 0;
    tensor.width = 4;
    assert_fails(leit_adam_forward_cpu(&exec, &args), LEIT_INTERNAL, "in rows of 4");
    tensor.done = NULL;
    assert_fails(leit_adam_forward_cpu(&exec, &args), LEIT_INTERNAL, "do not wait");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_steps_are_those_of_torch),
        cmocka_unit_test(nan_stays_in_its_element),
        cmocka_unit_test(rows_that_wait_get_the_same_bits),
        cmocka_unit_test(rows_that_wait_have_limits),
        cmocka_unit_test(the_norm_shows_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Gradients of k small batches, each scaled by 1 / k, add up to the gradient of the one batch they
 * are parts of, where no batch statistics come between: the mean over 8 rows is the mean of four
 * means over 2. A text encoder has layer norms alone; heads have BatchNorm, so this tower ends in a
 * linear layer of its own.
 *
 * Tolerance. Both ways add the same products, in another order. A gradient is a sum over at most
 * 8 * 12 tokens; in fp32 the sum of n terms in any order is off by at most n * 2^-24 times the sum
 * of their sizes. Terms cancel in the sum, so their sizes are taken from the parts: 8 single rows,
 * whose own tokens cancel as well, which the largest element of the layer's weight and bias stands
 * in for (the bias of keys alone has no gradient at all: softmax does not see it). A backward chain
 * of two layers repeats this a few times: 4 n 2^-24 of the largest element. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "model/layers.h"
#include "strategy/matcher.h"
#include "strategy/step.h"
#include "support/testing.h"
#include "support/toy.h"

enum { B = 8, TOKENS = 12 };

static void build_text(leit_step *step)
{
    leit_value encoded = leit_step_texts(step);
    leit_value answer = leit_layer_linear(step->plan, encoded, "text.end", 2);
    leit_value target = leit_step_target(step, LEIT_TARGET_TEXT_VA);
    leit_plan_loss(step->plan, leit_plan_mse(step->plan, answer, target), 1.0f);
}

static const leit_strategy plain = {
    .id = LEIT_STRATEGY_VA_REGRESSION,
    .n_phases = 1,
    .phases = {{"text", LEIT_SAMPLE_TEXTS, LEIT_MONITOR_R2, true, false, build_text}}};

typedef struct fixture {
    leit_recipe *recipe;
    leit_dataset data;
    leit_matcher *matcher;
    leit_step step;
    leit_sampler *sampler;
    const leit_batch *batch;
} fixture;

static void open_fixture(fixture *f)
{
    f->recipe = leit_toy_recipe(leit_test_directory(), "va_regression", NULL);
    assert_ok(leit_dataset_open(f->recipe, &f->data));
    const leit_mood_names names = leit_mood_names_of(&f->data);
    assert_ok(leit_matcher_create(f->recipe, &names, leit_backend_cpu(), NULL, &f->matcher));
    const leit_plan_options options = {
        .backend = leit_backend_cpu(), .training = true, .seed = (uint64_t)f->recipe->seed};
    assert_ok(leit_step_create(&plain, &plain.phases[0], &f->matcher->space, &f->data,
                               &f->matcher->front, &options, &f->matcher->parameters, &f->step));
    assert_ok(leit_matcher_allocate(f->matcher, true));
    assert_ok(leit_plan_finish(f->step.plan));
    assert_int_equal(f->step.batch, B);
    assert_ok(leit_sampler_create(&f->data, LEIT_SAMPLE_TEXTS, B, 0, 5, &f->sampler));
    assert_ok(leit_sampler_batch(f->sampler, 0, &f->batch));
    assert_int_equal(f->batch->n_texts, B);
}

static void close_fixture(fixture *f)
{
    leit_sampler_free(f->sampler);
    leit_step_clear(&f->step);
    leit_matcher_free(f->matcher);
    leit_dataset_close(&f->data);
    leit_recipe_free(f->recipe);
}

/* Adds the gradient of rows first to first + n - 1 of the batch, times scale; returns the loss. */
static double add_gradient(fixture *f, int64_t first, int64_t n, float scale)
{
    leit_batch part = *f->batch;
    part.texts += first;
    part.n_texts = n;
    assert_ok(leit_step_fill(&f->step, &f->data, &part));
    assert_ok(leit_plan_forward(f->step.plan));
    assert_ok(leit_plan_backward(f->step.plan, scale));
    return leit_plan_loss_value(f->step.plan);
}

static float *copy_gradient(const leit_parameter *p)
{
    float *copy = leit_allocate((size_t)p->count, sizeof *copy);
    memcpy(copy, p->gradient, (size_t)p->count * sizeof *copy);
    return copy;
}

static bool same_layer(const char *a, const char *b)
{
    const ptrdiff_t length = strrchr(a, '.') - a;
    return strncmp(a, b, (size_t)length + 1) == 0 && strchr(b + length + 1, '.') == NULL;
}

static void expect_near(const leit_parameters *parameters, const leit_parameter *p,
                        float *const *wholes, int n_parts)
{
    const float *whole = wholes[p - parameters->list];
    double largest = 0.0;
    for (size_t k = 0; k < parameters->count; k++) {
        const leit_parameter *other = &parameters->list[k];
        if (wholes[k] == NULL || !same_layer(p->name, other->name)) continue;
        for (int64_t i = 0; i < other->count; i++)
            largest = fmax(largest, fabs((double)wholes[k][i]));
    }
    const double tolerance = 4.0 * B * TOKENS * ldexp(1.0, -24) * largest;
    for (int64_t i = 0; i < p->count; i++)
        if (!(fabs((double)p->gradient[i] - (double)whole[i]) <= tolerance))
            fail_msg("%s[%d]: %.9g in %d parts, %.9g at once (+- %.3g)", p->name, (int)i,
                     (double)p->gradient[i], n_parts, (double)whole[i], tolerance);
}

/* k parts after the whole; k divides B. */
static void expect_parts_add_up(int k)
{
    fixture f = {0};
    open_fixture(&f);
    leit_parameters *parameters = &f.matcher->parameters;
    assert_ok(leit_parameters_zero_gradients(parameters));
    const double at_once = add_gradient(&f, 0, B, 1.0f);
    float **whole = leit_allocate(parameters->count, sizeof *whole);
    for (size_t i = 0; i < parameters->count; i++)
        if (parameters->list[i].gradient != NULL) whole[i] = copy_gradient(&parameters->list[i]);
    assert_ok(leit_parameters_zero_gradients(parameters));
    double in_parts = 0.0;
    for (int part = 0; part < k; part++)
        in_parts += add_gradient(&f, part * B / k, B / k, 1.0f / (float)k) / k;
    assert_true(fabs(in_parts - at_once) <= B * ldexp(1.0, -24) * at_once);
    int n_moved = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        if (whole[i] == NULL) continue;
        expect_near(parameters, &parameters->list[i], whole, k);
        for (int64_t j = 0; j < parameters->list[i].count; j++) n_moved += whole[i][j] != 0.0f;
    }
    for (size_t i = 0; i < parameters->count; i++) leit_free(whole[i]);
    assert_true(n_moved > 1000); /* there was something to compare */
    leit_free(whole);
    close_fixture(&f);
}

static void test_two_halves(void **state)
{
    (void)state;
    expect_parts_add_up(2);
}

static void test_four_quarters(void **state)
{
    (void)state;
    expect_parts_add_up(4);
}

static void test_single_rows(void **state)
{
    (void)state;
    expect_parts_add_up(8);
}

static int write_corpora(void **state)
{
    (void)state;
    const leit_toy_options options = {
        .n_texts_per_label = 5, .n_clips_per_label = 5, .n_samples = LEIT_TOY_CROP};
    leit_toy_write(leit_test_directory(), &options);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_halves),
        cmocka_unit_test(test_four_quarters),
        cmocka_unit_test(test_single_rows),
    };
    return cmocka_run_group_tests(tests, write_corpora, NULL);
}

/* The optimizer around the op `adam`: which tensors it takes, clipping, decay, gradients that are
 * not finite. */
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "plan/optimizer.h"
#include "plan/plan.h"
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

/* Under one gradient every step moves by its own rate: rates go on from step to step by themselves, the
 * last one stays, and a schedule may begin anywhere. */
static void test_follows_a_schedule(void **state)
{
    (void)state;
    static const float rates[] = {0.125f, 0.0625f, 0.25f};
    static const float moved[] = {0.125f, 0.1875f, 0.4375f, 0.6875f, 0.9375f};
    const char *const prefixes[] = {"", NULL};
    leit_parameters parameters;
    leit_optimizer *optimizer = NULL;
    open_three(&parameters);
    assert_ok(
        leit_optimizer_create(&ADAM, leit_backend_cpu(), NULL, &parameters, prefixes, &optimizer));
    assert_ok(leit_optimizer_schedule(optimizer, 1, rates, 3));
    for (int i = 0; i < 5; i++) {
        assert_ok(leit_optimizer_enqueue(optimizer));
        assert_true(fabsf(parameters.list[0].data[0] - (1.0f + moved[i])) <= 1e-5f);
    }
    assert_ok(leit_optimizer_schedule(optimizer, 6, rates, 1));
    assert_ok(leit_optimizer_enqueue(optimizer));
    assert_true(fabsf(parameters.list[0].data[0] - 2.0625f) <= 1e-5f);
    leit_optimizer_free(optimizer);
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

/* ---- rows that wait ---- */

enum { WORDS = 40, WIDTH = 6, TEXT = 5, ROW_STEPS = 60 };

struct reader {
    leit_parameters parameters;
    leit_plan *plan;
    leit_value ids, n_ids, targets;
    leit_optimizer *optimizer;
};

static void open_reader(struct reader *r, bool waits)
{
    const leit_plan_options options = {.backend = leit_backend_cpu(), .training = true, .seed = 3};
    const leit_init init = {LEIT_INIT_NORMAL, 1.0f};
    const int64_t table[] = {WORDS, WIDTH}, weights[] = {2, WIDTH}, text[] = {TEXT};
    const int64_t answers[] = {TEXT, 2};
    static const char *const all[] = {"", NULL};
    *r = (struct reader){0};
    assert_ok(leit_plan_create(&options, &r->parameters, &r->plan));
    r->n_ids = leit_plan_count(r->plan, "n_ids", TEXT);
    r->ids = leit_plan_input(r->plan, "ids", LEIT_I32, 1, text);
    r->targets = leit_plan_input(r->plan, "targets", LEIT_F32, 2, answers);
    leit_plan_set_count(r->plan, r->ids, r->n_ids);
    const leit_value words = leit_plan_parameter(r->plan, "words", 2, table, init);
    const leit_value w = leit_plan_parameter(r->plan, "w", 2, weights, init);
    const leit_value x = leit_plan_embedding(r->plan, r->ids, words, LEIT_NONE, LEIT_NONE);
    const leit_value y = leit_plan_linear(r->plan, x, w, LEIT_NONE, LEIT_ACTIVATION_NONE);
    leit_plan_loss(r->plan, leit_plan_mse(r->plan, y, r->targets), 1.0f);
    assert_ok(leit_parameters_allocate(&r->parameters, 1, true));
    assert_ok(leit_plan_finish(r->plan));
    assert_true(leit_plan_only_looks_up(r->plan, 0) && !leit_plan_only_looks_up(r->plan, 1));
    leit_optimizer_options adam = ADAM;
    adam.weight_decay = 0.01f;
    adam.clip_norm = 0.5f;
    adam.lookups = waits ? r->plan : NULL;
    assert_ok(
        leit_optimizer_create(&adam, leit_backend_cpu(), NULL, &r->parameters, all, &r->optimizer));
}

static void read_a_text(struct reader *r, int64_t t)
{
    leit_rng rng = leit_rng_start(9, 0, (uint32_t)t, 0);
    int32_t *ids = leit_plan_data(r->plan, r->ids);
    float norm = 0.0f;
    for (int i = 0; i < TEXT; i++) ids[i] = (int32_t)leit_rng_below(&rng, WORDS);
    *(int32_t *)leit_plan_data(r->plan, r->n_ids) = 1 + (int32_t)(t % TEXT);
    for (int i = 0; i < 2 * TEXT; i++)
        ((float *)leit_plan_data(r->plan, r->targets))[i] = leit_rng_normal(&rng);
    assert_ok(leit_parameters_zero_gradients(&r->parameters));
    assert_ok(leit_optimizer_fetch(r->optimizer, r->plan));
    assert_ok(leit_plan_forward(r->plan));
    assert_ok(leit_plan_backward(r->plan, 1.0f));
    assert_ok(leit_optimizer_step(r->optimizer, t, 0.01f, &norm));
}

/* Words that wait while others are read: the same losses and, when they are flushed, the same bits. */
static void test_rows_that_wait(void **state)
{
    (void)state;
    struct reader dense, waiting;
    open_reader(&dense, false);
    open_reader(&waiting, true);
    const size_t bytes = dense.parameters.data.bytes;
    for (int64_t t = 1; t <= ROW_STEPS; t++) {
        read_a_text(&dense, t);
        read_a_text(&waiting, t);
        assert_true(leit_plan_loss_value(dense.plan) == leit_plan_loss_value(waiting.plan));
        assert_memory_not_equal(dense.parameters.data.host, waiting.parameters.data.host, bytes);
        if (t % 20 != 0) continue;
        assert_ok(leit_optimizer_flush(dense.optimizer));
        assert_ok(leit_optimizer_flush(waiting.optimizer));
        assert_memory_equal(dense.parameters.data.host, waiting.parameters.data.host, bytes);
        assert_memory_equal(dense.parameters.moment1.host, waiting.parameters.moment1.host, bytes);
        assert_memory_equal(dense.parameters.moment2.host, waiting.parameters.moment2.host, bytes);
    }
    leit_optimizer_free(dense.optimizer);
    leit_optimizer_free(waiting.optimizer);
    leit_plan_free(dense.plan);
    leit_plan_free(waiting.plan);
    leit_parameters_clear(&dense.parameters);
    leit_parameters_clear(&waiting.parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_touches_its_own),
        cmocka_unit_test(test_follows_a_schedule),
        cmocka_unit_test(test_clips),
        cmocka_unit_test(test_decays),
        cmocka_unit_test(test_nan_changes_nothing),
        cmocka_unit_test(test_rows_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

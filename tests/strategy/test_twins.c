/* Every strategy against its twin in PyTorch, step by step.
 *
 * A twin (tests/oracle/strategies.py) starts from our initial parameters and trains on our batches,
 * given as token ids, mel images, labels, targets and the negatives we drew; what it answers for is
 * everything in between: encoders, heads, losses, gradients, Adam. It runs in float64 and float32.
 *
 *     LEIT_DUMP_STEPS=<folder> test_twins     writes <folder>/<strategy>.<phase>.h5 for the twins,
 *                                             <strategy>+<choice>.<phase>.h5 for other recipe words
 *
 * Adam's epsilon is 1e-3 here. With 1e-8 the first steps go by the sign of a gradient, and where
 * that is rounding around zero two right programs part at once; where epsilon stands in the formula
 * is judged by tests/kernels.
 *
 * The golden list holds the float64 losses and how far float32 is from them. The band of ours is 4
 * times the largest such distance up to that step: both are fp32 runs of the same length whose
 * rounding differs in order alone, so their distances from float64 are draws of one kind; 1e-6 is
 * for losses that float32 meets by luck. The inputs have a digest, so that a change of sampling is
 * named as such.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/container.h"
#include "core/memory.h"
#include "plan/optimizer.h"
#include "plan/plan_internal.h"
#include "strategy/matcher.h"
#include "strategy/step.h"
#include "support/numbers.h"
#include "support/plan_walk.h"
#include "support/testing.h"
#include "support/toy.h"

enum { STEPS = 20, MAX_NEGATIVES = 3 };

typedef struct twin {
    leit_recipe *recipe;
    char name[64]; /* "metric2.joint", "metric2+cosine.joint" */
    leit_dataset data;
    leit_matcher *matcher;
    const leit_phase *phase;
    leit_step step;
    leit_sampler *sampler;
    leit_optimizer *optimizer;
    leit_value pcm, mel, negatives[MAX_NEGATIVES];
    int n_negatives;
    leit_container_writer *dump;
    uint64_t digest; /* of everything that goes in, but for floats */
} twin;

static bool drops_out; /* the next twin has the paper's dropout */

/* A word for the recipe of the next twin, and what the twin is called for it; or NULL. */
static struct choice {
    const char *name, *override;
} choice;

static void open_dump(twin *t)
{
    const char *folder = getenv("LEIT_DUMP_STEPS");
    if (folder == NULL) return;
    char path[1200];
    snprintf(path, sizeof path, "%s/%s.h5", folder, t->name);
    assert_ok(leit_container_create(path, "leitmotif-steps", 1, &t->dump));
}

static void dump(twin *t, const char *name, leit_dtype dtype, int rank, const int64_t *shape,
                 const void *values)
{
    if (t->dump != NULL) assert_ok(leit_container_write(t->dump, name, dtype, rank, shape, values));
}

static void dump_parameters(twin *t, const char *group)
{
    char name[256];
    const leit_parameters *parameters = &t->matcher->parameters;
    for (size_t i = 0; i < parameters->count; i++) {
        const leit_parameter *p = &parameters->list[i];
        snprintf(name, sizeof name, "%s/%s", group, p->name);
        dump(t, name, LEIT_F32, p->rank, p->shape, p->data);
    }
}

/* What the twin must be given lies inside the plan: the crops, as the mel image, and the negatives. */
static void find_inside(twin *t)
{
    leit_plan *plan = t->step.plan;
    t->mel = t->pcm = LEIT_NONE;
    t->n_negatives = 0;
    for (leit_value v = 0; v < (leit_value)plan->n_values; v++) {
        const char *name = plan->values[v].name;
        const size_t length = strlen(name);
        if (strcmp(name, "music.mel") == 0) t->mel = v;
        if (strcmp(name, "music.pcm") == 0) t->pcm = v;
        if (length > 9 && strcmp(name + length - 9, ".negative") == 0)
            t->negatives[t->n_negatives++] = v;
    }
    if (t->mel != LEIT_NONE) leit_plan_keep(plan, t->mel);
    if (t->pcm != LEIT_NONE) leit_plan_keep(plan, t->pcm);
    for (int i = 0; i < t->n_negatives; i++) leit_plan_keep(plan, t->negatives[i]);
}

static void open_twin_of(twin *t, const char *strategy, int phase, bool keeps_all)
{
#define DROPOUT                                                                                    \
    "model.head.dropout=0.5", "model.text.dropout=0.1", "model.text.attention_dropout=0.1"
#define COMMON                                                                                     \
    "train.epsilon=1e-3", "train.learning_rate=1e-4", "mel.n_fft=512", "model.music.channels=4"
    static const char *const noisy[] = {COMMON, DROPOUT, NULL};
    const char *const smooth[] = {COMMON, choice.override, NULL};
    static const char *const no_words[] = {COMMON, "train.weight_decay_exclude=[]", NULL};
    const bool has_text = strcmp(strategy, "tagging") != 0 && (phase == 0);
    *t = (twin){.digest = 14695981039346656037u};
    t->recipe = leit_toy_recipe(leit_test_directory(), strategy,
                                drops_out && has_text ? noisy
                                : has_text            ? smooth
                                                      : no_words);
    assert_ok(leit_dataset_open(t->recipe, &t->data));
    const leit_mood_names names = leit_mood_names_of(&t->data);
    assert_ok(leit_matcher_create(t->recipe, &names, leit_backend_cpu(), NULL, &t->matcher));
    t->phase = &t->matcher->strategy->phases[phase];
    snprintf(t->name, sizeof t->name, "%s%s%s.%s", strategy, choice.name == NULL ? "" : "+",
             choice.name == NULL ? "" : choice.name, t->phase->name);
    const leit_plan_options options = {
        .backend = leit_backend_cpu(), .training = true, .seed = (uint64_t)t->recipe->seed};
    assert_ok(leit_step_create(t->matcher->strategy, t->phase, &t->matcher->space, &t->data,
                               &t->matcher->front, &options, &t->matcher->parameters, &t->step));
    find_inside(t);
    for (leit_value v = 0; keeps_all && v < (leit_value)t->step.plan->n_values; v++)
        leit_plan_keep(t->step.plan, v);
    assert_ok(leit_matcher_allocate(t->matcher, true));
    assert_ok(leit_plan_finish(t->step.plan));
    const struct leit_recipe_train *train = &t->recipe->train;
    const leit_optimizer_options adam = {.beta1 = (float)train->beta1,
                                         .beta2 = (float)train->beta2,
                                         .epsilon = (float)train->epsilon,
                                         .weight_decay = (float)train->weight_decay};
    static const char *const all[] = {"", NULL};
    assert_ok(leit_optimizer_create(&adam, leit_backend_cpu(), NULL, &t->matcher->parameters, all,
                                    &t->optimizer));
    assert_ok(leit_sampler_create(&t->data, t->phase->sampling, t->step.batch, 0,
                                  (uint64_t)t->recipe->seed, &t->sampler));
}

static void open_twin(twin *t, const char *strategy, int phase)
{
    open_twin_of(t, strategy, phase, false);
}

static void close_twin(twin *t)
{
    if (t->dump != NULL) assert_ok(leit_container_commit(t->dump));
    leit_sampler_free(t->sampler);
    leit_optimizer_free(t->optimizer);
    leit_step_clear(&t->step);
    leit_matcher_free(t->matcher);
    leit_dataset_close(&t->data);
    leit_recipe_free(t->recipe);
}

static void take_into_digest(twin *t, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) /* FNV-1a */
        t->digest = (t->digest ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

static void dump_value(twin *t, int step, const char *name, leit_value value, int64_t rows)
{
    char path[160];
    const plan_value *v = leit_plan_value(t->step.plan, value);
    int64_t shape[LEIT_MAX_RANK], count = 1;
    for (int axis = 0; axis < v->rank; axis++) shape[axis] = v->shape[axis];
    if (rows >= 0) shape[0] = rows;
    for (int axis = 0; axis < v->rank; axis++) count *= shape[axis];
    if (v->dtype != LEIT_F32)
        take_into_digest(t, v->data, (size_t)count * leit_dtype_bytes(v->dtype));
    snprintf(path, sizeof path, "step%02d/%s", step, name);
    dump(t, path, v->dtype, v->rank, shape, v->data);
}

/* Targets by the name of their kind, texts by ids and offsets, music by its mel image. */
static void dump_step(twin *t, int number, const leit_batch *batch)
{
    leit_step *step = &t->step;
    if (step->has_text) {
        const int32_t *offsets = leit_plan_data(step->plan, step->text.offsets);
        dump_value(t, number, "ids", step->text.ids, offsets[batch->n_texts]);
        dump_value(t, number, "offsets", step->text.offsets, batch->n_texts + 1);
    }
    if (step->has_music) {
        take_into_digest(t, leit_plan_data(step->plan, t->pcm),
                         (size_t)(batch->n_clips * LEIT_TOY_CROP) * sizeof(int16_t));
        dump_value(t, number, "mel", t->mel, batch->n_clips);
    }
    for (int i = 0; i < step->n_targets; i++) {
        char name[32];
        const int64_t capacity = leit_plan_dim(step->plan, step->targets[i].value, 0);
        const int64_t rows = step->has_text ? batch->n_texts : batch->n_clips;
        snprintf(name, sizeof name, "target%02d", (int)step->targets[i].kind);
        dump_value(t, number, name, step->targets[i].value, rows < capacity ? rows : capacity);
    }
    for (int i = 0; i < t->n_negatives && t->dump != NULL; i++) {
        char name[32];
        const uint64_t digest = t->digest; /* negatives follow from floats */
        snprintf(name, sizeof name, "negative%d", i);
        dump_value(t, number, name, t->negatives[i], -1);
        t->digest = digest;
    }
}

static double run_step(twin *t, int number, int32_t *negatives, int *n_negatives)
{
    const leit_batch *batch = NULL;
    leit_plan *plan = t->step.plan;
    float norm;
    assert_ok(leit_parameters_zero_gradients(&t->matcher->parameters));
    assert_ok(leit_sampler_batch(t->sampler, number, &batch));
    assert_ok(leit_step_fill(&t->step, &t->data, batch));
    assert_ok(leit_plan_forward(plan));
    dump_step(t, number, batch);
    for (int i = 0; i < t->n_negatives; i++) {
        const int64_t n = leit_plan_dim(plan, t->negatives[i], 0);
        memcpy(negatives + *n_negatives, leit_plan_data(plan, t->negatives[i]),
               (size_t)n * sizeof *negatives);
        *n_negatives += (int)n;
    }
    const double loss = leit_plan_loss_value(plan);
    assert_ok(leit_plan_backward(plan, 1.0f));
    assert_ok(leit_optimizer_step(t->optimizer, number + 1, (float)t->recipe->train.learning_rate,
                                  &norm));
    return loss;
}

static double norm_of(const leit_parameter *p)
{
    double sum = 0.0;
    for (int64_t i = 0; i < p->count; i++) sum += (double)p->data[i] * (double)p->data[i];
    return sqrt(sum);
}

/* The final norms; golden names stand in the order of the file. */
static void compare_parameters(twin *t, leit_numbers *golden, const char *name)
{
    const leit_parameters *parameters = &t->matcher->parameters;
    size_t n;
    const double *norms = leit_numbers_f64(golden, leit_numbers_name("%s.norms", name), &n);
    const double *band = leit_numbers_f64(golden, leit_numbers_name("%s.norm_bands", name), NULL);
    assert_int_equal(n, parameters->count);
    for (size_t i = 0; i < n; i++) {
        const double ours = norm_of(&parameters->list[i]);
        if (!(fabs(ours - norms[i]) <= band[i]))
            fail_msg("%s: after %d steps %s has norm %.9g, its twin %.9g (+- %.3g)", name, STEPS,
                     parameters->list[i].name, ours, norms[i], band[i]);
    }
}

static void compare(twin *t, const double *losses, const int32_t *negatives, int n_negatives)
{
    const char *name = t->name;
    leit_numbers golden;
    leit_numbers_open("tests/golden/strategies/twins.txt", &golden);
    const int32_t *digest = leit_numbers_i32(&golden, leit_numbers_name("%s.digest", name), NULL);
    if ((int32_t)(uint32_t)(t->digest & 0x7FFFFFFF) != digest[0])
        fail_msg("%s: digest %d: the batches are not those of the golden list: sampling, crops or "
                 "the toy "
                 "corpus changed; run tests/oracle/strategies.py again",
                 name, (int)(t->digest & 0x7FFFFFFF));
    size_t n;
    const int32_t *drawn = leit_numbers_i32(&golden, leit_numbers_name("%s.negatives", name), &n);
    assert_int_equal(n, n_negatives);
    for (int i = 0; i < n_negatives; i++)
        if (drawn[i] != negatives[i])
            fail_msg("%s: negative %d is row %d, the golden list has row %d", name, i, negatives[i],
                     drawn[i]);
    const double *f64 = leit_numbers_f64(&golden, leit_numbers_name("%s.losses", name), &n);
    const double *off = leit_numbers_f64(&golden, leit_numbers_name("%s.f32_off", name), NULL);
    assert_int_equal(n, STEPS);
    double largest = 0.0; /* so far */
    for (int i = 0; i < STEPS; i++) {
        largest = fmax(largest, fabs(off[i]));
        if (!(fabs(losses[i] - f64[i]) <= 4.0 * largest + 1e-6))
            fail_msg("%s: loss %d is %.9g, its twin has %.9g (+- %.3g)", name, i + 1, losses[i],
                     f64[i], 4.0 * largest + 1e-6);
    }
    compare_parameters(t, &golden, name);
    leit_numbers_close(&golden);
}

static void run_twin(const char *strategy, int phase)
{
    twin t;
    double losses[STEPS];
    int32_t negatives[STEPS * MAX_NEGATIVES * 8];
    int n_negatives = 0;
    open_twin(&t, strategy, phase);
    open_dump(&t);
    dump_parameters(&t, "start");
    for (int i = 0; i < STEPS; i++) losses[i] = run_step(&t, i, negatives, &n_negatives);
    dump_parameters(&t, "end");
    if (t.dump != NULL) {
        const int64_t steps = STEPS, words[2] = {(int64_t)(t.digest & 0x7FFFFFFF), 0}, one = 1;
        const char *names[256];
        for (size_t i = 0; i < t.matcher->parameters.count; i++)
            names[i] = t.matcher->parameters.list[i].name;
        dump(&t, "losses", LEIT_F64, 1, &steps, losses);
        dump(&t, "digest", LEIT_I64, 1, &one, words);
        assert_ok(leit_container_write_strings(t.dump, "names",
                                               (int64_t)t.matcher->parameters.count, names));
    } else {
        compare(&t, losses, negatives, n_negatives);
    }
    close_twin(&t);
}

static void test_classification(void **state)
{
    (void)state;
    run_twin("classification", 0);
    run_twin("classification", 1);
}

static void test_multihead(void **state)
{
    (void)state;
    run_twin("multihead", 0);
}

static void test_va_regression(void **state)
{
    (void)state;
    run_twin("va_regression", 0);
    run_twin("va_regression", 1);
}

static void test_w2v_regression(void **state)
{
    (void)state;
    run_twin("w2v_regression", 0);
    run_twin("w2v_regression", 1);
}

/* The public code's choices where they are not the paper's, and ours of the mask. */
static void run_choice(const char *strategy, int phase, const char *name, const char *override)
{
    choice = (struct choice){name, override};
    run_twin(strategy, phase);
    choice = (struct choice){NULL, NULL};
}

static void test_choices(void **state)
{
    (void)state;
    run_choice("w2v_regression", 0, "sigmoid", "model.head.output_activation=sigmoid");
    run_choice("metric2", 0, "cosine", "loss.negatives=cosine");
    run_choice("metric2", 0, "music_tag", "loss.negative_mask=music_tag");
}

static void test_metric2(void **state)
{
    (void)state;
    run_twin("metric2", 0);
}

static void test_metric3(void **state)
{
    (void)state;
    run_twin("metric3", 0);
}

static void test_tagging(void **state)
{
    (void)state;
    run_twin("tagging", 0);
}

/* Sharing memory changes nothing: a node that reads in its backward what it does not say would find
 * another's values there. Dropout stands where it stands in the paper. */
static void expect_sharing_is_safe(const char *strategy, int phase)
{
    twin shared, kept;
    int32_t negatives[MAX_NEGATIVES * 8];
    int n = 0;
    drops_out = true;
    open_twin(&shared, strategy, phase);
    open_twin_of(&kept, strategy, phase, true);
    drops_out = false;
    leit_plan_walk(shared.step.plan);
    assert_true(shared.step.plan->memory.activation_bytes <
                kept.step.plan->memory.activation_bytes);
    run_step(&shared, 0, negatives, &n);
    n = 0;
    run_step(&kept, 0, negatives, &n);
    const leit_parameters *a = &shared.matcher->parameters, *b = &kept.matcher->parameters;
    for (size_t i = 0; i < a->count; i++)
        if (memcmp(a->list[i].data, b->list[i].data, (size_t)a->list[i].count * sizeof(float)) != 0)
            fail_msg("%s: %s learns something else when memory is shared", strategy,
                     a->list[i].name);
    close_twin(&shared);
    close_twin(&kept);
}

static void test_sharing_is_safe(void **state)
{
    (void)state;
    for (int id = 0; id < LEIT_N_STRATEGIES; id++)
        for (int phase = 0; phase < leit_strategy_find((enum leit_strategy_id)id)->n_phases;
             phase++)
            expect_sharing_is_safe(leit_strategy_name((enum leit_strategy_id)id), phase);
}

static int write_corpora(void **state)
{
    (void)state;
    const leit_toy_options options = {
        .n_texts_per_label = 10, .n_clips_per_label = 5, .n_samples = 12000};
    leit_toy_write(leit_test_directory(), &options);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classification),  cmocka_unit_test(test_multihead),
        cmocka_unit_test(test_va_regression),   cmocka_unit_test(test_w2v_regression),
        cmocka_unit_test(test_metric2),         cmocka_unit_test(test_metric3),
        cmocka_unit_test(test_tagging),         cmocka_unit_test(test_choices),
        cmocka_unit_test(test_sharing_is_safe),
    };
    return cmocka_run_group_tests(tests, write_corpora, NULL);
}

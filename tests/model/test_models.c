/* The models beside their twins in PyTorch (tests/oracle/models.py): outputs in training and
 * evaluation, every gradient, every running statistic.
 *
 * A tolerance is twice the error that float32 makes at this very place (measured in the oracle by
 * running and by moving parameters half a unit in the last place), and four roundings of the
 * largest value for what sums in another order may add. A bias whose true gradient is 0 (before a
 * BatchNorm, and of attention keys) is a sum of terms of the size of the weight's gradient that
 * cancel; it may keep 2^-14 of that. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/container.h"
#include "core/memory.h"
#include "core/threads.h"
#include "model/layers.h"
#include "model/music_encoder.h"
#include "model/text_encoder.h"
#include "support/testing.h"

static const double ROUNDING = 0x1p-24, VANISHED = 1e-9, CANCELLED = 0x1p-14;

/* The sizes of tests/oracle/models.py. */
static leit_recipe small_recipe(void)
{
    return (leit_recipe){.mel = {.n_fft = 512, .hop_length = 16, .n_mels = 128},
                         .model = {.music = {.channels = 4},
                                   .text = {.layers = 2,
                                            .width = 24,
                                            .heads = 3,
                                            .ffn_width = 40,
                                            .max_positions = 12,
                                            .layernorm_epsilon = 1e-12}}};
}
enum { VOCABULARY = 50, TEXTS = 3, LONGEST = 12 };

typedef struct twin {
    const char *group;
    bool training;
    leit_container *golden;
    leit_arena arena;
    leit_recipe recipe;
    leit_music_front front;
    leit_parameters parameters;
    leit_plan *plan;
    leit_text_input text;
    leit_value x, output, target, loss;
} twin;

static const char *place(twin *t, const char *kind, const char *name)
{
    return leit_arena_printf(&t->arena, "%s/%s/%s", t->group, kind, name);
}

/* Copies a dataset of f32, i16 or i32 into `data`, which has exactly this shape. */
static void read_exact(twin *t, const char *kind, const char *name, leit_dtype dtype, int rank,
                       const int64_t *shape, void *data)
{
    size_t bytes = leit_dtype_bytes(dtype);
    for (int axis = 0; axis < rank; axis++) bytes *= (size_t)shape[axis];
    assert_ok(
        leit_container_read(t->golden, place(t, kind, name), dtype, rank, shape, data, bytes));
}

static double largest(const double *values, int64_t count)
{
    double found = 0;
    for (int64_t i = 0; i < count; i++) found = fmax(found, fabs(values[i]));
    return found;
}

static double *load_f64(twin *t, const char *path, int64_t *count)
{
    leit_tensor about;
    double *values = NULL;
    assert_ok(leit_container_describe(t->golden, path, &about));
    assert_ok(
        leit_container_load(t->golden, path, LEIT_F64, about.rank, about.shape, (void **)&values));
    *count = leit_tensor_count(&about);
    return values;
}

/* 0 unless `path` is a bias with a vanished gradient: then what may be left of it. */
static double tolerance_of_cancelled(twin *t, const char *path, const double *values, int64_t count)
{
    const size_t length = strlen(path), leaf = strlen("bias");
    if (strstr(path, "/gradients/") == NULL || strcmp(path + length - leaf, "bias") != 0) return 0;
    int64_t n_weights = 0;
    const char *weight = leit_arena_printf(&t->arena, "%.*sweight", (int)(length - leaf), path);
    double *weights = load_f64(t, weight, &n_weights);
    const double size = largest(weights, n_weights);
    leit_free(weights);
    return largest(values, count) <= VANISHED * size ? CANCELLED * size : 0;
}

static void compare(twin *t, const char *kind, const char *name, const float *ours, int64_t count)
{
    const char *path = place(t, kind, name);
    int64_t expected_count = 0;
    double *expected = load_f64(t, path, &expected_count), error = 0;
    assert_int_equal(count, expected_count);
    assert_ok(leit_container_f64(t->golden, path, "error", &error));
    double tolerance = tolerance_of_cancelled(t, path, expected, count);
    if (tolerance == 0) tolerance = 2 * error + 4 * ROUNDING * largest(expected, count);
    double worst = 0;
    for (int64_t i = 0; i < count; i++) {
        const double difference = fabs((double)ours[i] - expected[i]);
        if (!(difference <= tolerance))
            fail_msg("%s[%lld] is %.9g, expected %.9g: off by %.3g, tolerance %.3g", path,
                     (long long)i, (double)ours[i], expected[i], difference, tolerance);
        worst = fmax(worst, difference);
    }
    if (getenv("LEIT_VERBOSE") != NULL)
        print_message("%-70s worst %.2g of %.2g\n", path, worst, tolerance);
    leit_free(expected);
}

/* ---- building ---- */

static void build_text(twin *t)
{
    t->text = leit_text_input_create(t->plan, TEXTS, TEXTS * LONGEST, LONGEST);
    t->output = leit_text_encoder(t->plan, &t->text, VOCABULARY, &t->recipe);
}

static void shape_of(twin *t, const char *name, leit_tensor *about)
{
    assert_ok(leit_container_describe(t->golden, place(t, "inputs", name), about));
}

static void build_music(twin *t)
{
    leit_tensor pcm;
    shape_of(t, "pcm", &pcm);
    assert_true(pcm.shape[1] >= leit_music_least_samples(&t->recipe));
    assert_ok(leit_music_front_open(&t->recipe, &leit_backend_cpu()->memory, &t->front));
    t->x = leit_plan_input(t->plan, "pcm", LEIT_I16, 2, pcm.shape);
    t->output = leit_music_encoder(t->plan, t->x, &t->front, &t->recipe);
}

static void build_head(twin *t)
{
    leit_tensor x, target;
    int64_t hidden = -1;
    double *bias = load_f64(
        t, place(t, "gradients", leit_arena_printf(&t->arena, "%s.fc1.bias", t->group)), &hidden);
    leit_free(bias);
    shape_of(t, "x", &x);
    shape_of(t, "target", &target);
    t->x = leit_plan_input(t->plan, "x", LEIT_F32, 2, x.shape);
    t->output = leit_layer_projection(t->plan, t->x, t->group, hidden, target.shape[1], 0.0F);
}

static void read_parameters(twin *t)
{
    int64_t n = 0;
    const char **names = NULL;
    const char *group = leit_arena_printf(&t->arena, "%s/parameters", t->group);
    assert_ok(leit_container_names(t->golden, group, &t->arena, &n, &names));
    assert_int_equal(n, t->parameters.count); /* each has its twin */
    for (size_t p = 0; p < t->parameters.count; p++) {
        const leit_parameter *one = &t->parameters.list[p];
        read_exact(t, "parameters", one->name, LEIT_F32, one->rank, one->shape, one->data);
    }
}

static void fill_inputs(twin *t)
{
    leit_tensor about;
    if (t->x != LEIT_NONE) {
        const bool is_music = strcmp(t->group, "music") == 0 && t->front.mel.tables != NULL;
        const char *name = is_music ? "pcm" : "x";
        shape_of(t, name, &about);
        read_exact(t, "inputs", name, about.dtype, 2, about.shape, leit_plan_data(t->plan, t->x));
    } else {
        int32_t lengths[TEXTS], ids[TEXTS * LONGEST], used = 0;
        leit_tokens texts[TEXTS];
        read_exact(t, "inputs", "lengths", LEIT_I32, 1, &(int64_t){TEXTS}, lengths);
        shape_of(t, "ids", &about);
        read_exact(t, "inputs", "ids", LEIT_I32, 1, about.shape, ids);
        for (int i = 0; i < TEXTS; i++) {
            texts[i] = (leit_tokens){.ids = ids + used, .count = lengths[i]};
            used += lengths[i];
        }
        assert_ok(leit_text_input_fill(t->plan, &t->text, texts, TEXTS));
    }
    if (t->training) {
        shape_of(t, "target", &about);
        read_exact(t, "inputs", "target", LEIT_F32, 2, about.shape,
                   leit_plan_data(t->plan, t->target));
    }
}

static void open_twin(twin *t, const char *file, const char *group, bool training,
                      leit_threads *threads, void (*build)(twin *))
{
    *t = (twin){.group = group, .training = training, .x = LEIT_NONE, .recipe = small_recipe()};
    char path[64];
    snprintf(path, sizeof path, "tests/golden/models/%s.h5", file);
    assert_ok(leit_container_open(leit_test_source(path), NULL, 0, &t->golden));
    const leit_plan_options options = {
        .backend = leit_backend_cpu(), .threads = threads, .training = training, .seed = 1};
    assert_ok(leit_plan_create(&options, &t->parameters, &t->plan));
    build(t);
    if (training) {
        leit_tensor about;
        shape_of(t, "target", &about);
        t->target = leit_plan_input(t->plan, "target", LEIT_F32, 2, about.shape);
        t->loss = leit_plan_mse(t->plan, t->output, t->target);
        leit_plan_loss(t->plan, t->loss, 1.0F);
    }
    leit_plan_keep(t->plan, t->output);
    assert_ok(leit_parameters_allocate(&t->parameters, 1, training));
    assert_ok(leit_plan_finish(t->plan));
    read_parameters(t);
    fill_inputs(t);
}

static void close_twin(twin *t)
{
    leit_plan_free(t->plan);
    leit_parameters_clear(&t->parameters);
    leit_music_front_close(&t->front);
    leit_container_close(t->golden);
    leit_arena_clear(&t->arena);
}

/* ---- judging ---- */

static void compare_output(twin *t)
{
    int64_t count = 0;
    const char *name = t->training ? "training" : "evaluation";
    leit_free(load_f64(t, place(t, "outputs", name), &count));
    compare(t, "outputs", name, leit_plan_data(t->plan, t->output), count);
}

static void compare_parameters(twin *t)
{
    for (size_t p = 0; p < t->parameters.count; p++) {
        const leit_parameter *one = &t->parameters.list[p];
        if (one->is_statistic)
            compare(t, "statistics", one->name, one->data, one->count);
        else
            compare(t, "gradients", one->name, one->gradient, one->count);
    }
}

static void judge(const char *file, const char *group, leit_threads *threads, void (*build)(twin *))
{
    twin t;
    open_twin(&t, file, group, false, threads, build);
    assert_ok(leit_plan_forward(t.plan));
    compare_output(&t);
    close_twin(&t);

    open_twin(&t, file, group, true, threads, build);
    assert_ok(leit_plan_forward(t.plan));
    compare_output(&t);
    compare(&t, "outputs", "loss", &(float){(float)leit_plan_loss_value(t.plan)}, 1);
    assert_ok(leit_parameters_zero_gradients(&t.parameters));
    assert_ok(leit_plan_backward(t.plan, 1.0F));
    compare_parameters(&t);
    close_twin(&t);
}

static void judge_with_threads(const char *file, const char *group, void (*build)(twin *))
{
    judge(file, group, NULL, build);
    leit_threads *threads = NULL;
    assert_ok(leit_threads_create(3, &threads));
    judge(file, group, threads, build);
    leit_threads_free(threads);
}

static void text_encoder(void **state)
{
    (void)state;
    judge_with_threads("text", "text", build_text);
}

static void music_encoder(void **state)
{
    (void)state;
    judge_with_threads("music", "music", build_music);
}

static void head_and_tag_encoder(void **state)
{
    (void)state;
    judge_with_threads("head", "music", build_head);
    judge_with_threads("head", "tag", build_head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(text_encoder),
                                       cmocka_unit_test(music_encoder),
                                       cmocka_unit_test(head_and_tag_encoder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Batches that a device draws: after each batch the inputs of a step lie in the device's memory as
 * leit_step_fill leaves them in the program's, to the byte, through several epochs and after a seek;
 * and nothing passes the bus but the orders of new epochs. For the program's tests and the emulator's. */
#ifndef LEIT_TESTS_BATCH_SOURCE_CHECK_H
#define LEIT_TESTS_BATCH_SOURCE_CHECK_H

#include "train/batch_source.h"

#include <string.h>

#include "plan/plan_internal.h"
#include "strategy/matcher.h"
#include "support/testing.h"
#include "support/toy.h"

/* 45 texts and 21 clips train, in batches of 8. */
enum { BATCHES = 13, AGAIN = 4 };

/* A step on a backend of its own, with its own sampler. */
typedef struct side {
    leit_matcher *matcher;
    leit_step step;
    leit_sampler *sampler;
} side;

static const leit_backend *drawing;
static int n_writes;

static leit_status count_write(void *to, const void *from, size_t bytes, void *stream)
{
    n_writes++;
    return drawing->memory.write(to, from, bytes, stream);
}

static void open_side(side *s, const leit_backend *backend, const leit_recipe *recipe,
                      const leit_dataset *data, int phase)
{
    const leit_mood_names names = leit_mood_names_of(data);
    const leit_plan_options options = {
        .backend = backend, .training = true, .seed = (uint64_t)recipe->seed};
    assert_ok(leit_matcher_create(recipe, &names, backend, NULL, &s->matcher));
    assert_ok(leit_step_create(s->matcher->strategy, &s->matcher->strategy->phases[phase],
                               &s->matcher->space, data, &s->matcher->front, &options,
                               &s->matcher->parameters, &s->step));
    assert_ok(leit_matcher_allocate(s->matcher, true));
    assert_ok(leit_plan_finish(s->step.plan));
    assert_ok(leit_sampler_create(data, s->step.phase->sampling, s->step.whole, 0, 5, &s->sampler));
}

static void close_side(side *s)
{
    leit_sampler_free(s->sampler);
    leit_step_clear(&s->step);
    leit_matcher_free(s->matcher);
}

static void expect_same_inputs(const side *host, const side *device)
{
    const leit_mirror *own = &host->step.plan->inputs, *drawn = &device->step.plan->inputs;
    assert_ok(leit_mirror_download(drawn));
    assert_int_equal(own->bytes, drawn->bytes);
    assert_memory_equal(own->host, drawn->host, own->bytes);
}

static void fill_host(side *host, const leit_dataset *data, int64_t number)
{
    const leit_batch *batch = NULL;
    assert_ok(leit_sampler_batch(host->sampler, number, &batch));
    assert_ok(leit_step_fill(&host->step, data, batch));
    assert_ok(leit_plan_begin(host->step.plan, 1.0f));
}

/* Returns how often something was passed. */
static int draw(leit_batch_source *source, int64_t number)
{
    n_writes = 0;
    assert_ok(leit_batch_source_prepare(source, number));
    assert_ok(leit_batch_source_enqueue(source));
    return n_writes;
}

/* Through BATCHES batches of a phase on that backend, for which something passed expected_writes times. */
static void draws_what_the_program_fills(const leit_backend *on, const char *strategy, int phase,
                                         int expected_writes)
{
    static const char *const overrides[] = {"train.weight_decay_exclude=[]", NULL};
    leit_backend backend = *on;
    leit_recipe *recipe = leit_toy_recipe(leit_test_directory(), strategy, overrides);
    leit_dataset data;
    leit_batch_source source;
    side host, device;
    drawing = on;
    backend.memory.write = count_write;
    assert_ok(leit_dataset_open(recipe, &data));
    open_side(&host, leit_backend_cpu(), recipe, &data, phase);
    open_side(&device, &backend, recipe, &data, phase);
    assert_ok(leit_batch_source_open(&backend, &device.step, &data, device.sampler, &source));
    leit_step_fill_constants(&device.step, &data);
    assert_ok(leit_plan_begin(device.step.plan, 1.0f));
    assert_ok(leit_batch_source_seek(&source, 0));
    int writes = 0;
    for (int64_t number = 0; number < BATCHES; number++) {
        fill_host(&host, &data, number);
        writes += draw(&source, number);
        expect_same_inputs(&host, &device);
    }
    assert_int_equal(writes, expected_writes);
    fill_host(&host, &data, AGAIN);
    assert_ok(leit_batch_source_seek(&source, AGAIN));
    draw(&source, AGAIN);
    expect_same_inputs(&host, &device);
    leit_batch_source_close(&source);
    close_side(&device);
    close_side(&host);
    leit_dataset_close(&data);
    leit_recipe_free(recipe);
}

static void draws_pairs(const leit_backend *backend)
{
    draws_what_the_program_fills(backend, "metric2", 0, 0);
    draws_what_the_program_fills(backend, "metric3", 0, 0);
}

/* Epochs of texts begin in batches 0, 6 and 12, of clips in 0, 3, 6, 9 and 12. */
static void draws_epochs(const leit_backend *backend)
{
    static const char *const strategies[] = {"classification", "va_regression", "w2v_regression"};
    for (int i = 0; i < 3; i++) {
        draws_what_the_program_fills(backend, strategies[i], 0, 3);
        draws_what_the_program_fills(backend, strategies[i], 1, 5);
    }
    draws_what_the_program_fills(backend, "tagging", 0, 5);
}

/* Texts begin anew in batches 0, 5 and 11, clips in 0, 2, 5, 7 and 10: each time both pass. */
static void draws_both(const leit_backend *backend)
{
    draws_what_the_program_fills(backend, "multihead", 0, 12);
}

static int write_batch_corpora(void **state)
{
    (void)state;
    const leit_toy_options options = {
        .n_texts_per_label = 13, .n_clips_per_label = 5, .n_samples = 9600};
    leit_toy_write(leit_test_directory(), &options);
    return 0;
}

#endif

/* Training of every strategy on the CUDA backend, emulated, against the CPU: towers, losses, backward
 * and Adam, with parameters, inputs and moments on the device, and validation too.
 *
 * Both are fp32 programs that sum in different orders and start alike; after the first step the
 * losses may part by rounding that training amplifies, so two steps are compared, to 1e-4. */
#include <math.h>
#include <stdio.h>

#include "cuda_on_cpu/emulator.h"
#include "support/testing.h"
#include "support/toy.h"
#include "train/trainer.h"

enum { STEPS = 2 };

static double last_loss(const leit_backend *backend, const char *strategy)
{
    char directory[1300];
    snprintf(directory, sizeof directory, "run.directory=%s/%s-%s", leit_test_directory(), strategy,
             backend->name);
    const char *const words[] = {
        directory,        "model.text.layers=1", "model.music.channels=2", "train.batch=4",
        "train.epochs=1", "train.max_steps=2",   "data.eval_crops=1",      NULL};
    leit_recipe *recipe = leit_toy_recipe(leit_test_directory(), strategy, words);
    leit_train_summary summary;
    assert_ok(leit_train_on(backend, recipe, &summary));
    assert_true(summary.n_steps >= STEPS);
    leit_recipe_free(recipe);
    return summary.last_loss;
}

static void trains_as_on_the_cpu(void **state)
{
    const char *strategy = *state;
    const double expected = last_loss(leit_backend_cpu(), strategy);
    leit_emulator_schedule(LEIT_EMULATOR_REVERSE, 1);
    const double loss = last_loss(leit_backend_cuda(), strategy);
    if (!(fabs(loss - expected) <= 1e-4 * fabs(expected)))
        fail_msg("%s: the loss is %.9g, on the CPU %.9g", strategy, loss, expected);
}

static int write_corpora(void **state)
{
    (void)state;
    const leit_toy_options options = {
        .n_texts_per_label = 5, .n_clips_per_label = 5, .n_samples = LEIT_TOY_CROP};
    leit_toy_write(leit_test_directory(), &options);
    return 0;
}

#define TRAINS(strategy)                                                                           \
    {                                                                                              \
        .name = #strategy, .test_func = trains_as_on_the_cpu,                                      \
        .initial_state = (void *)(uintptr_t) #strategy                                             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAINS(classification), TRAINS(multihead), TRAINS(va_regression), TRAINS(w2v_regression),
        TRAINS(metric2),        TRAINS(metric3),   TRAINS(tagging),
    };
    return cmocka_run_group_tests(tests, write_corpora, NULL);
}

/* Training of every strategy on the CUDA backend, emulated, against the CPU: towers, losses, backward
 * and Adam, with parameters, inputs and moments on the device, and validation too.
 *
 * Both are fp32 programs that sum in different orders and start alike; after the first step the
 * losses may part by rounding that training amplifies, so two steps are compared, to 1e-4. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/file.h"
#include "cuda_on_cpu/emulator.h"
#include "support/same_runs.h"
#include "support/testing.h"
#include "support/toy.h"
#include "train/trainer.h"

enum { STEPS = 2, RECORDED_STEPS = 4 };

static const leit_backend *cuda(void)
{
    return leit_backend_cuda(LEIT_KERNELS_FAST, LEIT_PRECISION_FP32);
}

/* In so many shards, which share the statistics of BatchNorm. */
static double last_loss(const leit_backend *backend, const char *strategy, int n_steps,
                        int n_shards, const char *run)
{
    char directory[1300], max_steps[32], shards[32];
    snprintf(shards, sizeof shards, "run.shards=%d", n_shards);
    snprintf(directory, sizeof directory, "run.directory=%s", leit_test_scratch(run));
    snprintf(max_steps, sizeof max_steps, "train.max_steps=%d", n_steps);
    const char *const words[] = {directory,
                                 "model.text.layers=1",
                                 "model.music.channels=2",
                                 "train.batch=4",
                                 "train.epochs=2",
                                 max_steps,
                                 shards,
                                 "train.sync_batchnorm=true",
                                 "data.eval_crops=1",
                                 NULL};
    leit_recipe *recipe = leit_toy_recipe(leit_test_directory(), strategy, words);
    leit_train_summary summary;
    assert_ok(leit_train_on(backend, recipe, &summary));
    assert_true(summary.n_steps >= n_steps);
    leit_recipe_free(recipe);
    return summary.last_loss;
}

static void expect_loss_of_the_cpu(const char *strategy, int n_shards)
{
    const double expected = last_loss(leit_backend_cpu(), strategy, STEPS, 1, "cpu");
    leit_emulator_schedule(LEIT_EMULATOR_REVERSE, 1);
    const double loss = last_loss(cuda(), strategy, STEPS, n_shards, "cuda");
    assert_ok(leit_file_remove(leit_test_scratch("cpu")));
    assert_ok(leit_file_remove(leit_test_scratch("cuda")));
    if (!(fabs(loss - expected) <= 1e-4 * fabs(expected)))
        fail_msg("%s in %d shards: the loss is %.9g, on the CPU %.9g", strategy, n_shards, loss,
                 expected);
}

static void trains_as_on_the_cpu(void **state)
{
    expect_loss_of_the_cpu(*state, 1);
}

/* Two shards that share the statistics of BatchNorm are the whole batch that the CPU takes. */
static void synchronises_batchnorm(void **state)
{
    (void)state;
    expect_loss_of_the_cpu("multihead", 2);
}

/* cuBLASLt and cuDNN: stand-ins, where their headers are. */
static void the_libraries_train(void **state)
{
    (void)state;
    if (getenv("LEITMOTIF_CUBLASLT") == NULL) skip();
    const leit_backend *libraries = leit_backend_cuda(LEIT_KERNELS_CUDNN, LEIT_PRECISION_FP32);
    const double expected = last_loss(leit_backend_cpu(), "metric3", STEPS, 1, "cpu");
    leit_emulator_schedule(LEIT_EMULATOR_FORWARD, 0);
    const double loss = last_loss(libraries, "metric3", STEPS, 1, "cuda");
    assert_true(fabs(loss - expected) <= 1e-4 * fabs(expected));
}

static const leit_recorder *recorder;
static int64_t most_nodes;

static leit_status launch(const leit_recording *recording, void *stream)
{
    const int64_t n = recorder->n_nodes(recording);
    if (n > most_nodes) most_nodes = n;
    return recorder->launch(recording, stream);
}

/* Texts of other lengths, other clips, another step of the draws and of Adam: all of it lies in memory,
 * and nothing in the launches. */
static void a_recorded_step_is_good_for_all(void **state)
{
    (void)state;
    leit_backend backend = *cuda();
    recorder = backend.recorder;
    backend.recorder = NULL;
    leit_emulator_schedule(LEIT_EMULATOR_FORWARD, 0);
    last_loss(&backend, "metric3", RECORDED_STEPS, 1, "launched");
    leit_recorder counting = *recorder;
    counting.launch = launch;
    backend.recorder = &counting;
    last_loss(&backend, "metric3", RECORDED_STEPS, 1, "recorded");
    leit_test_same_run("launched", "recorded");
    print_message("metric3 with one text layer: %lld launches in a recorded step\n",
                  (long long)most_nodes);
    assert_true(most_nodes > 0);
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
        TRAINS(classification),
        TRAINS(multihead),
        TRAINS(va_regression),
        TRAINS(w2v_regression),
        TRAINS(metric2),
        TRAINS(metric3),
        TRAINS(tagging),
        cmocka_unit_test(synchronises_batchnorm),
        cmocka_unit_test(the_libraries_train),
        cmocka_unit_test(a_recorded_step_is_good_for_all),
    };
    return cmocka_run_group_tests(tests, write_corpora, NULL);
}

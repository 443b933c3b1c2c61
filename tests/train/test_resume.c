/* Whatever ends a run, going on from its folder gives what a run that never stopped gives: the same
 * bits in every tensor, the same bytes in metrics.jsonl and the same scalars in the events. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/stop.h"
#include "cuda/cuda_loader.h"
#include "leitmotif/log.h"
#include "leitmotif/train.h"
#include "support/same_runs.h"
#include "support/testing.h"
#include "support/toy.h"

/* A recipe that runs into scratch/<run>, with up to three more overrides. */
static leit_recipe *recipe_of(const char *strategy, const char *run, const char *const *more)
{
    char directory[1300];
    const char *overrides[6] = {directory, "model.text.layers=1"};
    snprintf(directory, sizeof directory, "run.directory=%s", leit_test_scratch(run));
    for (int i = 0; more != NULL && i < 3 && more[i] != NULL; i++) overrides[i + 2] = more[i];
    return leit_toy_recipe(leit_test_directory(), strategy, overrides);
}

/* Epochs have two (text) or three steps: this ends in the second one. */
static const char *const SHORT[] = {"train.max_steps=4", NULL};

static leit_status train(const char *strategy, const char *run, const char *const *more,
                         leit_train_summary *summary)
{
    leit_recipe *recipe = recipe_of(strategy, run, more);
    leit_status status = leit_train(recipe, summary);
    leit_recipe_free(recipe);
    return status;
}

/* ---- stopped ---- */

/* Stopped after every single step and started again. */
static void stop_at_every_step(const char *strategy)
{
    char straight[40], stopped[40];
    leit_train_summary summary;
    snprintf(straight, sizeof straight, "straight_%s", strategy);
    snprintf(stopped, sizeof stopped, "stopped_%s", strategy);
    assert_ok(train(strategy, straight, SHORT, &summary));
    assert_int_equal(summary.was_complete, 0);
    const int64_t n_steps = summary.n_steps;
    int64_t n_stops = 0;
    leit_request_stop();
    for (leit_status status = LEIT_AGAIN; status == LEIT_AGAIN; n_stops++) {
        status = train(strategy, stopped, SHORT, &summary);
        if (status == LEIT_AGAIN)
            assert_non_null(strstr(leit_error_message(), "stopped after step"));
        else
            assert_ok(status);
    }
    leit_stop_set(false);
    assert_int_equal(n_stops - 1, n_steps);
    leit_test_same_run(straight, stopped);
    assert_ok(train(strategy, stopped, SHORT, &summary));
    assert_int_equal(summary.was_complete, 1);
    assert_int_equal(summary.n_steps, 0);
}

static void test_stopped_classification(void **state)
{
    (void)state;
    stop_at_every_step("classification");
}

static void test_stopped_multihead(void **state)
{
    (void)state;
    stop_at_every_step("multihead");
}

static void test_stopped_regressions(void **state)
{
    (void)state;
    stop_at_every_step("va_regression");
    stop_at_every_step("w2v_regression");
}

static void test_stopped_metrics(void **state)
{
    (void)state;
    stop_at_every_step("metric2");
    stop_at_every_step("metric3");
}

static void test_stopped_tagging(void **state)
{
    (void)state;
    stop_at_every_step("tagging");
}

/* ---- killed ---- */

/* Dies in the middle of talking about the first validation. */
static void die_at_validation(void *context, leit_log_level level, const char *message)
{
    (void)context;
    if (level == LEIT_LOG_INFO && strstr(message, "epoch 1:") != NULL) kill(getpid(), SIGKILL);
}

/* Killed some steps behind the last save (2 of 3 steps): those steps are done again, and their
 * lines in metrics.jsonl are cut off. */
static void test_killed(void **state)
{
    (void)state;
    static const char *const saving[] = {"run.checkpoint_every_steps=2", "train.schedule=cosine",
                                         NULL};
    assert_ok(train("multihead", "whole", saving, NULL));
    const pid_t child = fork();
    if (child == 0) {
        leit_log_set_sink(die_at_validation, NULL);
        train("multihead", "killed", saving, NULL);
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    assert_true(leit_file_exists(leit_test_scratch("killed/checkpoints/step-0-000000002")));
    leit_train_summary summary;
    assert_ok(train("multihead", "killed", saving, &summary));
    assert_int_equal(summary.n_steps, 4); /* 6 but for the 2 that were saved */
    leit_test_same_run("whole", "killed");
}

static void test_full_disk(void **state)
{
    (void)state;
    leit_request_stop();
    assert_int_equal(train("multihead", "full", SHORT, NULL), LEIT_AGAIN);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {.rlim_cur = 20000, .rlim_max = 20000};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        const leit_status status = train("multihead", "full", SHORT, NULL);
        _exit(status == LEIT_CHECKPOINT && leit_error_message()[0] != '\0' ? 7 : 1);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 7);
    assert_ok(leit_checkpoint_verify(leit_test_scratch("full/checkpoints/latest")));
    assert_true(leit_file_exists(leit_test_scratch("full/checkpoints/step-0-000000001")));
    assert_false(leit_file_exists(leit_test_scratch("full/checkpoints/step-0-000000002")));
    leit_stop_set(false);
    assert_ok(train("multihead", "full", SHORT, NULL));
    leit_test_same_run("straight_multihead", "full");
}

/* Stops a run after each of its first three steps: the last two are kept. */
static void stop_three_times(const char *run)
{
    leit_request_stop();
    for (int i = 0; i < 3; i++) assert_int_equal(train("multihead", run, SHORT, NULL), LEIT_AGAIN);
    leit_stop_set(false);
}

/* The newest checkpoint that is whole will do: the steps after it are taken again. */
static void test_goes_on_without_latest(void **state)
{
    (void)state;
    leit_train_summary summary;
    stop_three_times("gone");
    assert_ok(leit_file_remove(leit_test_scratch("gone/checkpoints/step-0-000000003")));
    assert_ok(train("multihead", "gone", SHORT, &summary));
    assert_int_equal(summary.n_steps, 2); /* 4 but for 2 */
    leit_test_same_run("straight_multihead", "gone");

    stop_three_times("torn");
    assert_int_equal(
        truncate(leit_test_scratch("torn/checkpoints/step-0-000000003/tensors.h5"), 5000), 0);
    assert_ok(train("multihead", "torn", SHORT, &summary));
    assert_int_equal(summary.n_steps, 2);
    leit_test_same_run("straight_multihead", "torn");
}

static void test_nothing_whole_is_no_start(void **state)
{
    (void)state;
    stop_three_times("lost");
    assert_ok(leit_file_remove(leit_test_scratch("lost/checkpoints/step-0-000000002")));
    assert_int_equal(
        truncate(leit_test_scratch("lost/checkpoints/step-0-000000003/tensors.h5"), 5000), 0);
    assert_fails(train("multihead", "lost", SHORT, NULL), LEIT_CHECKPOINT, "run.resume=never");
}

/* ---- whose folder is it ---- */

static void test_another_recipe_is_refused(void **state)
{
    (void)state;
    static const char *const other[] = {"train.weight_decay=1e-3", NULL};
    static const char *const longer[] = {"train.epochs=3", "run.threads=2", NULL};
    static const char *const unread[] = {"model.head.text_hidden=48", NULL}; /* by multihead */
    assert_ok(train("multihead", "mine", NULL, NULL));
    assert_ok(train("multihead", "mine", unread, NULL));
    assert_fails(train("multihead", "mine", other, NULL), LEIT_USAGE,
                 "train.weight_decay: 0.0001 -> 0.001");
    assert_fails(train("metric2", "mine", NULL, NULL), LEIT_USAGE,
                 "strategy: multihead -> metric2");
    leit_train_summary summary;
    assert_ok(train("multihead", "mine", longer, &summary)); /* complete is complete */
    assert_int_equal(summary.was_complete, 1);
}

/* `never` starts anew: nothing of the run before is left to be taken for the new one's. */
static void test_never_starts_anew(void **state)
{
    (void)state;
    static const char *const never[] = {"run.resume=never", "seed=8", NULL};
    static const char *const same_seed[] = {"seed=8", NULL};
    assert_ok(train("multihead", "anew", NULL, NULL));
    leit_request_stop();
    assert_int_equal(train("multihead", "anew", never, NULL), LEIT_AGAIN);
    assert_false(leit_file_exists(leit_test_scratch("anew/checkpoints/best")));
    assert_false(leit_file_exists(leit_test_scratch("anew/checkpoints/step-0-000000006")));
    assert_true(leit_file_exists(leit_test_scratch("anew/checkpoints/step-0-000000001")));
    leit_stop_set(false);
    assert_ok(train("multihead", "anew", same_seed, NULL));
    assert_ok(train("multihead", "other_seed", same_seed, NULL));
    leit_test_same_run("other_seed", "anew");
}

/* ---- threads, accumulation ---- */

static void test_threads_give_the_same_bits(void **state)
{
    (void)state;
    static const char *const two[] = {"run.threads=2", "train.max_steps=4", NULL};
    assert_ok(train("metric3", "two_threads", two, NULL));
    leit_test_same_run("straight_metric3", "two_threads");
}

static void test_accumulation(void **state)
{
    (void)state;
    static const char *const halves[] = {"train.accumulate=2", "train.batch=4", NULL};
    leit_train_summary summary;
    assert_ok(train("multihead", "halves", halves, &summary));
    assert_int_equal(summary.n_steps, 6); /* 6 batches of 4 an epoch, 2 to a step */
    leit_request_stop();
    assert_int_equal(train("multihead", "halves_stopped", halves, NULL), LEIT_AGAIN);
    leit_stop_set(false);
    assert_ok(train("multihead", "halves_stopped", halves, NULL));
    leit_test_same_run("halves", "halves_stopped");
    static const char *const quarters[] = {"train.accumulate=4", "train.batch=4", NULL};
    assert_ok(train("multihead", "quarters", quarters, &summary));
    assert_int_equal(summary.n_steps, 3); /* two passes over 6 batches, 4 to a step */
}

/* ---- ends ---- */

/* What this build cannot do is said before anything is made. */
static void test_what_the_cpu_cannot_do_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *override;
        leit_status status;
        const char *fragment;
    } asked[] = {
        {"run.precision=bf16", LEIT_DEVICE,
         "run.precision is bf16, and the CPU computes in fp32: "},
        {"run.precision=tf32", LEIT_DEVICE,
         "run.precision is tf32, and the CPU computes in fp32: "},
        {"run.device=cuda", LEIT_DEVICE, "run.device is cuda: "},
        {"train.accumulate=1000", LEIT_USAGE, "train.accumulate is 1000, and all epochs of phase"},
    };
    setenv(LEIT_CUDA_PLUGIN_VARIABLE, "/nowhere/" LEIT_CUDA_PLUGIN_FILE, 1); /* beside a GPU too */
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const char *const more[] = {asked[i].override, "run.device=auto", NULL};
        const char *const device[] = {asked[i].override, NULL};
        const bool is_device = strstr(asked[i].override, "device") != NULL;
        assert_fails(train("multihead", "asked", is_device ? device : more, NULL), asked[i].status,
                     asked[i].fragment);
    }
    unsetenv(LEIT_CUDA_PLUGIN_VARIABLE);
    assert_false(leit_file_exists(leit_test_scratch("asked")));
}

static void test_early_stop(void **state)
{
    (void)state;
    static const char *const patient[] = {"train.early_stop_epochs=2", "train.epochs=50",
                                          "train.learning_rate=1e-30", NULL};
    leit_train_summary summary;
    assert_ok(train("multihead", "early", patient, &summary));
    /* nothing learns, but running statistics move: the figure may improve for some epochs */
    assert_true(summary.n_steps < 50 * 3 && summary.n_steps >= 3 * 3);
    assert_int_equal(summary.n_steps % 3, 0);
    assert_true(leit_file_exists(leit_test_scratch("early/checkpoints/best")));
}

/* Validation selects the best epoch, so there must be some. */
static void test_no_validation_is_refused(void **state)
{
    (void)state;
    leit_text_corpus *corpus = NULL;
    assert_ok(leit_text_corpus_open(leit_test_scratch("text.h5"), &corpus));
    leit_text_corpus trained = *corpus;
    uint8_t *split = leit_allocate((size_t)corpus->n_texts, 1);
    memset(split, LEIT_SPLIT_TRAIN, (size_t)corpus->n_texts);
    trained.split = split;
    assert_ok(leit_text_corpus_write(&trained, leit_test_scratch("all_train.h5")));
    leit_text_corpus_close(corpus);
    leit_free(split);
    char text[1300];
    snprintf(text, sizeof text, "data.text=%s", leit_test_scratch("all_train.h5"));
    assert_fails(train("classification", "blind", (const char *const[]){text, NULL}, NULL),
                 LEIT_DATA, "has nothing in its validation split");
}

static void write_loud_tags(void)
{
    leit_tag_corpus *tags = NULL;
    assert_ok(leit_tag_corpus_open(leit_test_scratch("tags.h5"), &tags));
    leit_tag_corpus loud = *tags;
    float *vectors = leit_allocate((size_t)(tags->n_tags * tags->vector_width), sizeof *vectors);
    for (int64_t i = 0; i < tags->n_tags * tags->vector_width; i++) vectors[i] = 1e18f;
    for (int64_t i = 0; i < tags->vector_width; i++) vectors[i] = 3e38f;
    loud.vectors = vectors;
    assert_ok(leit_tag_corpus_write(&loud, leit_test_scratch("loud.h5")));
    leit_tag_corpus_close(tags);
    assert_int_equal(rename(leit_test_scratch("tags.h5"), leit_test_scratch("quiet.h5")), 0);
    assert_int_equal(rename(leit_test_scratch("loud.h5"), leit_test_scratch("tags.h5")), 0);
    leit_free(vectors);
}

/* Word vectors so long that their squares overflow, under a run that was well. */
static void test_not_finite(void **state)
{
    (void)state;
    leit_request_stop();
    assert_int_equal(train("w2v_regression", "loud", SHORT, NULL), LEIT_AGAIN);
    leit_stop_set(false);
    write_loud_tags();
    const leit_status status = train("w2v_regression", "loud", SHORT, NULL);
    assert_int_equal(rename(leit_test_scratch("quiet.h5"), leit_test_scratch("tags.h5")), 0);
    assert_fails(status, LEIT_NUMERICAL, "phase text, step 2: text.fc2.mse.rows is not finite");
    assert_ok(leit_checkpoint_verify(leit_test_scratch("loud/checkpoints/latest")));
    assert_true(leit_file_exists(leit_test_scratch("loud/checkpoints/step-0-000000001")));
    assert_false(leit_file_exists(leit_test_scratch("loud/checkpoints/step-0-000000002")));
    assert_ok(train("w2v_regression", "loud", SHORT, NULL)); /* well again */
    leit_test_same_run("straight_w2v_regression", "loud");
}

static void test_unknown_exclusion_is_refused(void **state)
{
    (void)state;
    static const char *const unknown[] = {"train.weight_decay_exclude=[word_embeding]", NULL};
    assert_fails(train("multihead", "unknown", unknown, NULL), LEIT_USAGE,
                 "no parameter's name contains 'word_embeding'");
}

/* ---- one music tower for many text corpora ---- */

static void test_reuse(void **state)
{
    (void)state;
    char reuse[1300], text[1300], line[400];
    const char *const more[] = {reuse, text, NULL};
    snprintf(reuse, sizeof reuse, "train.reuse=%s", leit_test_scratch("straight_classification"));
    snprintf(text, sizeof text, "data.text=%s", leit_test_scratch("text2.h5"));
    assert_int_equal(link(leit_test_scratch("text.h5"), leit_test_scratch("text2.h5")), 0);
    leit_train_summary summary, donor;
    assert_ok(train("classification", "straight_classification", SHORT, &donor));
    assert_int_equal(donor.was_complete, 1);
    assert_ok(train("classification", "reusing", more, &summary));
    assert_int_equal(summary.n_steps, 4); /* text alone */
    /* The tower that was taken over is validated, and is as good as it was. */
    assert_true(summary.best_value == donor.best_value);
    FILE *metrics = fopen(leit_test_scratch("reusing/metrics.jsonl"), "r");
    assert_non_null(metrics);
    while (fgets(line, sizeof line, metrics) != NULL)
        assert_true(strstr(line, "\"loss\"") == NULL ||
                    strstr(line, "\"phase\": \"text\"") != NULL);
    fclose(metrics);
    const char *const runs[] = {leit_test_scratch("straight_classification/checkpoints/best"),
                                leit_test_scratch("reusing/checkpoints/best")};
    assert_true(leit_test_same_tensors(runs[0], runs[1], "music.") > 30);
}

/* A tower with other settings is refused, before anything is trained. */
static void test_reuse_of_another_tower_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *override, *fragment;
    } others[] = {
        {"model.music.channels=1", "(model.music.channels: 2 -> 1)"},
        {"data.crop_samples=9300", "(data.crop_samples: 9216 -> 9300)"},
        {"mel.hop_length=31", "(mel.hop_length: 32 -> 31)"},
        {"augment.time_mask=0.1", "(augment.time_mask: 0 -> 0.1)"},
        {"model.head.music_hidden=9", "(model.head.music_hidden: 8 -> 9)"},
        {"loss.music_focal_gamma=1", "(loss.music_focal_gamma: 2 -> 1)"},
        {"model.text.heads=4", "(model.text.heads: 2 -> 4)"},
        {"model.head.text_hidden=9", "(model.head.text_hidden: 8 -> 9)"},
    };
    char reuse[1300];
    snprintf(reuse, sizeof reuse, "train.reuse=%s", leit_test_scratch("straight_classification"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const char *const more[] = {reuse, others[i].override, NULL};
        assert_fails(train("classification", "refused", more, NULL), LEIT_USAGE,
                     others[i].fragment);
    }
    assert_false(leit_file_exists(leit_test_scratch("refused/metrics.jsonl")));
}

/* A run that has nothing to give was named by mistake. */
static void test_reuse_of_nothing_is_refused(void **state)
{
    (void)state;
    char reuse[1300], text[1300];
    snprintf(reuse, sizeof reuse, "train.reuse=%s", leit_test_scratch("straight_classification"));
    snprintf(text, sizeof text, "data.text=%s", leit_test_scratch("other_text.h5"));
    assert_fails(train("va_regression", "idle", (const char *const[]){reuse, NULL}, NULL),
                 LEIT_USAGE, "it is a classification run on");
    assert_fails(train("metric2", "idle", (const char *const[]){reuse, NULL}, NULL), LEIT_USAGE,
                 "has no tower for this recipe");
    leit_buffer copy = {0};
    assert_ok(leit_file_read(leit_test_scratch("text.h5"), 1 << 20, &copy));
    assert_ok(leit_file_write(leit_test_scratch("other_text.h5"), copy.data, copy.size_bytes));
    leit_buffer_clear(&copy);
    assert_fails(train("classification", "idle",
                       (const char *const[]){reuse, text, "model.text.frozen=true", NULL}, NULL),
                 LEIT_USAGE, "model.text.frozen is true and train.reuse");
    assert_false(leit_file_exists(leit_test_scratch("idle/metrics.jsonl")));
}

/* Of a run that still trains nothing is taken: its towers may be as random as at its start. */
static void test_an_unfinished_run_gives_nothing(void **state)
{
    (void)state;
    char reuse[1300], weights[1300];
    leit_request_stop();
    assert_int_equal(train("classification", "unfinished", SHORT, NULL), LEIT_AGAIN);
    leit_stop_set(false);
    snprintf(reuse, sizeof reuse, "train.reuse=%s", leit_test_scratch("unfinished"));
    snprintf(weights, sizeof weights, "model.music.weights=%s", leit_test_scratch("unfinished"));
    assert_fails(train("classification", "hasty", (const char *const[]){reuse, NULL}, NULL),
                 LEIT_USAGE, "unfinished is not finished");
    assert_fails(train("metric2", "hasty", (const char *const[]){weights, NULL}, NULL), LEIT_USAGE,
                 "model.music.weights (train that run first");
    assert_false(leit_file_exists(leit_test_scratch("hasty/metrics.jsonl")));
}

/* A run that has begun needs the weights it began with no more. */
static void test_resumes_without_its_weights(void **state)
{
    (void)state;
    char weights[1300];
    const char *const more[] = {weights, "train.max_steps=2", NULL};
    snprintf(weights, sizeof weights, "model.music.weights=%s",
             leit_test_scratch("straight_classification"));
    leit_request_stop();
    assert_int_equal(train("metric2", "borrowing", more, NULL), LEIT_AGAIN);
    leit_stop_set(false);
    char home[1300], away[1300];
    snprintf(home, sizeof home, "%s", leit_test_scratch("straight_classification"));
    snprintf(away, sizeof away, "%s", leit_test_scratch("moved_away"));
    assert_int_equal(rename(home, away), 0);
    leit_status status = train("metric2", "borrowing", more, NULL);
    assert_int_equal(rename(away, home), 0);
    assert_ok(status);
}

/* The music encoder of a tagging run begins another strategy's run, heads aside. */
static void test_tagging_pretrains(void **state)
{
    (void)state;
    char weights[1300];
    const char *const more[] = {weights, "model.music.frozen=true", "train.max_steps=1", NULL};
    snprintf(weights, sizeof weights, "model.music.weights=%s",
             leit_test_scratch("straight_tagging"));
    assert_ok(train("va_regression", "pretrained", more, NULL));
    const char *const runs[] = {leit_test_scratch("straight_tagging/checkpoints/best"),
                                leit_test_scratch("pretrained/checkpoints/best")};
    for (int layer = 1; layer <= 7; layer++) { /* running statistics go on, frozen or not */
        char prefix[32];
        snprintf(prefix, sizeof prefix, "music.layer%d.conv", layer);
        assert_true(leit_test_same_tensors(runs[0], runs[1], prefix) >= 2);
    }
}

static int write_corpora(void **state)
{
    (void)state;
    const leit_toy_options options = {
        .n_texts_per_label = 5, .n_clips_per_label = 5, .n_samples = 12000};
    leit_toy_write(leit_test_directory(), &options);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_classification),
        cmocka_unit_test(test_stopped_multihead),
        cmocka_unit_test(test_stopped_regressions),
        cmocka_unit_test(test_stopped_metrics),
        cmocka_unit_test(test_stopped_tagging),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_goes_on_without_latest),
        cmocka_unit_test(test_nothing_whole_is_no_start),
        cmocka_unit_test(test_another_recipe_is_refused),
        cmocka_unit_test(test_never_starts_anew),
        cmocka_unit_test(test_threads_give_the_same_bits),
        cmocka_unit_test(test_accumulation),
        cmocka_unit_test(test_what_the_cpu_cannot_do_is_refused),
        cmocka_unit_test(test_early_stop),
        cmocka_unit_test(test_no_validation_is_refused),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_unknown_exclusion_is_refused),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_reuse_of_another_tower_is_refused),
        cmocka_unit_test(test_reuse_of_nothing_is_refused),
        cmocka_unit_test(test_an_unfinished_run_gives_nothing),
        cmocka_unit_test(test_resumes_without_its_weights),
        cmocka_unit_test(test_tagging_pretrains),
    };
    return cmocka_run_group_tests(tests, write_corpora, NULL);
}

/* The first losses of every etude recipe, as committed in tests/golden/strategies.
 *
 *     LEIT_UPDATE_LOSSES=1 test_loss_lists     writes the lists anew
 *
 * The corpus and the batch are smaller than the recipe's, and the music encoder starts afresh. One
 * thread on the CPU, and two on a device whose memory the program cannot touch, give the same bits;
 * the committed list is met to 1e-5 of the first loss and then
 * to 1e-3: another CPU or compiler contracts products and sums differently, and training pulls such
 * runs apart step by step. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leitmotif/corpus.h"
#include "leitmotif/etude.h"
#include "support/fenced_backend.h"
#include "support/testing.h"
#include "train/trainer.h"

/* A schedule ends with the run: after the first step a shorter run's rate is another one, which the
 * third loss would show. */
enum { MAX_LOSSES = 24, STEPS = 12, FENCED_STEPS = 2 };

typedef struct loss_list {
    int n;
    struct {
        char phase[16];
        int step;
        double loss;
    } rows[MAX_LOSSES];
} loss_list;

static int make_corpora(void **state)
{
    (void)state;
    struct leit_etude_options options = LEIT_ETUDE_OPTIONS_INIT;
    options.n_texts_per_label = 10;
    options.n_clips_per_mood = 5;
    options.clip_seconds = 2.2;
    options.n_library = 0;
    assert_ok(leit_etude_generate(leit_test_directory(), &options));
    static const char *const names[] = {"etude_alm", "etude_music", "etude_tagging", "etude_tags"};
    for (int i = 0; i < 4; i++) {
        char manifest[64], corpus[64];
        snprintf(manifest, sizeof manifest, "%s.yaml", names[i]);
        snprintf(corpus, sizeof corpus, "%s.h5", names[i]);
        assert_ok(
            leit_corpus_build(leit_test_scratch(manifest), leit_test_scratch(corpus), NULL, 0));
    }
    return 0;
}

static void read_losses(const char *path, loss_list *list)
{
    char line[400];
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("%s is missing", path);
    *list = (loss_list){0};
    while (fgets(line, sizeof line, file) != NULL) {
        char phase[16];
        int step;
        double loss;
        if (sscanf(line, "{\"phase\": \"%15[a-z]\", \"step\": %d, \"loss\": %lf", phase, &step,
                   &loss) != 3 &&
            sscanf(line, "%15[a-z] %d %lf", phase, &step, &loss) != 3)
            continue;
        assert_true(list->n < MAX_LOSSES);
        snprintf(list->rows[list->n].phase, sizeof phase, "%s", phase);
        list->rows[list->n].step = step;
        list->rows[list->n++].loss = loss;
    }
    fclose(file);
}

static void train(const char *name, const leit_backend *backend, int threads, int n_steps,
                  loss_list *list)
{
    char words[6][1400], run[64], recipe_path[64];
    snprintf(run, sizeof run, "%s.%d", name, threads);
    snprintf(recipe_path, sizeof recipe_path, "recipes/etude/%s.yaml", name);
    const bool is_tagging = strcmp(name, "tagging") == 0;
    snprintf(words[0], sizeof words[0], "data.text=%s", leit_test_scratch("etude_alm.h5"));
    snprintf(words[1], sizeof words[1], "data.music=%s",
             leit_test_scratch(is_tagging ? "etude_tagging.h5" : "etude_music.h5"));
    snprintf(words[2], sizeof words[2], "data.tags=%s", leit_test_scratch("etude_tags.h5"));
    snprintf(words[3], sizeof words[3], "run.directory=%s", leit_test_scratch(run));
    snprintf(words[4], sizeof words[4], "run.threads=%d", threads);
    snprintf(words[5], sizeof words[5], "train.max_steps=%d", n_steps);
    const char *const overrides[] = {words[0],
                                     words[1],
                                     words[2],
                                     words[3],
                                     words[4],
                                     words[5],
                                     "train.batch=8",
                                     "data.eval_crops=1",
                                     "model.music.weights=",
                                     "model.music.frozen=false"};
    leit_recipe *recipe = NULL;
    assert_ok(leit_recipe_load(leit_test_source(recipe_path), overrides, 10, &recipe));
    assert_ok(leit_train_on(backend, recipe, NULL));
    assert_int_equal(leit_fence_allocations(), 0);
    leit_recipe_free(recipe);
    snprintf(run, sizeof run, "%s.%d/metrics.jsonl", name, threads);
    read_losses(leit_test_scratch(run), list);
}

static void write_list(const char *path, const char *name, const loss_list *list)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "# recipes/etude/%s.yaml; written by LEIT_UPDATE_LOSSES=1 test_loss_lists\n",
            name);
    for (int i = 0; i < list->n; i++)
        fprintf(file, "%s %d %.9g\n", list->rows[i].phase, list->rows[i].step, list->rows[i].loss);
    assert_int_equal(fclose(file), 0);
}

static void expect_losses(const char *name, int n_phases)
{
    char path[96];
    loss_list one, two, committed;
    train(name, leit_backend_cpu(), 1, STEPS, &one);
    train(name, leit_backend_fenced(), 2, FENCED_STEPS, &two);
    assert_int_equal(one.n, STEPS * n_phases);
    assert_int_equal(two.n, FENCED_STEPS * n_phases);
    for (int i = 0; i < two.n; i++) {
        const int same = i / FENCED_STEPS * STEPS + i % FENCED_STEPS;
        assert_int_equal(one.rows[same].step, two.rows[i].step);
        if (one.rows[same].loss != two.rows[i].loss)
            fail_msg("%s, %s step %d: %.9g on the CPU, %.9g behind the fence", name,
                     two.rows[i].phase, two.rows[i].step, one.rows[same].loss, two.rows[i].loss);
    }
    snprintf(path, sizeof path, "tests/golden/strategies/%s.losses", name);
    if (getenv("LEIT_UPDATE_LOSSES") != NULL) write_list(leit_test_source(path), name, &one);
    read_losses(leit_test_source(path), &committed);
    assert_int_equal(committed.n, one.n);
    for (int i = 0; i < one.n; i++) {
        const double tolerance = one.rows[i].step == 1 ? 1e-5 : 1e-3;
        assert_string_equal(one.rows[i].phase, committed.rows[i].phase);
        if (!(fabs(one.rows[i].loss - committed.rows[i].loss) <=
              tolerance * fabs(committed.rows[i].loss)))
            fail_msg("%s, %s step %d: %.9g, committed %.9g", name, one.rows[i].phase,
                     one.rows[i].step, one.rows[i].loss, committed.rows[i].loss);
    }
}

#define LOSSES_OF(recipe, n_phases)                                                                \
    static void test_##recipe(void **state)                                                        \
    {                                                                                              \
        (void)state;                                                                               \
        expect_losses(#recipe, n_phases);                                                          \
    }

LOSSES_OF(classification_alm, 2)
LOSSES_OF(multihead_alm, 1)
LOSSES_OF(va_regression_alm, 2)
LOSSES_OF(w2v_regression_alm, 2)
LOSSES_OF(metric2_alm, 1)
LOSSES_OF(metric3_alm, 1)
LOSSES_OF(tagging, 1)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classification_alm),
        cmocka_unit_test(test_multihead_alm),
        cmocka_unit_test(test_va_regression_alm),
        cmocka_unit_test(test_w2v_regression_alm),
        cmocka_unit_test(test_metric2_alm),
        cmocka_unit_test(test_metric3_alm),
        cmocka_unit_test(test_tagging),
    };
    return cmocka_run_group_tests(tests, make_corpora, NULL);
}

/* Comparisons of real runs, as small as they come: which evaluation is used, which runs share a row
 * and which share a table. */
#include "leitmotif/compare.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/stop.h"
#include "evaluate/evaluation.h"
#include "leitmotif/evaluate.h"
#include "leitmotif/train.h"
#include "support/testing.h"
#include "support/toy.h"

static const leit_toy_options SMALL = {
    .n_texts_per_label = 5, .n_clips_per_label = 5, .n_samples = 9216};

/* Trains one step into scratch/<run>; `words` are up to five more overrides, separated by spaces.
 */
static const char *train_by(const char *strategy, const char *run, const char *words)
{
    char directory[1300], copy[4096], *rest = NULL;
    const char *overrides[10] = {directory, "model.text.layers=1", "train.max_steps=1"};
    const char *path = leit_test_scratch(run);
    snprintf(directory, sizeof directory, "run.directory=%s", path);
    snprintf(copy, sizeof copy, "%s", words);
    int n = 3;
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        overrides[n++] = word;
    leit_recipe *recipe = leit_toy_recipe(leit_test_directory(), strategy, overrides);
    assert_ok(leit_train(recipe, NULL));
    leit_recipe_free(recipe);
    return path;
}

static const char *train(const char *run, const char *words)
{
    return train_by("metric2", run, words);
}

static void evaluate(const char *run, const char *override)
{
    const leit_evaluate_options options = {
        .run = run, .threads = 1, .n_overrides = override != NULL, .overrides = &override};
    assert_ok(leit_evaluate(&options, NULL));
}

static const char *figures_of(const char *run)
{
    static char path[1400];
    snprintf(path, sizeof path, "%s/evaluation-test.json", run);
    return path;
}

static json_t *read_figures(const char *run)
{
    json_t *figures = json_load_file(figures_of(run), 0, NULL);
    assert_non_null(figures);
    return figures;
}

static ino_t file_of(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    return about.st_ino;
}

/* The tables of a comparison as JSON; a status other than `expected` fails. */
static json_t *compare_as(leit_status expected, const leit_compare_options *options)
{
    leit_compare_options asked = *options;
    asked.as_json = 1;
    char *text = NULL;
    const leit_status status = leit_compare(&asked, &text);
    if (status != expected)
        fail_msg("compare gives %d, expected %d: %s", status, expected, leit_error_message());
    json_t *tables = text == NULL ? NULL : json_loads(text, 0, NULL);
    leit_compare_text_free(text);
    return tables;
}

static json_t *compare(size_t n, const char *const *runs)
{
    return compare_as(LEIT_OK, &(leit_compare_options){.n_sources = n, .sources = runs});
}

static const char *row_name(const json_t *tables, size_t table, size_t row)
{
    const json_t *rows = json_object_get(json_array_get(tables, table), "rows");
    return json_string_value(json_object_get(json_array_get(rows, row), "strategy"));
}

static size_t n_seeds(const json_t *tables, size_t table, size_t row)
{
    const json_t *rows = json_object_get(json_array_get(tables, table), "rows");
    return json_array_size(json_object_get(json_array_get(rows, row), "seeds"));
}

/* Whether a note of the first table holds these words. */
static bool notes_say(const json_t *tables, const char *words)
{
    const json_t *notes = json_object_get(json_array_get(tables, 0), "notes");
    size_t i;
    json_t *note;
    json_array_foreach(notes, i,
                       note) if (strstr(json_string_value(note), words) != NULL) return true;
    return false;
}

/* ---- which evaluation is used ---- */

static const char EVERY_MAPPING[] = "evaluate.mappings=[va, w2v_paper, w2v_vectors, manual]";

static void expect_every_mapping(const char *run, const json_t *tables)
{
    json_t *figures = read_figures(run);
    assert_int_equal(json_array_size(json_object_get(figures, "mappings")), 4);
    json_decref(figures);
    const json_t *rows = json_object_get(json_array_get(tables, 0), "rows");
    assert_int_equal(json_array_size(json_object_get(json_array_get(rows, 0), "cells")), 8);
}

/* The file's first figure is that of the table and of a fresh evaluation. */
static void expect_fresh(const char *run, const json_t *tables)
{
    json_t *used = read_figures(run);
    evaluate(run, EVERY_MAPPING);
    json_t *fresh = read_figures(run);
    static const char *const same[] = {"fingerprint", "corpora", "settings", "mappings"};
    for (int i = 0; i < 4; i++)
        assert_true(json_equal(json_object_get(used, same[i]), json_object_get(fresh, same[i])));
    assert_non_null(json_object_get(used, "fingerprint"));
    const json_t *rows = json_object_get(json_array_get(tables, 0), "rows");
    const json_t *cells = json_object_get(json_array_get(rows, 0), "cells");
    const json_t *mapping = json_array_get(json_object_get(fresh, "mappings"), 0);
    const double expected =
        json_number_value(json_array_get(json_object_get(mapping, "precision_at"), 4));
    const double got = json_number_value(json_object_get(json_array_get(cells, 0), "value"));
    assert_true(expected - got < 1e-9 && got - expected < 1e-9);
    json_decref(used);
    json_decref(fresh);
}

static void test_evaluation_of_another_checkpoint(void **state)
{
    (void)state;
    const char *run = train("stale", "");
    evaluate(run, EVERY_MAPPING);
    json_t *before = read_figures(run);
    train("stale", "run.resume=never train.max_steps=2 train.learning_rate=0.1");
    json_t *tables = compare(1, &run), *after = read_figures(run);
    assert_string_not_equal(json_string_value(json_object_get(before, "fingerprint")),
                            json_string_value(json_object_get(after, "fingerprint")));
    expect_every_mapping(run, tables);
    expect_fresh(run, tables);
    json_decref(before);
    json_decref(after);
    json_decref(tables);
}

static void test_evaluation_of_the_same_checkpoint(void **state)
{
    (void)state;
    const char *run = train("kept", "");
    json_decref(compare(1, &run)); /* made, being missing */
    const ino_t first = file_of(figures_of(run));
    json_decref(compare(1, &run));
    assert_true(file_of(figures_of(run)) == first);
    /* Asked otherwise on the spot, it is made again, once. */
    const char *word = "evaluate.at_k=1";
    const leit_compare_options options = {
        .n_sources = 1, .sources = &run, .n_overrides = 1, .overrides = &word};
    json_decref(compare_as(LEIT_OK, &options));
    const ino_t second = file_of(figures_of(run));
    json_decref(compare_as(LEIT_OK, &options));
    assert_true(second != first && file_of(figures_of(run)) == second);
    json_t *figures = read_figures(run);
    assert_int_equal(json_integer_value(json_object_get(figures, "at_k")), 1);
    json_decref(figures);
    /* What a trained run does not take is for recipes, and there is none. */
    word = "train.batch=4";
    char *text = NULL;
    assert_fails(leit_compare(&options, &text), LEIT_USAGE,
                 "override 'train.batch=4': a trained run takes evaluate.*");
}

/* Files of before fingerprints were written: made again, by the mappings they name. */
static void test_older_evaluation(void **state)
{
    (void)state;
    const char *run = train("older", "");
    evaluate(run, EVERY_MAPPING);
    json_t *figures = read_figures(run);
    static const char *const later[] = {"fingerprint", "corpora", "settings", "overrides"};
    for (int i = 0; i < 4; i++) json_object_del(figures, later[i]);
    assert_int_equal(json_dump_file(figures, figures_of(run), 0), 0);
    json_decref(figures);
    json_t *tables = compare(1, &run);
    expect_every_mapping(run, tables);
    expect_fresh(run, tables);
    json_decref(tables);
}

/* Figures that were carried away from their checkpoints are taken as they are. */
static void test_figures_alone(void **state)
{
    (void)state;
    char path[1300];
    const char *run = train("carried", "");
    evaluate(run, NULL);
    snprintf(path, sizeof path, "%s/checkpoints", run);
    assert_ok(leit_file_remove(path));
    json_t *tables = compare(1, &run);
    assert_int_equal(n_seeds(tables, 0, 0), 1);
    json_decref(tables);
}

/* ---- which runs share a row ---- */

static void test_seeds_share_a_row(void **state)
{
    (void)state;
    /* The weights of each seed's run come from that seed's other run. */
    char words[1500];
    const char *runs[2];
    for (int seed = 1; seed <= 2; seed++) {
        char weights[40], run[40];
        snprintf(weights, sizeof weights, "tower-seed%d", seed);
        snprintf(run, sizeof run, "rows-seed%d", seed);
        snprintf(words, sizeof words, "seed=%d", seed);
        const char *taken = train(weights, words);
        snprintf(words, sizeof words, "seed=%d model.music.weights=%s", seed, taken);
        runs[seed - 1] = train(run, words);
    }
    json_t *tables = compare(2, runs);
    assert_int_equal(json_array_size(tables), 1);
    assert_string_equal(row_name(tables, 0, 0), "toy");
    assert_string_equal(row_name(tables, 0, 1), "random");
    assert_int_equal(n_seeds(tables, 0, 0), 2);
    json_decref(tables);
}

static void test_other_settings_have_their_row(void **state)
{
    (void)state;
    const char *runs[4] = {train("plain1", "seed=1"), train("plain2", "seed=2"),
                           train("margin1", "seed=1 loss.margin=0.5"),
                           train("margin2", "seed=2 loss.margin=0.5 run.threads=2")};
    json_t *tables = compare(4, runs);
    assert_string_equal(row_name(tables, 0, 0), "toy (loss.margin=0.2)");
    assert_string_equal(row_name(tables, 0, 1), "toy (loss.margin=0.5)");
    assert_string_equal(row_name(tables, 0, 2), "random");
    assert_int_equal(n_seeds(tables, 0, 0), 2);
    assert_int_equal(n_seeds(tables, 0, 1), 2);
    json_decref(tables);
}

static void test_a_run_counts_once(void **state)
{
    (void)state;
    char slashed[1300];
    const char *run = train("once", "");
    snprintf(slashed, sizeof slashed, "%s/", run);
    const char *runs[2] = {run, slashed};
    json_t *tables = compare(2, runs);
    assert_int_equal(n_seeds(tables, 0, 0), 1);
    assert_true(notes_say(tables, "counted once"));
    json_decref(tables);
    /* One recipe and one seed cannot give two models: which one is meant? */
    runs[1] = train("changed", "");
    evaluate(runs[1], NULL);
    char path[1300];
    snprintf(path, sizeof path, "%s/checkpoints", runs[1]);
    assert_ok(leit_file_remove(path));
    json_t *figures = read_figures(runs[1]);
    json_object_set_new(figures, "fingerprint", json_string("0123456789abcdef"));
    json_dump_file(figures, figures_of(runs[1]), 0);
    json_decref(figures);
    tables = compare_as(LEIT_USAGE, &(leit_compare_options){.n_sources = 2, .sources = runs});
    assert_int_equal(n_seeds(tables, 0, 0), 1);
    assert_true(notes_say(tables, "changed is left out: it has the recipe and the seed of"));
    json_decref(tables);
}

/* ---- which runs share a table ---- */

static void test_other_corpora_have_their_table(void **state)
{
    (void)state;
    leit_toy_options other = SMALL;
    char words[1300];
    other.n_samples = 9000; /* as many clips, and not the same */
    const char *directory = leit_test_scratch("corpora");
    assert_ok(leit_file_make_directory(directory));
    leit_toy_write(directory, &other);
    snprintf(words, sizeof words, "data.music=%s/music.h5", directory);
    const char *runs[2] = {train("here", ""), train("there", words)};
    json_t *tables = compare(2, runs);
    assert_int_equal(json_array_size(tables), 2);
    json_decref(tables);
}

/* A file that says the same corpora and other moods is not laid over the first one's. */
static void test_other_moods_have_their_table(void **state)
{
    (void)state;
    const char *runs[2] = {train("five", "seed=1"), train("six", "seed=2")};
    json_decref(compare(2, runs));
    json_t *figures = read_figures(runs[0]);
    json_array_append_new(json_object_get(figures, "text_labels"), json_string("bored"));
    size_t i;
    json_t *mapping;
    json_array_foreach(json_object_get(figures, "mappings"), i, mapping)
    {
        json_array_append_new(json_object_get(mapping, "mood_precision"), json_real(0.0));
        json_array_append_new(json_object_get(mapping, "mood_mrr"), json_real(0.0));
        for (int m = 0; m < 7; m++)
            json_array_append_new(json_object_get(mapping, "confusion"), json_real(0.0));
    }
    json_dump_file(figures, figures_of(runs[0]), 0);
    json_decref(figures);
    const leit_compare_options options = {
        .n_sources = 2, .sources = runs, .output = leit_test_scratch("moods")};
    json_t *tables = compare_as(LEIT_OK, &options);
    assert_int_equal(json_array_size(tables), 2);
    json_decref(tables);
}

/* ---- how sure a figure is ---- */

static const json_t *first_cell(const json_t *tables)
{
    const json_t *rows = json_object_get(json_array_get(tables, 0), "rows");
    return json_array_get(json_object_get(json_array_get(rows, 0), "cells"), 0);
}

static size_t n_tests(const json_t *tables)
{
    return json_array_size(json_object_get(json_array_get(tables, 0), "tests"));
}

/* What the keys say holds: without samples there is no interval and no test, in the file neither;
 * where runs differ, the larger number counts. */
static void test_samples_are_those_of_the_recipe(void **state)
{
    (void)state;
    static const char none[] = "evaluate.bootstrap_samples=0 evaluate.permutation_samples=0";
    char words[200];
    snprintf(words, sizeof words, "%s loss.margin=0.3", none);
    const char *runs[3] = {train("unsure1", none), train("unsure2", words),
                           train("sure", "loss.margin=0.4 evaluate.permutation_samples=100")};
    json_t *tables = compare(2, runs), *figures = read_figures(runs[0]);
    assert_true(json_is_null(json_object_get(first_cell(tables), "low")));
    assert_true(json_is_number(json_object_get(first_cell(tables), "value")));
    assert_int_equal(n_tests(tables), 0);
    const json_t *mapping = json_array_get(json_object_get(figures, "mappings"), 0);
    assert_true(json_is_null(json_object_get(mapping, "precision_interval")));
    json_decref(tables);
    json_decref(figures);

    tables = compare(3, runs);
    figures = read_figures(runs[2]);
    mapping = json_array_get(json_object_get(figures, "mappings"), 0);
    const json_t *interval = json_object_get(mapping, "precision_interval");
    assert_int_equal(json_array_size(interval), 2);
    assert_int_equal(n_tests(tables), 9); /* three pairs under three mappings */
    /* One run's interval is the same in its file and in a table. */
    const json_t *row = json_array_get(json_object_get(json_array_get(tables, 0), "rows"), 2);
    const json_t *cell = json_array_get(json_object_get(row, "cells"), 0);
    assert_true(fabs(json_number_value(json_object_get(cell, "low")) -
                     json_number_value(json_array_get(interval, 0))) < 1e-9);
    assert_true(fabs(json_number_value(json_object_get(cell, "high")) -
                     json_number_value(json_array_get(interval, 1))) < 1e-9);
    const json_t *test = json_array_get(json_object_get(json_array_get(tables, 0), "tests"), 0);
    /* (hits + 1) / (100 + 1) */
    const double hits = json_number_value(json_object_get(test, "p_value")) * 101.0;
    assert_true(fabs(hits - round(hits)) < 1e-6);
    json_decref(tables);
    json_decref(figures);
}

/* ---- what the figures leave out ---- */

/* Figures whose last mood has no test text, and that retrieved nothing for two texts. */
static void leave_out(const char *run)
{
    json_t *figures = read_figures(run), *moods = json_object_get(figures, "text_mood");
    for (size_t i = 0; i < json_array_size(moods); i++)
        if (json_integer_value(json_array_get(moods, i)) == 4)
            json_array_set_new(moods, i, json_integer(3));
    size_t m;
    json_t *mapping;
    json_array_foreach(json_object_get(figures, "mappings"), m, mapping)
        json_object_set_new(mapping, "n_empty_texts", json_integer(2));
    assert_int_equal(json_dump_file(figures, figures_of(run), 0), 0);
    json_decref(figures);
}

static void test_what_is_left_out_is_said(void **state)
{
    (void)state;
    const char *runs[2] = {train("mute1", "seed=1"), train("mute2", "seed=2")};
    char *text = NULL;
    const leit_evaluate_options whole = {.run = runs[0], .threads = 1};
    assert_ok(leit_evaluate(&whole, &text));
    assert_null(strstr(text, "no test text"));
    assert_null(strstr(text, "nothing is retrieved"));
    leit_evaluate_text_free(text);
    json_t *figures = read_figures(runs[0]);
    assert_int_equal(json_array_size(json_object_get(figures, "missing_moods")), 0);
    assert_true(json_integer_value(json_object_get(figures, "n_lists")) >= 1);
    assert_true(json_is_array(json_object_get(figures, "missing_moods")));
    json_decref(figures);

    evaluate(runs[1], NULL);
    for (int i = 0; i < 2; i++) leave_out(runs[i]);
    leit_evaluation evaluation;
    leit_buffer said = {0}, json = {0};
    assert_ok(leit_evaluation_read(figures_of(runs[0]), &evaluation));
    assert_ok(leit_evaluation_print(&evaluation, &said));
    assert_non_null(
        strstr(leit_buffer_text(&said), "no test text, left out of the averages: surprised\n"));
    assert_non_null(strstr(leit_buffer_text(&said), "nothing is retrieved for 2 of 5 texts"));
    evaluation.n_lists = 2;
    leit_buffer_clear(&said);
    assert_ok(leit_evaluation_print(&evaluation, &said));
    assert_null(strstr(leit_buffer_text(&said), "every text gets the same"));
    evaluation.n_lists = 1;
    assert_ok(leit_evaluation_print(&evaluation, &said));
    assert_non_null(strstr(leit_buffer_text(&said), "every text gets the same 5 clips"));
    assert_ok(leit_evaluation_json(&evaluation, &json));
    assert_non_null(strstr(leit_buffer_text(&json), "\"missing_moods\":[\"surprised\"]"));
    leit_evaluation_clear(&evaluation);
    leit_buffer_clear(&said);
    leit_buffer_clear(&json);

    const char *output = leit_test_scratch("left-out");
    const leit_compare_options options = {.n_sources = 2, .sources = runs, .output = output};
    json_t *tables = compare_as(LEIT_OK, &options);
    assert_true(notes_say(tables, "No test text, left out of the averages: surprised"));
    assert_true(notes_say(tables, "toy: nothing is retrieved for 4 of 10 texts of its runs"));
    json_decref(tables);
    leit_buffer html = {0};
    assert_ok(leit_file_read(leit_test_scratch("left-out/report.html"), 1 << 24, &html));
    assert_non_null(strstr(leit_buffer_text(&html),
                           "<th scope=\"row\">surprised</th><td style=\"--p:0%\">&ndash;</td>"));
    leit_buffer_clear(&html);
}

/* ---- what cannot be compared ---- */

static void test_a_bad_run_is_left_out(void **state)
{
    (void)state;
    const char *runs[2] = {train_by("tagging", "tagger", ""), train("fine", "")};
    json_t *tables =
        compare_as(LEIT_USAGE, &(leit_compare_options){.n_sources = 2, .sources = runs});
    assert_non_null(strstr(leit_error_message(), "the comparison is not complete: 1 left out"));
    assert_true(notes_say(tables, "tagger is left out: tagging trains an encoder alone"));
    assert_int_equal(n_seeds(tables, 0, 0), 1);
    json_decref(tables);
    char *text = NULL;
    assert_fails(leit_compare(&(leit_compare_options){.n_sources = 1, .sources = runs}, &text),
                 LEIT_USAGE, "nothing to compare: 1 left out; the first: ");
    assert_null(text);
    json_t *figures = read_figures(runs[1]);
    json_array_clear(json_object_get(figures, "mappings"));
    json_dump_file(figures, figures_of(runs[1]), 0);
    json_decref(figures);
    assert_fails(leit_compare(&(leit_compare_options){.n_sources = 1, .sources = runs + 1}, &text),
                 LEIT_DATA, "evaluation-test.json: 0 mappings, expected 1 to 4");
}

/* A recipe as a file, which trains into scratch/<run>. */
static const char *write_recipe(const char *strategy, const char *run)
{
    char directory[1300], *yaml = NULL;
    const char *const overrides[] = {directory, "train.max_steps=1", NULL};
    snprintf(directory, sizeof directory, "run.directory=%s", leit_test_scratch(run));
    leit_recipe *recipe = leit_toy_recipe(leit_test_directory(), strategy, overrides);
    assert_ok(leit_recipe_resolved_yaml(recipe, &yaml));
    leit_recipe_free(recipe);
    char name[100];
    snprintf(name, sizeof name, "%s.yaml", run);
    const char *path = leit_test_scratch(name);
    assert_ok(leit_file_write(path, yaml, strlen(yaml)));
    leit_recipe_text_free(yaml);
    return path;
}

/* Nothing is trained before every recipe is known to be good. */
static void test_bad_recipes_are_found_first(void **state)
{
    (void)state;
    char *text = NULL;
    const char *sources[2] = {write_recipe("metric2", "first"), leit_test_scratch("none.yaml")};
    const leit_compare_options options = {.n_sources = 2, .sources = sources};
    assert_fails(leit_compare(&options, &text), LEIT_USAGE, "none.yaml");
    sources[1] = write_recipe("tagging", "tags");
    assert_fails(leit_compare(&options, &text), LEIT_USAGE, "tags.yaml: tagging trains");
    assert_false(leit_file_exists(leit_test_scratch("first")));
    json_t *tables = compare(1, sources);
    assert_int_equal(n_seeds(tables, 0, 0), 1);
    json_decref(tables);
}

/* ---- stopped ---- */

static void test_a_stop_ends_it(void **state)
{
    (void)state;
    const char *run = train("stopped", ""), *output = leit_test_scratch("stopped-table");
    const leit_evaluate_options evaluation = {.run = run, .threads = 1};
    const leit_compare_options comparison = {.n_sources = 1, .sources = &run, .output = output};
    char *text = NULL;
    leit_request_stop();
    assert_fails(leit_evaluate(&evaluation, &text), LEIT_AGAIN, "run the same command again");
    assert_null(text);
    assert_fails(leit_compare(&comparison, &text), LEIT_AGAIN, "run the same command again");
    assert_false(leit_file_exists(figures_of(run)));
    leit_stop_set(false);
    evaluate(run, NULL);
    leit_request_stop(); /* the figures are there: it ends over the intervals and tests */
    assert_fails(leit_compare(&comparison, &text), LEIT_AGAIN, "run the same command again");
    assert_null(text);
    leit_stop_set(false);
    assert_false(leit_file_exists(leit_test_scratch("stopped-table/table.txt")));
}

int main(void)
{
    leit_toy_write(leit_test_directory(), &SMALL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluation_of_another_checkpoint),
        cmocka_unit_test(test_evaluation_of_the_same_checkpoint),
        cmocka_unit_test(test_older_evaluation),
        cmocka_unit_test(test_figures_alone),
        cmocka_unit_test(test_seeds_share_a_row),
        cmocka_unit_test(test_other_settings_have_their_row),
        cmocka_unit_test(test_a_run_counts_once),
        cmocka_unit_test(test_other_corpora_have_their_table),
        cmocka_unit_test(test_other_moods_have_their_table),
        cmocka_unit_test(test_samples_are_those_of_the_recipe),
        cmocka_unit_test(test_what_is_left_out_is_said),
        cmocka_unit_test(test_a_bad_run_is_left_out),
        cmocka_unit_test(test_bad_recipes_are_found_first),
        cmocka_unit_test(test_a_stop_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

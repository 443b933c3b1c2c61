/* A whole table against NumPy: what stands in every cell and every test between rows, from the
 * values of each text on. */
#include "compare/comparison.h"

#include <stdio.h>

#include "compare/table_model.h"
#include "support/numbers.h"
#include "support/toy.h"

enum { N_STRATEGIES = 3, N_RUNS = 6, MAX_MAPPINGS = 4, AT_K = 5 };

/* A mean of at most a hundred terms of size 1: rounding is below 1e-14. */
static const double TOLERANCE = 1e-12;

typedef struct fixture {
    leit_numbers golden;
    leit_arena arena;
    leit_recipe *recipe;
    leit_run runs[N_RUNS];
    leit_comparison comparison;
    leit_table *table;
    int n_texts, n_mappings;
} fixture;

static const char *const names[N_STRATEGIES] = {"first", "second", "third"};

static leit_recipe *make_recipe(const double *sizes)
{
    char bootstrap[60], permutation[60];
    const char *const overrides[] = {bootstrap, permutation, NULL};
    snprintf(bootstrap, sizeof bootstrap, "evaluate.bootstrap_samples=%d", (int)sizes[3]);
    snprintf(permutation, sizeof permutation, "evaluate.permutation_samples=%d", (int)sizes[4]);
    return leit_toy_recipe("none", "metric2", overrides);
}

/* Run `seed` of a strategy; its values are a row of the golden's. */
static leit_run make_run(fixture *f, int strategy, int seed, int n_moods, int32_t *mood)
{
    static const char *const mappings[MAX_MAPPINGS] = {"va", "w2v_paper", "w2v_vectors", "manual"};
    static const char *const labels[] = {"anger", "fearful", "happy", "sad"};
    leit_run run = {.folder = "none", .recipe = f->recipe};
    const char **settings =
        leit_arena_allocate(&f->arena, leit_recipe_n_settings() * sizeof *settings);
    settings[0] = names[strategy];
    run.settings = settings;
    run.evaluation = (leit_evaluation){.fingerprint = "",
                                       .corpora = "",
                                       .recipe_name = names[strategy],
                                       .split = "test",
                                       .text_corpus = "t",
                                       .music_corpus = "m",
                                       .text_split = "given",
                                       .seed = seed + 1,
                                       .at_k = AT_K,
                                       .n_texts = f->n_texts,
                                       .n_text_labels = n_moods,
                                       .n_music_labels = 1,
                                       .text_labels = labels,
                                       .music_labels = labels,
                                       .text_mood = mood,
                                       .n_mappings = f->n_mappings};
    for (int m = 0; m < f->n_mappings; m++) {
        leit_evaluation_mapping *mapping = &run.evaluation.mappings[m];
        const char *const figures[2] = {"precision", "rank"};
        double *values[2];
        for (int i = 0; i < 2; i++) {
            const double *all = leit_numbers_f64(
                &f->golden, leit_numbers_name("mapping%d.strategy%d.%s", m, strategy, figures[i]),
                NULL);
            values[i] = leit_arena_allocate(&f->arena, (size_t)f->n_texts * sizeof *values[i]);
            for (int t = 0; t < f->n_texts; t++) values[i][t] = all[seed * f->n_texts + t];
        }
        mapping->name = mappings[m];
        mapping->precision = values[0];
        mapping->reciprocal_rank = values[1];
    }
    return run;
}

static int set_up(void **state)
{
    static fixture f;
    leit_numbers_open("tests/golden/comparison.txt", &f.golden);
    size_t n;
    const double *sizes = leit_numbers_f64(&f.golden, "sizes", &n);
    const int32_t *mood = leit_numbers_i32(&f.golden, "mood", NULL);
    assert_int_equal(n, 5 + N_STRATEGIES);
    f.n_texts = (int)sizes[0];
    f.n_mappings = (int)sizes[2];
    f.recipe = make_recipe(sizes);
    int count = 0;
    bool taken[N_RUNS] = {false};
    for (int s = 0; s < N_STRATEGIES; s++)
        for (int seed = 0; seed < (int)sizes[5 + s]; seed++)
            f.runs[count++] = make_run(&f, s, seed, (int)sizes[1], (int32_t *)(uintptr_t)mood);
    assert_int_equal(count, N_RUNS);
    assert_ok(leit_comparison_gather(f.runs, N_RUNS, 0, taken, &f.arena, &f.comparison));
    assert_ok(leit_comparison_table(&f.comparison, "t", NULL, &f.table));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    leit_table_free(f->table);
    leit_recipe_free(f->recipe);
    leit_arena_clear(&f->arena);
    leit_numbers_close(&f->golden);
    return 0;
}

static void cells_are_means_with_intervals(void **state)
{
    fixture *f = *state;
    const leit_table *table = f->table;
    assert_int_equal(table->n_rows, N_STRATEGIES + 2);
    assert_int_equal(table->n_columns, 2 * f->n_mappings);
    for (int s = 0; s < N_STRATEGIES; s++) {
        assert_string_equal(table->rows[s].name, names[s]);
        for (int m = 0; m < f->n_mappings; m++) {
            const leit_table_cell *cells = &table->rows[s].cells[2 * m];
            const double actual[6] = {cells[0].value, cells[0].low, cells[0].high,
                                      cells[1].value, cells[1].low, cells[1].high};
            const char *name = leit_numbers_name("mapping%d.strategy%d.cells", m, s);
            leit_numbers_compare(name, actual, leit_numbers_f64(&f->golden, name, NULL), 6,
                                 TOLERANCE);
        }
    }
}

static void tests_are_paired_and_corrected(void **state)
{
    fixture *f = *state;
    const leit_table_test *test = f->table->tests;
    enum { N_PAIRS = N_STRATEGIES * (N_STRATEGIES - 1) / 2 };
    assert_int_equal(f->table->n_tests, N_PAIRS * f->n_mappings);
    for (int m = 0; m < f->n_mappings; m++) {
        const char *name = leit_numbers_name("mapping%d.tests", m);
        const double *expected = leit_numbers_f64(&f->golden, name, NULL);
        for (int a = 0; a < N_STRATEGIES; a++)
            for (int b = a + 1; b < N_STRATEGIES; b++, test++, expected += 5) {
                const double actual[5] = {test->difference, test->low, test->high, test->p_value,
                                          test->p_holm};
                assert_true(test->row == a && test->other_row == b && test->column == 2 * m);
                leit_numbers_compare(name, actual, expected, 5, TOLERANCE);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_means_with_intervals),
        cmocka_unit_test(tests_are_paired_and_corrected),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

#include "compare/comparison.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/stop.h"
#include "evaluate/statistics.h"

static const uint64_t PERMUTATION_SEED = 1; /* tests must not change with the runs' seeds */

enum { MAX_ROWS = 64, MAX_RUNS = 64 };

/* ---- gathering ---- */

static leit_comparison_row *row_of(leit_comparison *comparison, int run)
{
    for (int r = 0; r < comparison->n_rows; r++) {
        leit_comparison_row *row = &comparison->rows[r];
        if (leit_run_same_settings(&comparison->runs[row->runs[0]], &comparison->runs[run]))
            return row;
    }
    if (comparison->n_rows == MAX_ROWS) return NULL;
    leit_comparison_row *row = &comparison->rows[comparison->n_rows++];
    *row = (leit_comparison_row){.name = comparison->runs[run].evaluation.recipe_name};
    return row;
}

/* Whether another row of the same recipe's name has another value. */
static bool is_telling(const leit_comparison *comparison, int row, size_t setting)
{
    const leit_run *run = &comparison->runs[comparison->rows[row].runs[0]];
    for (int r = 0; r < comparison->n_rows; r++) {
        const leit_run *other = &comparison->runs[comparison->rows[r].runs[0]];
        if (strcmp(other->evaluation.recipe_name, run->evaluation.recipe_name) == 0 &&
            (other->settings[setting] == NULL ||
             strcmp(other->settings[setting], run->settings[setting]) != 0))
            return true;
    }
    return false;
}

/* "name (train.batch=16, loss.margin=0.5)" */
static leit_status name_row(leit_comparison *comparison, int row, leit_arena *arena)
{
    const leit_run *run = &comparison->runs[comparison->rows[row].runs[0]];
    const char *name = run->evaluation.recipe_name;
    int n_telling = 0;
    for (size_t i = 0; i < leit_recipe_n_settings(); i++) {
        if (run->settings[i] == NULL || !is_telling(comparison, row, i)) continue;
        leit_recipe_setting setting;
        LEIT_TRY(leit_recipe_setting_at(run->recipe, i, &setting));
        name = leit_arena_printf(arena, "%s%s%s=%s", name, n_telling++ == 0 ? " (" : ", ",
                                 setting.key, run->settings[i]);
        if (name == NULL) return LEIT_INTERNAL;
    }
    if (n_telling > 0) name = leit_arena_printf(arena, "%s)", name);
    comparison->rows[row].name = name;
    return name == NULL ? LEIT_INTERNAL : LEIT_OK;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

leit_status leit_comparison_gather(const leit_run *runs, int n, int first, bool *taken,
                                   leit_arena *arena, leit_comparison *comparison)
{
    *comparison = (leit_comparison){.runs = runs, .first = &runs[first].evaluation};
    for (int i = 0; i < n; i++) {
        if (taken[i] || !leit_run_same_question(&runs[i].evaluation, comparison->first)) continue;
        leit_comparison_row *row = row_of(comparison, i);
        LEIT_FAIL_IF(row == NULL || row->n_runs == MAX_RUNS, LEIT_USAGE,
                     "%s: a table has at most %d rows of %d runs each; compare fewer at once",
                     runs[i].folder, MAX_ROWS, MAX_RUNS);
        const struct leit_recipe_evaluate *asked = &runs[i].recipe->evaluate;
        comparison->bootstrap_samples =
            max(comparison->bootstrap_samples, asked->bootstrap_samples);
        comparison->permutation_samples =
            max(comparison->permutation_samples, asked->permutation_samples);
        row->runs[row->n_runs++] = i;
        taken[i] = true;
    }
    for (int r = 0; r < comparison->n_rows; r++) LEIT_TRY(name_row(comparison, r, arena));
    return LEIT_OK;
}

/* ---- figures ---- */

enum figure { PRECISION, RECIPROCAL_RANK };

/* values (n_runs, n_texts) of one figure under one mapping, in new memory. */
static leit_status collect(const leit_comparison *comparison, const leit_comparison_row *row,
                           int mapping, enum figure figure, double **values)
{
    const leit_evaluation *first = comparison->first;
    LEIT_TRY(LEIT_ALLOC(*values, row->n_runs * first->n_texts));
    for (int r = 0; r < row->n_runs; r++) {
        const leit_evaluation_mapping *m =
            &comparison->runs[row->runs[r]].evaluation.mappings[mapping];
        memcpy(*values + r * first->n_texts,
               figure == PRECISION ? m->precision : m->reciprocal_rank,
               (size_t)first->n_texts * sizeof **values);
    }
    return LEIT_OK;
}

static leit_sample sample_of(const leit_comparison *comparison, int n_runs, const double *values)
{
    const leit_evaluation *first = comparison->first;
    return (leit_sample){.n_texts = first->n_texts,
                         .n_seeds = n_runs,
                         .n_moods = first->n_text_labels,
                         .values = values,
                         .mood = first->text_mood};
}

static leit_status fill_cell(const leit_comparison *comparison, const leit_comparison_row *row,
                             int mapping, enum figure figure, leit_threads *threads,
                             leit_table_cell *cell)
{
    double *values = NULL;
    LEIT_TRY(leit_stop_check());
    LEIT_TRY(collect(comparison, row, mapping, figure, &values));
    leit_interval interval = {0};
    leit_status status = leit_evaluation_interval(
        comparison->first, row->n_runs, values, comparison->bootstrap_samples, threads, &interval);
    leit_free(values);
    *cell = (leit_table_cell){interval.mean, interval.low, interval.high};
    return status;
}

/* Per-text values of a row, averaged over its seeds. */
static leit_status average(const leit_comparison *comparison, const leit_comparison_row *row,
                           int mapping, double **average)
{
    double *values = NULL;
    LEIT_TRY(collect(comparison, row, mapping, PRECISION, &values));
    const leit_sample sample = sample_of(comparison, row->n_runs, values);
    leit_status status = LEIT_ALLOC(*average, sample.n_texts);
    if (status == LEIT_OK) leit_statistics_average_seeds(&sample, *average);
    leit_free(values);
    return status;
}

static leit_status test_pair(const leit_comparison *comparison, int row, int other, int mapping,
                             leit_threads *threads, leit_table_test *test)
{
    const leit_evaluation *first = comparison->first;
    double *a = NULL, *b = NULL;
    LEIT_TRY(leit_stop_check());
    leit_status status = average(comparison, &comparison->rows[row], mapping, &a);
    if (status == LEIT_OK) status = average(comparison, &comparison->rows[other], mapping, &b);
    for (int64_t i = 0; status == LEIT_OK && i < first->n_texts; i++) a[i] -= b[i];
    const leit_sample difference = sample_of(comparison, 1, a);
    leit_interval interval = {0};
    *test = (leit_table_test){
        .row = row, .other_row = other, .column = 2 * mapping, .p_value = NAN, .p_holm = NAN};
    if (status == LEIT_OK)
        status = leit_evaluation_interval(first, 1, a, comparison->bootstrap_samples, threads,
                                          &interval);
    if (status == LEIT_OK)
        status = leit_statistics_permutation(&difference, comparison->permutation_samples,
                                             PERMUTATION_SEED, threads, &test->p_value);
    test->difference = interval.mean;
    test->low = interval.low;
    test->high = interval.high;
    leit_free(a);
    leit_free(b);
    return status;
}

/* All pairs of rows under one mapping. */
static leit_status add_tests(const leit_comparison *comparison, int mapping, leit_threads *threads,
                             leit_table *table)
{
    const int n_rows = comparison->n_rows, n_pairs = n_rows * (n_rows - 1) / 2;
    leit_table_test *tests = NULL;
    double *p_values = NULL;
    if (comparison->permutation_samples == 0) return LEIT_OK;
    leit_status status = LEIT_ALLOC(tests, n_pairs);
    if (status == LEIT_OK) status = LEIT_ALLOC(p_values, n_pairs);
    int n = 0;
    for (int row = 0; row < n_rows; row++)
        for (int other = row + 1; status == LEIT_OK && other < n_rows; other++, n++) {
            status = test_pair(comparison, row, other, mapping, threads, &tests[n]);
            p_values[n] = tests[n].p_value;
        }
    if (status == LEIT_OK && n > 0) status = leit_statistics_holm(n, p_values, p_values);
    for (int i = 0; status == LEIT_OK && i < n; i++) {
        tests[i].p_holm = p_values[i];
        status = leit_table_add_test(table, &tests[i]);
    }
    leit_free(tests);
    leit_free(p_values);
    return status;
}

/* ---- the table ---- */

static leit_status add_references(const leit_comparison *comparison, leit_table *table)
{
    const leit_evaluation *first = comparison->first;
    int random = 0, oracle = 0;
    LEIT_TRY(leit_table_add_row(table, "random", 0, NULL, true, &random));
    LEIT_TRY(leit_table_add_row(table, "oracle", 0, NULL, true, &oracle));
    for (int m = 0; m < first->n_mappings; m++) {
        const leit_evaluation_mapping *mapping = &first->mappings[m];
        const double figures[2][2] = {
            {mapping->random_precision_at[first->at_k - 1], mapping->random_mrr},
            {mapping->oracle_precision_at[first->at_k - 1], mapping->oracle_mrr}};
        for (int figure = 0; figure < 2; figure++) {
            leit_table_cell cell = {figures[0][figure], NAN, NAN};
            LEIT_TRY(leit_table_set(table, random, 2 * m + figure, &cell));
            cell.value = figures[1][figure];
            LEIT_TRY(leit_table_set(table, oracle, 2 * m + figure, &cell));
        }
    }
    return LEIT_OK;
}

/* What the averages do not show. */
static leit_status note_left_out(const leit_comparison *comparison, leit_table *table)
{
    const leit_evaluation *first = comparison->first;
    leit_buffer note = {0};
    leit_status status = leit_buffer_puts(&note, "No test text, left out of the averages: ");
    const size_t empty_bytes = note.size_bytes;
    if (status == LEIT_OK) status = leit_evaluation_missing_moods(first, &note);
    if (status == LEIT_OK && note.size_bytes > empty_bytes)
        status = leit_table_add_note(table, leit_buffer_text(&note));
    leit_buffer_clear(&note);
    for (int r = 0; status == LEIT_OK && r < comparison->n_rows; r++) {
        const leit_comparison_row *row = &comparison->rows[r];
        int64_t n_empty = 0;
        for (int i = 0; i < row->n_runs; i++)
            n_empty += comparison->runs[row->runs[i]].evaluation.mappings[0].n_empty_texts;
        if (n_empty == 0) continue;
        status = leit_buffer_printf(
            &note, "%s: nothing is retrieved for %lld of %lld texts of its runs; they score 0.",
            row->name, (long long)n_empty, (long long)first->n_texts * row->n_runs);
        if (status == LEIT_OK) status = leit_table_add_note(table, leit_buffer_text(&note));
        leit_buffer_clear(&note);
    }
    return status;
}

static leit_status add_notes(const leit_comparison *comparison, leit_table *table)
{
    const leit_evaluation *first = comparison->first;
    char note[512];
    snprintf(note, sizeof note,
             "%s split: %lld texts of %s ('%s' split), %lld clips of %s. P@%d and MRR are averaged "
             "per text mood, then over moods%s",
             first->split, (long long)first->n_texts, first->text_corpus, first->text_split,
             (long long)first->n_clips, first->music_corpus, first->at_k,
             comparison->bootstrap_samples == 0
                 ? "."
                 : "; intervals are 95 % bootstrap over texts and seeds.");
    LEIT_TRY(leit_table_add_note(table, note));
    LEIT_TRY(note_left_out(comparison, table));
    if (strcmp(first->text_corpus, "alm") == 0 && strcmp(first->text_split, "paper") == 0)
        LEIT_TRY(leit_table_add_note(table, "The paper's Alm split uses the same 167 texts for "
                                            "validation and test."));
    return LEIT_OK;
}

static leit_status create_table(const leit_evaluation *first, const char *title, leit_table **table)
{
    leit_table_column columns[2 * LEIT_EVALUATION_MAPPINGS];
    char precision[16];
    snprintf(precision, sizeof precision, "P@%d", first->at_k);
    for (int m = 0; m < first->n_mappings; m++) {
        columns[2 * m] = (leit_table_column){first->mappings[m].name, precision};
        columns[2 * m + 1] = (leit_table_column){first->mappings[m].name, "MRR"};
    }
    return leit_table_create(title, 2 * first->n_mappings, columns, table);
}

static leit_status fill_table(const leit_comparison *comparison, leit_threads *threads,
                              leit_table *table)
{
    const leit_evaluation *first = comparison->first;
    for (int r = 0; r < comparison->n_rows; r++) {
        const leit_comparison_row *row = &comparison->rows[r];
        int64_t seeds[MAX_RUNS];
        for (int i = 0; i < row->n_runs; i++)
            seeds[i] = comparison->runs[row->runs[i]].evaluation.seed;
        LEIT_TRY(leit_table_add_row(table, row->name, row->n_runs, seeds, false, NULL));
        for (int m = 0; m < first->n_mappings; m++)
            for (int figure = 0; figure < 2; figure++) {
                leit_table_cell cell;
                LEIT_TRY(fill_cell(comparison, row, m, (enum figure)figure, threads, &cell));
                LEIT_TRY(leit_table_set(table, r, 2 * m + figure, &cell));
            }
    }
    for (int m = 0; m < first->n_mappings; m++) LEIT_TRY(add_tests(comparison, m, threads, table));
    LEIT_TRY(add_references(comparison, table));
    return add_notes(comparison, table);
}

leit_status leit_comparison_table(const leit_comparison *comparison, const char *title,
                                  leit_threads *threads, leit_table **table)
{
    const leit_evaluation *first = comparison->first;
    LEIT_TRY(create_table(first, title, table));
    leit_status status = fill_table(comparison, threads, *table);
    if (status != LEIT_OK) {
        leit_table_free(*table);
        *table = NULL;
    }
    return status;
}

#include "compare/table.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "compare/table_model.h"
#include "core/memory.h"

leit_status leit_table_create(const char *title, int n_columns, const leit_table_column *columns,
                              leit_table **result)
{
    LEIT_FAIL_IF(n_columns < 1, LEIT_USAGE, "n_columns is %d, expected at least 1", n_columns);
    leit_table *table = NULL;
    leit_status status = LEIT_OK;
    LEIT_TRY(LEIT_ALLOC(table, 1));
    table->n_columns = n_columns;
    table->title = leit_arena_strdup(&table->arena, title);
    table->columns = leit_arena_allocate(&table->arena, (size_t)n_columns * sizeof *table->columns);
    if (table->title == NULL || table->columns == NULL) status = LEIT_INTERNAL;
    for (int c = 0; status == LEIT_OK && c < n_columns; c++) {
        leit_table_column *column = &table->columns[c];
        column->mapping = leit_arena_strdup(&table->arena, columns[c].mapping);
        column->metric = leit_arena_strdup(&table->arena, columns[c].metric);
        if (column->mapping == NULL || column->metric == NULL) status = LEIT_INTERNAL;
    }
    if (status == LEIT_OK)
        *result = table;
    else
        leit_table_free(table);
    return status;
}

void leit_table_free(leit_table *table)
{
    if (table == NULL) return;
    leit_free(table->rows);
    leit_free(table->tests);
    leit_free(table->notes);
    leit_arena_clear(&table->arena);
    leit_free(table);
}

leit_status leit_table_add_row(leit_table *table, const char *name, int n_seeds,
                               const int64_t *seeds, bool reference, int *result)
{
    LEIT_FAIL_IF(n_seeds < 0, LEIT_USAGE, "n_seeds is %d, expected at least 0", n_seeds);
    LEIT_TRY(LEIT_GROW(table->rows, table->n_rows, table->row_capacity));
    struct leit_table_row row = {.n_seeds = n_seeds, .reference = reference};
    int64_t *seed_copy =
        leit_arena_allocate(&table->arena, ((size_t)n_seeds + 1) * sizeof *seed_copy);
    row.name = leit_arena_strdup(&table->arena, name);
    row.cells = leit_arena_allocate(&table->arena, (size_t)table->n_columns * sizeof *row.cells);
    if (row.name == NULL || seed_copy == NULL || row.cells == NULL) return LEIT_INTERNAL;
    for (int s = 0; s < n_seeds; s++) seed_copy[s] = seeds[s];
    row.seeds = seed_copy;
    for (int c = 0; c < table->n_columns; c++)
        row.cells[c] = (leit_table_cell){(double)NAN, (double)NAN, (double)NAN};
    if (result != NULL) *result = (int)table->n_rows;
    table->rows[table->n_rows++] = row;
    return LEIT_OK;
}

static leit_status check_place(const leit_table *table, int row, int column)
{
    LEIT_FAIL_IF(row < 0 || (size_t)row >= table->n_rows || column < 0 ||
                     column >= table->n_columns,
                 LEIT_USAGE, "row %d, column %d of a table of %zu rows and %d columns", row, column,
                 table->n_rows, table->n_columns);
    return LEIT_OK;
}

leit_status leit_table_set(leit_table *table, int row, int column, const leit_table_cell *cell)
{
    LEIT_TRY(check_place(table, row, column));
    table->rows[row].cells[column] = *cell;
    return LEIT_OK;
}

leit_status leit_table_add_test(leit_table *table, const leit_table_test *test)
{
    LEIT_TRY(check_place(table, test->row, test->column));
    LEIT_TRY(check_place(table, test->other_row, test->column));
    LEIT_TRY(LEIT_GROW(table->tests, table->n_tests, table->test_capacity));
    table->tests[table->n_tests++] = *test;
    return LEIT_OK;
}

leit_status leit_table_add_note(leit_table *table, const char *note)
{
    LEIT_TRY(LEIT_GROW(table->notes, table->n_notes, table->note_capacity));
    const char *copy = leit_arena_strdup(&table->arena, note);
    if (copy == NULL) return LEIT_INTERNAL;
    table->notes[table->n_notes++] = copy;
    return LEIT_OK;
}

bool leit_table_is_best(const leit_table *table, size_t row, int column)
{
    const double value = table->rows[row].cells[column].value;
    int n_values = 0;
    if (table->rows[row].reference || isnan(value)) return false;
    for (size_t r = 0; r < table->n_rows; r++) {
        if (table->rows[r].reference || isnan(table->rows[r].cells[column].value)) continue;
        if (table->rows[r].cells[column].value > value) return false;
        n_values++;
    }
    return n_values > 1;
}

leit_status leit_table_append_seeds(const struct leit_table_row *row, const char *separator,
                                    leit_buffer *text)
{
    for (int s = 0; s < row->n_seeds; s++)
        LEIT_TRY(leit_buffer_printf(text, "%s%" PRId64, s > 0 ? separator : "", row->seeds[s]));
    return LEIT_OK;
}

int leit_table_group(const leit_table *table, int column)
{
    int n = 1;
    while (column + n < table->n_columns &&
           strcmp(table->columns[column].mapping, table->columns[column + n].mapping) == 0)
        n++;
    return n;
}

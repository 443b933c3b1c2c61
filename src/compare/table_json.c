#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "compare/table_model.h"

/* Every helper adds to an object or array and takes the failure of jansson (short memory, or text
 * that is not UTF-8) as false. jansson takes ownership of what is added, failed or not. */

static bool set_text(json_t *object, const char *key, const char *text)
{
    return json_object_set_new(object, key, json_string(text)) == 0;
}

static bool set_number(json_t *object, const char *key, double value)
{
    return json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null()) == 0;
}

static bool set_cell(json_t *cells, const leit_table_column *column, const leit_table_cell *cell)
{
    json_t *object = json_object();
    return json_array_append_new(cells, object) == 0 &&
           set_text(object, "mapping", column->mapping) &&
           set_text(object, "metric", column->metric) && set_number(object, "value", cell->value) &&
           set_number(object, "low", cell->low) && set_number(object, "high", cell->high);
}

static bool set_row(json_t *rows, const leit_table *table, const struct leit_table_row *row)
{
    json_t *object = json_object(), *seeds = NULL, *cells = NULL;
    bool fine = json_array_append_new(rows, object) == 0 &&
                set_text(object, "strategy", row->name) &&
                json_object_set_new(object, "reference", json_boolean(row->reference)) == 0 &&
                json_object_set_new(object, "seeds", seeds = json_array()) == 0 &&
                json_object_set_new(object, "cells", cells = json_array()) == 0;
    for (int s = 0; s < row->n_seeds && fine; s++)
        fine = json_array_append_new(seeds, json_integer(row->seeds[s])) == 0;
    for (int c = 0; c < table->n_columns && fine; c++)
        fine = set_cell(cells, &table->columns[c], &row->cells[c]);
    return fine;
}

static bool set_test(json_t *tests, const leit_table *table, const leit_table_test *test)
{
    json_t *object = json_object();
    const leit_table_column *column = &table->columns[test->column];
    return json_array_append_new(tests, object) == 0 &&
           set_text(object, "strategy", table->rows[test->row].name) &&
           set_text(object, "other", table->rows[test->other_row].name) &&
           set_text(object, "mapping", column->mapping) &&
           set_text(object, "metric", column->metric) &&
           set_number(object, "difference", test->difference) &&
           set_number(object, "low", test->low) && set_number(object, "high", test->high) &&
           set_number(object, "p_value", test->p_value) &&
           set_number(object, "p_holm", test->p_holm);
}

static bool set_table(json_t *root, const leit_table *table)
{
    json_t *rows = json_array(), *tests = json_array(), *notes = json_array();
    bool fine = set_text(root, "title", table->title);
    fine = json_object_set_new(root, "rows", rows) == 0 && fine;
    fine = json_object_set_new(root, "tests", tests) == 0 && fine;
    fine = json_object_set_new(root, "notes", notes) == 0 && fine;
    for (size_t r = 0; r < table->n_rows && fine; r++) fine = set_row(rows, table, &table->rows[r]);
    for (size_t i = 0; i < table->n_tests && fine; i++)
        fine = set_test(tests, table, &table->tests[i]);
    for (size_t i = 0; i < table->n_notes && fine; i++)
        fine = json_array_append_new(notes, json_string(table->notes[i])) == 0;
    return fine;
}

leit_status leit_table_write_json(const leit_table *table, leit_buffer *json)
{
    json_t *root = json_object();
    bool fine = set_table(root, table);
    char *text = fine ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10)) : NULL;
    json_decref(root);
    LEIT_FAIL_IF(text == NULL, LEIT_DATA,
                 "table '%s' cannot be written as JSON: a name is not UTF-8, or memory is short",
                 table->title);
    leit_status status = leit_buffer_puts(json, text);
    if (status == LEIT_OK) status = leit_buffer_puts(json, "\n");
    free(text);
    return status;
}

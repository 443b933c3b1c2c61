/* The comparison table: strategies by mapping and metric, with reference rows, intervals
 * and the tests between strategies. One model, four writers. */
#ifndef LEIT_COMPARE_TABLE_H
#define LEIT_COMPARE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"

typedef struct leit_table leit_table;

typedef struct leit_table_column {
    const char *mapping; /* "va"; equal neighbours share one heading */
    const char *metric;  /* "P@5" */
} leit_table_column;

/* NAN: there is none. */
typedef struct leit_table_cell {
    double value;
    double low, high; /* interval */
} leit_table_cell;

/* A paired test between two rows under one column. */
typedef struct leit_table_test {
    int row, other_row, column;
    double difference, low, high; /* row - other_row */
    double p_value, p_holm;       /* p_holm: NAN without a correction */
} leit_table_test;

/* All strings are copied. LEIT_USAGE without a column. */
leit_status leit_table_create(const char *title, int n_columns, const leit_table_column *columns,
                              leit_table **table);
void leit_table_free(leit_table *table);

/* A strategy with the seeds of its runs, or (reference) a row such as `random` and `oracle`, which
 * never counts as best. Cells start empty.
 *   seeds  (n_seeds); NULL when n_seeds is 0
 *   row    out, may be NULL */
leit_status leit_table_add_row(leit_table *table, const char *name, int n_seeds,
                               const int64_t *seeds, bool reference, int *row);

/* LEIT_USAGE when row or column is not in the table. */
leit_status leit_table_set(leit_table *table, int row, int column, const leit_table_cell *cell);
leit_status leit_table_add_test(leit_table *table, const leit_table_test *test);

/* A sentence below the table: what was left out and why. */
leit_status leit_table_add_note(leit_table *table, const char *note);

/* Aligned columns for a terminal; `*` marks the best strategy of a column. */
leit_status leit_table_write_text(const leit_table *table, leit_buffer *text);

/* One line for each cell that has a value (RFC 4180, lines end in LF):
 * strategy,seeds,reference,mapping,metric,value,low,high */
leit_status leit_table_write_csv(const leit_table *table, leit_buffer *csv);

/* LEIT_DATA when a name is not UTF-8. */
leit_status leit_table_write_json(const leit_table *table, leit_buffer *json);

/* A whole page, and the part of it that a report takes. */
leit_status leit_table_write_html(const leit_table *table, leit_buffer *html);
leit_status leit_table_write_html_part(const leit_table *table, leit_buffer *html);

#endif

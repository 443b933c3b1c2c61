/* The inside of a leit_table, for its writers. */
#ifndef LEIT_COMPARE_TABLE_MODEL_H
#define LEIT_COMPARE_TABLE_MODEL_H

#include "compare/table.h"
#include "core/arena.h"

struct leit_table_row {
    const char *name;
    int n_seeds;
    const int64_t *seeds;
    bool reference;
    leit_table_cell *cells; /* (n_columns) */
};

struct leit_table {
    leit_arena arena; /* strings, columns, seeds, cells */
    const char *title;
    int n_columns;
    leit_table_column *columns;
    struct leit_table_row *rows;
    size_t n_rows, row_capacity;
    leit_table_test *tests;
    size_t n_tests, test_capacity;
    const char **notes;
    size_t n_notes, note_capacity;
};

/* Whether the row has the best value of the column among the strategies; two equals are both best,
 * and a single strategy has nothing to be better than. */
bool leit_table_is_best(const leit_table *table, size_t row, int column);

/* "1, 2, 3" */
leit_status leit_table_append_seeds(const struct leit_table_row *row, const char *separator,
                                    leit_buffer *text);

/* How many columns from `column` on share its mapping. */
int leit_table_group(const leit_table *table, int column);

#endif

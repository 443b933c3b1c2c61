#include <math.h>
#include <string.h>

#include "compare/table_model.h"
#include "core/memory.h"

/* The terminal's table and the CSV. Text columns are as wide as their widest cell, counted in
 * code points. */

static size_t code_points(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

/* A name on one line: control characters become spaces. */
static leit_status append_line(leit_buffer *text, const char *name)
{
    size_t start = text->size_bytes;
    LEIT_TRY(leit_buffer_puts(text, name));
    for (size_t i = start; i < text->size_bytes; i++)
        if ((unsigned char)text->data[i] < 0x20 || text->data[i] == 0x7F) text->data[i] = ' ';
    return LEIT_OK;
}

static leit_status append_cell(const leit_table *table, size_t row, int column, leit_buffer *text)
{
    const leit_table_cell *cell = &table->rows[row].cells[column];
    if (isnan(cell->value)) return leit_buffer_puts(text, "-");
    LEIT_TRY(leit_buffer_printf(text, "%.3f%s", cell->value,
                                leit_table_is_best(table, row, column) ? "*" : " "));
    if (!isnan(cell->low) && !isnan(cell->high))
        LEIT_TRY(leit_buffer_printf(text, " [%.3f, %.3f]", cell->low, cell->high));
    while (text->data[text->size_bytes - 1] == ' ') text->data[--text->size_bytes] = '\0';
    return LEIT_OK;
}

/* Two heading lines (-2: mapping, -1: metric), then the rows; columns 0 and 1 are name and seeds.
 */
static leit_status append_field(const leit_table *table, int line, int field, leit_buffer *text)
{
    if (field >= 2) {
        const int c = field - 2;
        const bool starts = c == 0 || leit_table_group(table, c - 1) == 1;
        if (line == -2) return append_line(text, starts ? table->columns[c].mapping : "");
        if (line == -1) return append_line(text, table->columns[c].metric);
        return append_cell(table, (size_t)line, c, text);
    }
    if (line < 0) return leit_buffer_puts(text, line == -2 ? "" : field ? "seeds" : "strategy");
    const struct leit_table_row *row = &table->rows[line];
    return field == 0 ? append_line(text, row->name) : leit_table_append_seeds(row, ",", text);
}

/* Appends one line; with `text` NULL only widens `widths` (2 + n_columns). */
static leit_status lay_out(const leit_table *table, int line, size_t *widths, leit_buffer *text)
{
    leit_buffer field = {0};
    leit_status status = LEIT_OK;
    size_t gap = 0; /* spaces owed, so that no line ends in them */
    for (int f = 0; f < table->n_columns + 2 && status == LEIT_OK; f++) {
        field.size_bytes = 0;
        if (field.data != NULL) field.data[0] = '\0';
        LEIT_TRY_GOTO(append_field(table, line, f, &field), done);
        size_t width = code_points(leit_buffer_text(&field));
        if (text == NULL) {
            if (width > widths[f]) widths[f] = width;
            continue;
        }
        if (width > 0) {
            LEIT_TRY_GOTO(leit_buffer_printf(text, "%*s%s", (int)gap, "", field.data), done);
            gap = 0;
        }
        gap += widths[f] - width + (widths[f] > 0 ? 2 : 0);
    }
    if (text != NULL) status = leit_buffer_puts(text, "\n");
done:
    leit_buffer_clear(&field);
    return status;
}

/* A terminal has room for the pairs of three strategies; more are counted, and named in the files.
 */
enum { MAX_TESTS_SHOWN = 9 };

static leit_status count_tests(const leit_table *table, leit_buffer *text)
{
    size_t n_clear = 0;
    for (size_t i = 0; i < table->n_tests; i++) n_clear += table->tests[i].p_holm < 0.05;
    return leit_buffer_printf(
        text,
        "\n%zu of %zu pairs differ by a paired permutation test (Holm, 5 %%); "
        "the JSON and HTML tables name them\n",
        n_clear, table->n_tests);
}

static leit_status append_tests(const leit_table *table, leit_buffer *text)
{
    if (table->n_tests > MAX_TESTS_SHOWN) return count_tests(table, text);
    if (table->n_tests > 0) LEIT_TRY(leit_buffer_puts(text, "\npaired permutation tests\n"));
    for (size_t i = 0; i < table->n_tests; i++) {
        const leit_table_test *test = &table->tests[i];
        const leit_table_column *column = &table->columns[test->column];
        LEIT_TRY(leit_buffer_puts(text, "  "));
        LEIT_TRY(append_line(text, table->rows[test->row].name));
        LEIT_TRY(leit_buffer_puts(text, " - "));
        LEIT_TRY(append_line(text, table->rows[test->other_row].name));
        LEIT_TRY(leit_buffer_puts(text, ", "));
        LEIT_TRY(append_line(text, column->mapping));
        LEIT_TRY(leit_buffer_puts(text, " "));
        LEIT_TRY(append_line(text, column->metric));
        LEIT_TRY(leit_buffer_printf(text, ": %+.3f", test->difference));
        if (!isnan(test->low))
            LEIT_TRY(leit_buffer_printf(text, " [%+.3f, %+.3f]", test->low, test->high));
        LEIT_TRY(leit_buffer_printf(text, ", p %.4f", test->p_value));
        if (!isnan(test->p_holm)) LEIT_TRY(leit_buffer_printf(text, ", Holm %.4f", test->p_holm));
        LEIT_TRY(leit_buffer_puts(text, "\n"));
    }
    return LEIT_OK;
}

leit_status leit_table_write_text(const leit_table *table, leit_buffer *text)
{
    size_t *widths = NULL;
    leit_status status = LEIT_OK;
    LEIT_TRY(LEIT_ALLOC(widths, table->n_columns + 2));
    LEIT_TRY_GOTO(append_line(text, table->title), done);
    LEIT_TRY_GOTO(leit_buffer_puts(text, "\n\n"), done);
    for (int line = -2; line < (int)table->n_rows; line++)
        LEIT_TRY_GOTO(lay_out(table, line, widths, NULL), done);
    for (int line = -2; line < (int)table->n_rows; line++)
        LEIT_TRY_GOTO(lay_out(table, line, widths, text), done);
    LEIT_TRY_GOTO(append_tests(table, text), done);
    for (size_t i = 0; i < table->n_notes; i++) {
        LEIT_TRY_GOTO(leit_buffer_puts(text, i == 0 ? "\n" : ""), done);
        LEIT_TRY_GOTO(append_line(text, table->notes[i]), done);
        LEIT_TRY_GOTO(leit_buffer_puts(text, "\n"), done);
    }
done:
    leit_free(widths);
    return status;
}

/* ---- CSV ---- */

static leit_status append_quoted(leit_buffer *csv, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) return leit_buffer_puts(csv, text);
    LEIT_TRY(leit_buffer_puts(csv, "\""));
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') LEIT_TRY(leit_buffer_puts(csv, "\""));
        LEIT_TRY(leit_buffer_append(csv, c, 1));
    }
    return leit_buffer_puts(csv, "\"");
}

/* ",0.5", or "," without a value */
static leit_status append_number(leit_buffer *csv, double value)
{
    return isnan(value) ? leit_buffer_puts(csv, ",") : leit_buffer_printf(csv, ",%.10g", value);
}

leit_status leit_table_write_csv(const leit_table *table, leit_buffer *csv)
{
    LEIT_TRY(leit_buffer_puts(csv, "strategy,seeds,reference,mapping,metric,value,low,high\n"));
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct leit_table_row *row = &table->rows[r];
        for (int c = 0; c < table->n_columns; c++) {
            const leit_table_cell *cell = &row->cells[c];
            if (isnan(cell->value)) continue;
            LEIT_TRY(append_quoted(csv, row->name));
            LEIT_TRY(leit_buffer_puts(csv, ","));
            LEIT_TRY(leit_table_append_seeds(row, " ", csv));
            LEIT_TRY(leit_buffer_puts(csv, row->reference ? ",1," : ",0,"));
            LEIT_TRY(append_quoted(csv, table->columns[c].mapping));
            LEIT_TRY(leit_buffer_puts(csv, ","));
            LEIT_TRY(append_quoted(csv, table->columns[c].metric));
            const double numbers[3] = {cell->value, cell->low, cell->high};
            for (int i = 0; i < 3; i++) LEIT_TRY(append_number(csv, numbers[i]));
            LEIT_TRY(leit_buffer_puts(csv, "\n"));
        }
    }
    return LEIT_OK;
}

#include <math.h>

#include "compare/page.h"
#include "compare/table_model.h"

static leit_status append_heading(const leit_table *table, leit_buffer *html)
{
    LEIT_TRY(leit_page_wrap(html, "<table>\n<caption>", table->title, "</caption>\n<thead>\n<tr>"));
    LEIT_TRY(leit_buffer_puts(html, "<td></td>"));
    for (int c = 0; c < table->n_columns; c += leit_table_group(table, c)) {
        LEIT_TRY(leit_buffer_printf(html, "<th class=\"group\" scope=\"colgroup\" colspan=\"%d\">",
                                    leit_table_group(table, c)));
        LEIT_TRY(leit_page_wrap(html, "", table->columns[c].mapping, "</th>"));
    }
    LEIT_TRY(leit_buffer_puts(html, "</tr>\n<tr><th scope=\"col\">strategy</th>"));
    for (int c = 0; c < table->n_columns; c++)
        LEIT_TRY(leit_page_wrap(html, "<th scope=\"col\">", table->columns[c].metric, "</th>"));
    return leit_buffer_puts(html, "</tr>\n</thead>\n<tbody>\n");
}

static leit_status append_signed(const char *before, double value, const char *after,
                                 leit_buffer *html)
{
    return leit_buffer_printf(html, "%s%s%.3f%s", before, value < 0.0 ? "&minus;" : "+",
                              fabs(value), after);
}

static leit_status append_cell(const leit_table *table, size_t row, int column, leit_buffer *html)
{
    const leit_table_cell *cell = &table->rows[row].cells[column];
    if (isnan(cell->value)) return leit_buffer_puts(html, "<td>&ndash;</td>");
    const bool best = leit_table_is_best(table, row, column);
    LEIT_TRY(leit_buffer_printf(
        html, best ? "<td class=\"best\" title=\"best\"><b>%.3f</b>" : "<td>%.3f", cell->value));
    if (!isnan(cell->low) && !isnan(cell->high))
        LEIT_TRY(
            leit_buffer_printf(html, "<small>%.3f &ndash; %.3f</small>", cell->low, cell->high));
    return leit_buffer_puts(html, "</td>");
}

static leit_status append_rows(const leit_table *table, leit_buffer *html)
{
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct leit_table_row *row = &table->rows[r];
        LEIT_TRY(leit_buffer_puts(html, row->reference ? "<tr class=\"reference\">" : "<tr>"));
        LEIT_TRY(leit_page_wrap(html, "<th scope=\"row\">", row->name, ""));
        if (row->n_seeds > 0) {
            LEIT_TRY(leit_buffer_puts(html, row->n_seeds == 1 ? "<small>seed " : "<small>seeds "));
            LEIT_TRY(leit_table_append_seeds(row, ", ", html));
            LEIT_TRY(leit_buffer_puts(html, "</small>"));
        }
        LEIT_TRY(leit_buffer_puts(html, "</th>"));
        for (int c = 0; c < table->n_columns; c++) LEIT_TRY(append_cell(table, r, c, html));
        LEIT_TRY(leit_buffer_puts(html, "</tr>\n"));
    }
    return leit_buffer_puts(html, "</tbody>\n</table>\n");
}

static leit_status append_test(const leit_table *table, const leit_table_test *test,
                               leit_buffer *html)
{
    const leit_table_column *column = &table->columns[test->column];
    LEIT_TRY(leit_page_wrap(html, "<tr><th scope=\"row\">", table->rows[test->row].name, " "));
    LEIT_TRY(leit_page_wrap(html, "&minus; ", table->rows[test->other_row].name, "</th><td>"));
    LEIT_TRY(leit_page_wrap(html, "", column->mapping, " "));
    LEIT_TRY(leit_page_wrap(html, "", column->metric, "</td>"));
    LEIT_TRY(append_signed("<td>", test->difference, "</td>", html));
    if (isnan(test->low)) {
        LEIT_TRY(leit_buffer_puts(html, "<td>&ndash;</td>"));
    } else {
        LEIT_TRY(append_signed("<td>", test->low, " to ", html));
        LEIT_TRY(append_signed("", test->high, "</td>", html));
    }
    LEIT_TRY(leit_buffer_printf(html, "<td>%.4f</td>", test->p_value));
    if (isnan(test->p_holm)) return leit_buffer_puts(html, "<td>&ndash;</td></tr>\n");
    return leit_buffer_printf(
        html, test->p_holm < 0.05 ? "<td><b>%.4f</b></td></tr>\n" : "<td>%.4f</td></tr>\n",
        test->p_holm);
}

static leit_status append_tests(const leit_table *table, leit_buffer *html)
{
    if (table->n_tests == 0) return LEIT_OK;
    LEIT_TRY(leit_buffer_puts(
        html, "<div class=\"card\">\n<table>\n<caption>Paired permutation tests</caption>\n<thead>"
              "<tr><th scope=\"col\">strategies</th><th scope=\"col\">figure</th><th "
              "scope=\"col\">difference</th><th scope=\"col\">interval</th><th scope=\"col\">p</th>"
              "<th scope=\"col\">p, Holm</th></tr></thead>\n<tbody>\n"));
    for (size_t i = 0; i < table->n_tests; i++)
        LEIT_TRY(append_test(table, &table->tests[i], html));
    return leit_buffer_puts(html, "</tbody>\n</table>\n</div>\n");
}

leit_status leit_table_write_html_part(const leit_table *table, leit_buffer *html)
{
    LEIT_TRY(leit_buffer_puts(html, "<div class=\"card\">\n"));
    LEIT_TRY(append_heading(table, html));
    LEIT_TRY(append_rows(table, html));
    if (table->n_notes > 0) LEIT_TRY(leit_buffer_puts(html, "<ul class=\"notes\">\n"));
    for (size_t i = 0; i < table->n_notes; i++)
        LEIT_TRY(leit_page_wrap(html, "<li>", table->notes[i], "</li>\n"));
    if (table->n_notes > 0) LEIT_TRY(leit_buffer_puts(html, "</ul>\n"));
    LEIT_TRY(leit_buffer_puts(html, "</div>\n"));
    return append_tests(table, html);
}

leit_status leit_table_write_html(const leit_table *table, leit_buffer *html)
{
    LEIT_TRY(leit_page_begin(table->title, NULL, html));
    LEIT_TRY(leit_table_write_html_part(table, html));
    return leit_page_end(html);
}

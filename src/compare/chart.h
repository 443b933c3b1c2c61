/* Charts as inline SVG and heat maps as tables: what a report shows beside its figures. */
#ifndef LEIT_COMPARE_CHART_H
#define LEIT_COMPARE_CHART_H

#include <stdint.h>

#include "core/buffer.h"

typedef struct leit_series {
    const char *name;
    int64_t n_points;
    const double *x, *y; /* (n_points) x ascending; a y that is not finite breaks the line */
} leit_series;

typedef struct leit_chart {
    const char *title, *x_label, *y_label;
    double y_low, y_high; /* NAN: from the data */
    int n_series;
    const leit_series *series; /* (n_series) */
} leit_chart;

typedef struct leit_heat_map {
    const char *title;
    const char *corner; /* what rows and columns are: "text mood / music mood" */
    int n_rows, n_columns;
    const char *const *row_names;    /* (n_rows) */
    const char *const *column_names; /* (n_columns) */
    const double *values;            /* (n_rows, n_columns) shares in [0, 1]; NAN: none */
} leit_heat_map;

/* A figure with legend. A line of more than 400 points is drawn from averages of equally many
 * neighbours, and the caption says so. With 32 points or fewer the numbers follow as a table that
 * unfolds. */
leit_status leit_chart_write_html(const leit_chart *chart, leit_buffer *html);
leit_status leit_heat_map_write_html(const leit_heat_map *map, leit_buffer *html);

/* Reads a series from JSON lines (metrics.jsonl): of each line that has numbers under both keys,
 * and under where_key the text where_value (where_key NULL: every line), one point. A last line
 * without a newline is taken as cut short when it does not parse; LEIT_DATA, with the line's
 * number, for any other line that is no JSON object. Free x and y of `series` with
 * leit_series_clear. */
leit_status leit_series_read(const char *jsonl, const char *name, const char *x_key,
                             const char *y_key, const char *where_key, const char *where_value,
                             leit_series *series);
void leit_series_clear(leit_series *series);

#endif

/* Charts as inline SVG and heat maps as tables: what a report shows beside its figures. */
#ifndef LEIT_COMPARE_CHART_H
#define LEIT_COMPARE_CHART_H

#include <stdint.h>

#include "core/arena.h"
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

typedef struct leit_series_list {
    leit_arena arena; /* names */
    size_t n, capacity;
    leit_series *series;
} leit_series_list;

/* Appends the losses by step of a metrics.jsonl to a list: of the lines that have both numbers one
 * series for each text under `split_key` (steps start again in each phase), named "name, text"; of
 * a file with one such text "name". A last line without a newline is taken as cut short when it
 * does not parse; LEIT_DATA, with `path` and the line's number, for any other line that is no JSON
 * object. */
leit_status leit_series_read(const char *path, const char *jsonl, const char *split_key,
                             const char *name, leit_series_list *list);
void leit_series_list_clear(leit_series_list *list);

#endif

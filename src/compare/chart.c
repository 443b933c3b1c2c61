#include "compare/chart.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "compare/page.h"
#include "core/memory.h"

enum { WIDTH = 640, HEIGHT = 300, LEFT = 58, RIGHT = 14, TOP = 14, BOTTOM = 46 };
enum { N_COLOURS = 8, MAX_DRAWN = 400, MAX_LISTED = 32, WANTED_TICKS = 5 };

struct axis {
    double low, high, step;
    int decimals;
};

/* Ticks at 1, 2 or 5 times a power of ten. */
static struct axis make_axis(double low, double high, bool widen)
{
    if (!(high > low)) {
        double margin = low == 0.0 || !isfinite(low) ? 1.0 : fabs(low) * 0.1;
        low = isfinite(low) ? low - margin : 0.0;
        high = low + 2.0 * margin;
    }
    double rough = (high - low) / WANTED_TICKS;
    int exponent = (int)floor(log10(rough));
    double power = pow(10.0, exponent), lead = rough / power;
    double factor = lead < 1.5 ? 1.0 : lead < 3.5 ? 2.0 : lead < 7.5 ? 5.0 : 10.0;
    struct axis axis = {low, high, factor * power, 0};
    if (widen) {
        axis.low = floor(low / axis.step + 1e-9) * axis.step;
        axis.high = ceil(high / axis.step - 1e-9) * axis.step;
    }
    int places = factor > 9.0 ? -exponent - 1 : -exponent;
    axis.decimals = places < 0 ? 0 : places > 9 ? 9 : places;
    return axis;
}

static double place_x(const struct axis *axis, double x)
{
    return LEFT + (x - axis->low) / (axis->high - axis->low) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct axis *axis, double y)
{
    return HEIGHT - BOTTOM - (y - axis->low) / (axis->high - axis->low) * (HEIGHT - TOP - BOTTOM);
}

static void find_range(const leit_chart *chart, double low[2], double high[2])
{
    low[0] = low[1] = INFINITY;
    high[0] = high[1] = -INFINITY;
    for (int s = 0; s < chart->n_series; s++)
        for (int64_t i = 0; i < chart->series[s].n_points; i++) {
            const double point[2] = {chart->series[s].x[i], chart->series[s].y[i]};
            if (!isfinite(point[0]) || !isfinite(point[1])) continue;
            for (int a = 0; a < 2; a++) {
                low[a] = fmin(low[a], point[a]);
                high[a] = fmax(high[a], point[a]);
            }
        }
}

static leit_status draw_axes(const leit_chart *chart, const struct axis *x, const struct axis *y,
                             leit_buffer *svg)
{
    for (int i = 0; i <= 2 * WANTED_TICKS + 1; i++) {
        double value = (ceil(y->low / y->step - 1e-9) + i) * y->step;
        if (value > y->high + 1e-9 * y->step) break;
        LEIT_TRY(
            leit_buffer_printf(svg,
                               "<line class=\"tick\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                               "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>\n",
                               LEFT, WIDTH - RIGHT, place_y(y, value), place_y(y, value), LEFT - 8,
                               place_y(y, value) + 4.0, y->decimals, value == 0.0 ? 0.0 : value));
    }
    for (int i = 0; i <= 2 * WANTED_TICKS + 1; i++) {
        double value = (ceil(x->low / x->step - 1e-9) + i) * x->step;
        if (value > x->high + 1e-9 * x->step) break;
        LEIT_TRY(leit_buffer_printf(
            svg, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*f</text>\n",
            place_x(x, value), HEIGHT - BOTTOM + 18, x->decimals, value == 0.0 ? 0.0 : value));
    }
    LEIT_TRY(leit_buffer_printf(svg, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                                (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8));
    LEIT_TRY(leit_page_wrap(svg, "", chart->x_label, "</text>\n"));
    int middle = (TOP + HEIGHT - BOTTOM) / 2;
    LEIT_TRY(leit_buffer_printf(
        svg, "<text transform=\"translate(13 %d) rotate(-90)\" text-anchor=\"middle\">", middle));
    return leit_page_wrap(svg, "", chart->y_label, "</text>\n");
}

/* One <path>; a value that is not finite lifts the pen. A lone point becomes a dot by its cap. */
static leit_status draw_line(const leit_series *series, int colour, const struct axis *x,
                             const struct axis *y, leit_buffer *svg)
{
    const int64_t stride = (series->n_points + MAX_DRAWN - 1) / MAX_DRAWN;
    bool down = false;
    LEIT_TRY(leit_buffer_printf(svg, "<path class=\"curve s%d\" d=\"", colour));
    for (int64_t begin = 0; begin < series->n_points; begin += stride) {
        double sum_x = 0.0, sum_y = 0.0;
        int64_t n = 0;
        for (int64_t i = begin; i < begin + stride && i < series->n_points; i++, n++) {
            sum_x += series->x[i];
            sum_y += series->y[i];
        }
        double px = place_x(x, sum_x / (double)n), py = place_y(y, sum_y / (double)n);
        const bool drawn = isfinite(px) && isfinite(py);
        if (drawn && down) LEIT_TRY(leit_buffer_printf(svg, "L%.1f %.1f", px, py));
        if (drawn && !down) LEIT_TRY(leit_buffer_printf(svg, "M%.1f %.1fh0", px, py));
        down = drawn;
    }
    return leit_buffer_puts(svg, "\"/>\n");
}

static leit_status draw_legend(const leit_chart *chart, leit_buffer *html)
{
    LEIT_TRY(leit_buffer_puts(html, "<ul class=\"legend\">\n"));
    for (int s = 0; s < chart->n_series; s++) {
        LEIT_TRY(leit_buffer_printf(html,
                                    "<li><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\"><path "
                                    "class=\"curve s%d\" d=\"M1 5h26\"/></svg>",
                                    s % N_COLOURS));
        LEIT_TRY(leit_page_wrap(html, "", chart->series[s].name, "</li>\n"));
    }
    return leit_buffer_puts(html, "</ul>\n");
}

/* The numbers of a short chart whose series share their x. */
static leit_status list_points(const leit_chart *chart, leit_buffer *html)
{
    const leit_series *first = &chart->series[0];
    for (int s = 0; s < chart->n_series; s++) {
        const leit_series *series = &chart->series[s];
        if (series->n_points != first->n_points || series->n_points > MAX_LISTED) return LEIT_OK;
        for (int64_t i = 0; i < series->n_points; i++)
            if (series->x[i] != first->x[i]) return LEIT_OK;
    }
    LEIT_TRY(leit_buffer_puts(html, "<details><summary>Numbers</summary>\n<table>\n<thead><tr>"));
    LEIT_TRY(leit_page_wrap(html, "<th scope=\"col\">", chart->x_label, "</th>"));
    for (int s = 0; s < chart->n_series; s++)
        LEIT_TRY(leit_page_wrap(html, "<th scope=\"col\">", chart->series[s].name, "</th>"));
    LEIT_TRY(leit_buffer_puts(html, "</tr></thead>\n<tbody>\n"));
    for (int64_t i = 0; i < first->n_points; i++) {
        LEIT_TRY(leit_buffer_printf(html, "<tr><th scope=\"row\">%g</th>", first->x[i]));
        for (int s = 0; s < chart->n_series; s++)
            LEIT_TRY(leit_buffer_printf(html, "<td>%.4g</td>", chart->series[s].y[i]));
        LEIT_TRY(leit_buffer_puts(html, "</tr>\n"));
    }
    return leit_buffer_puts(html, "</tbody>\n</table>\n</details>\n");
}

static leit_status write_caption(const leit_chart *chart, leit_buffer *html)
{
    int64_t longest = 0;
    for (int s = 0; s < chart->n_series; s++)
        if (chart->series[s].n_points > longest) longest = chart->series[s].n_points;
    if (longest <= MAX_DRAWN) return LEIT_OK;
    return leit_buffer_printf(html,
                              "<p class=\"notes\">Each point of the longest line is the average of "
                              "%lld neighbours.</p>\n",
                              (long long)((longest + MAX_DRAWN - 1) / MAX_DRAWN));
}

leit_status leit_chart_write_html(const leit_chart *chart, leit_buffer *html)
{
    double low[2], high[2];
    find_range(chart, low, high);
    struct axis x = make_axis(low[0], high[0], false);
    struct axis y = make_axis(isnan(chart->y_low) ? low[1] : chart->y_low,
                              isnan(chart->y_high) ? high[1] : chart->y_high, true);
    LEIT_TRY(leit_page_wrap(html, "<section class=\"card\">\n<h3>", chart->title, "</h3>\n"));
    LEIT_TRY(leit_buffer_printf(html, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
                                WIDTH, HEIGHT));
    LEIT_TRY(leit_page_text(html, chart->title));
    for (int s = 0; s < chart->n_series; s++)
        LEIT_TRY(leit_page_wrap(html, s == 0 ? ": " : ", ", chart->series[s].name, ""));
    LEIT_TRY(leit_buffer_puts(html, "\">\n"));
    if (high[0] >= low[0])
        LEIT_TRY(draw_axes(chart, &x, &y, html));
    else
        LEIT_TRY(leit_buffer_printf(html,
                                    "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">no "
                                    "points yet</text>\n",
                                    WIDTH / 2, HEIGHT / 2));
    for (int s = 0; s < chart->n_series; s++)
        LEIT_TRY(draw_line(&chart->series[s], s % N_COLOURS, &x, &y, html));
    LEIT_TRY(leit_buffer_puts(html, "</svg>\n"));
    LEIT_TRY(draw_legend(chart, html));
    LEIT_TRY(write_caption(chart, html));
    if (chart->n_series > 0) LEIT_TRY(list_points(chart, html));
    return leit_buffer_puts(html, "</section>\n");
}

leit_status leit_heat_map_write_html(const leit_heat_map *map, leit_buffer *html)
{
    LEIT_TRY(leit_page_wrap(html, "<div class=\"card\">\n<table class=\"heat\">\n<caption>",
                            map->title, "</caption>\n<thead><tr>"));
    LEIT_TRY(leit_page_wrap(html, "<th scope=\"col\">", map->corner, "</th>"));
    for (int c = 0; c < map->n_columns; c++)
        LEIT_TRY(leit_page_wrap(html, "<th scope=\"col\">", map->column_names[c], "</th>"));
    LEIT_TRY(leit_buffer_puts(html, "</tr></thead>\n<tbody>\n"));
    for (int r = 0; r < map->n_rows; r++) {
        LEIT_TRY(leit_page_wrap(html, "<tr><th scope=\"row\">", map->row_names[r], "</th>"));
        for (int c = 0; c < map->n_columns; c++) {
            double value = map->values[(int64_t)r * map->n_columns + c];
            if (isnan(value))
                LEIT_TRY(leit_buffer_puts(html, "<td style=\"--p:0%\">&ndash;</td>"));
            else
                LEIT_TRY(leit_buffer_printf(html, "<td style=\"--p:%.0f%%\">%.2f</td>",
                                            100.0 * fmax(0.0, fmin(1.0, value)), value));
        }
        LEIT_TRY(leit_buffer_puts(html, "</tr>\n"));
    }
    return leit_buffer_puts(html, "</tbody>\n</table>\n</div>\n");
}

/* ---- metrics.jsonl ---- */

struct point {
    double x, y;
    size_t part; /* which text it has under the key that splits */
};

struct points {
    leit_arena arena;
    size_t n, capacity, n_parts, part_capacity;
    struct point *list;
    const char **parts;
};

static leit_status find_part(struct points *points, const char *text, size_t *part)
{
    for (*part = 0; *part < points->n_parts; ++*part)
        if (strcmp(points->parts[*part], text) == 0) return LEIT_OK;
    LEIT_TRY(LEIT_GROW(points->parts, points->n_parts, points->part_capacity));
    points->parts[points->n_parts] = leit_arena_strdup(&points->arena, text);
    return points->parts[points->n_parts++] == NULL ? LEIT_INTERNAL : LEIT_OK;
}

static leit_status take_row(const json_t *row, const char *split_key, struct points *points)
{
    const json_t *x = json_object_get(row, "step"), *y = json_object_get(row, "loss");
    const char *text = json_string_value(json_object_get(row, split_key));
    if (!json_is_number(x) || !json_is_number(y)) return LEIT_OK;
    LEIT_TRY(LEIT_GROW(points->list, points->n, points->capacity));
    struct point *point = &points->list[points->n++];
    *point = (struct point){.x = json_number_value(x), .y = json_number_value(y)};
    return find_part(points, text == NULL ? "" : text, &point->part);
}

static leit_status read_points(const char *path, const char *jsonl, const char *split_key,
                               struct points *points)
{
    int number = 0;
    for (const char *line = jsonl; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        const bool is_whole = line[length] == '\n';
        number++;
        json_t *row = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
        leit_status status = LEIT_OK;
        if (json_is_object(row))
            status = take_row(row, split_key, points);
        else if (length > 0 && (is_whole || row != NULL))
            status =
                leit_fail(LEIT_DATA, __func__, "%s:%d: '%.*s' is no JSON object; take the line out",
                          path, number, length < 40 ? (int)length : 40, line);
        json_decref(row);
        LEIT_TRY(status);
        line += length + is_whole;
    }
    return LEIT_OK;
}

/* x and y lie in one piece of memory. */
static leit_status add_part(const struct points *points, size_t part, const char *name,
                            leit_series_list *list)
{
    LEIT_TRY(LEIT_GROW(list->series, list->n, list->capacity));
    const char *full = points->n_parts == 1
                           ? leit_arena_strdup(&list->arena, name)
                           : leit_arena_printf(&list->arena, "%s, %s", name, points->parts[part]);
    if (full == NULL) return LEIT_INTERNAL;
    int64_t n = 0, at = 0;
    for (size_t i = 0; i < points->n; i++) n += points->list[i].part == part;
    double *x = NULL;
    LEIT_TRY(LEIT_ALLOC(x, 2 * n));
    for (size_t i = 0; i < points->n; i++) {
        if (points->list[i].part != part) continue;
        x[at] = points->list[i].x;
        x[n + at++] = points->list[i].y;
    }
    list->series[list->n++] = (leit_series){full, n, x, x + n};
    return LEIT_OK;
}

leit_status leit_series_read(const char *path, const char *jsonl, const char *split_key,
                             const char *name, leit_series_list *list)
{
    struct points points = {0};
    leit_status status = read_points(path, jsonl, split_key, &points);
    for (size_t part = 0; status == LEIT_OK && part < points.n_parts; part++)
        status = add_part(&points, part, name, list);
    leit_free(points.list);
    leit_free(points.parts);
    leit_arena_clear(&points.arena);
    return status;
}

void leit_series_list_clear(leit_series_list *list)
{
    for (size_t i = 0; i < list->n; i++) leit_free((void *)(uintptr_t)list->series[i].x);
    leit_free(list->series);
    leit_arena_clear(&list->arena);
    *list = (leit_series_list){0};
}

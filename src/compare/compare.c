/* Writes what the runs of a comparison say. */
#include "leitmotif/compare.h"

#include <math.h>
#include <string.h>

#include "compare/comparison.h"
#include "core/file.h"
#include "core/memory.h"
#include "dist/launch.h"

typedef struct gathering {
    const leit_compare_options *options;
    leit_arena arena;
    leit_runs runs;
    leit_threads *threads;
} gathering;

/* The table is there, but not all that was asked for is in it. */
static leit_status report_left_out(const leit_runs *runs)
{
    if (runs->n_left_out == 0) return LEIT_OK;
    const char *first = strstr(leit_buffer_text(&runs->notes), " is left out: ");
    while (first > runs->notes.data && first[-1] != '\n') first--;
    return leit_fail(runs->first_failure, __func__, "%s: %zu left out; the first: %.*s",
                     runs->n == 0 ? "nothing to compare" : "the comparison is not complete",
                     runs->n_left_out, (int)strcspn(first, "\n"), first);
}

/* ---- writing ---- */

static leit_status write_buffer(gathering *g, const char *name, leit_buffer *content)
{
    const char *path = leit_path_join(&g->arena, g->options->output, name);
    if (path == NULL) return LEIT_INTERNAL;
    return leit_file_write(path, leit_buffer_text(content), content->size_bytes);
}

static leit_status write_table(gathering *g, const leit_table *table, const char *suffix)
{
    static const struct {
        const char *extension;
        leit_status (*write)(const leit_table *, leit_buffer *);
    } forms[] = {{"txt", leit_table_write_text},
                 {"csv", leit_table_write_csv},
                 {"json", leit_table_write_json},
                 {"html", leit_table_write_html}};
    leit_status status = LEIT_OK;
    for (size_t f = 0; status == LEIT_OK && f < sizeof forms / sizeof *forms; f++) {
        leit_buffer content = {0};
        const char *name = leit_arena_printf(&g->arena, "table%s.%s", suffix, forms[f].extension);
        status = name == NULL ? LEIT_INTERNAL : forms[f].write(table, &content);
        if (status == LEIT_OK) status = write_buffer(g, name, &content);
        leit_buffer_clear(&content);
    }
    return status;
}

/* Rows of moods, columns of runs, P@k under the first mapping. */
static leit_status mood_map(gathering *g, const leit_comparison *comparison, leit_heat_map *map)
{
    const leit_evaluation *first = comparison->first;
    const int K = first->n_text_labels, n = comparison->n_rows;
    double *values = leit_arena_allocate(&g->arena, (size_t)(K * n) * sizeof *values);
    const char **names = leit_arena_allocate(&g->arena, (size_t)n * sizeof *names);
    const char *title = leit_arena_printf(&g->arena, "P@%d of each text mood, %s mapping (%s)",
                                          first->at_k, first->mappings[0].name, first->text_corpus);
    if (values == NULL || names == NULL || title == NULL) return LEIT_INTERNAL;
    for (int r = 0; r < n; r++) {
        const leit_comparison_row *row = &comparison->rows[r];
        names[r] = row->name;
        for (int k = 0; k < K; k++) {
            if (!leit_evaluation_has_mood(first, k)) values[k * n + r] = (double)NAN;
            for (int i = 0; i < row->n_runs; i++)
                values[k * n + r] +=
                    comparison->runs[row->runs[i]].evaluation.mappings[0].mood_precision[k] /
                    row->n_runs;
        }
    }
    *map = (leit_heat_map){title, "text mood / recipe", K, n, first->text_labels, names, values};
    return LEIT_OK;
}

/* What was retrieved for which mood, of the first run of a row. */
static leit_status confusion_map(gathering *g, const leit_comparison *comparison, int row,
                                 leit_heat_map *map)
{
    const leit_evaluation *e = &comparison->runs[comparison->rows[row].runs[0]].evaluation;
    const char *title = leit_arena_printf(&g->arena, "%s: moods in the first %d",
                                          comparison->rows[row].name, e->at_k);
    if (title == NULL) return LEIT_INTERNAL;
    *map = (leit_heat_map){title,
                           "text mood / retrieved mood",
                           e->n_text_labels,
                           e->n_music_labels,
                           e->text_labels,
                           e->music_labels,
                           e->mappings[0].confusion};
    return LEIT_OK;
}

/* P@k by k of every row's first run, under the first mapping. */
static leit_status retrieval_chart(gathering *g, const leit_comparison *comparison,
                                   leit_chart *chart)
{
    const int n = comparison->n_rows;
    leit_series *series = leit_arena_allocate(&g->arena, (size_t)n * sizeof *series);
    double *k_axis = leit_arena_allocate(&g->arena, LEIT_EVALUATION_DEPTH * sizeof *k_axis);
    if (series == NULL || k_axis == NULL) return LEIT_INTERNAL;
    for (int k = 0; k < LEIT_EVALUATION_DEPTH; k++) k_axis[k] = k + 1;
    for (int r = 0; r < n; r++) {
        const leit_evaluation *e = &comparison->runs[comparison->rows[r].runs[0]].evaluation;
        series[r] = (leit_series){comparison->rows[r].name, LEIT_EVALUATION_DEPTH, k_axis,
                                  e->mappings[0].precision_at};
    }
    *chart = (leit_chart){"P@k by k, first mapping", "k", "P@k", 0.0, 1.0, n, series};
    return LEIT_OK;
}

/* The losses of every run, from its metrics.jsonl; a run without one has no curve. */
static leit_status read_curves(gathering *g, leit_series_list *curves)
{
    leit_status status = LEIT_OK;
    for (size_t i = 0; status == LEIT_OK && i < g->runs.n; i++) {
        const leit_run *run = &g->runs.list[i];
        const char *path = leit_path_join(&g->arena, run->folder, "metrics.jsonl");
        if (path == NULL) return LEIT_INTERNAL;
        if (!leit_file_exists(path)) continue;
        leit_buffer content = {0};
        status = leit_file_read(path, (size_t)1 << 30, &content);
        if (status == LEIT_OK)
            status =
                leit_series_read(path, leit_buffer_text(&content), "phase", run->folder, curves);
        leit_buffer_clear(&content);
    }
    return status;
}

/* Each run is in one row of one table, so there is never more of anything than runs. */
typedef struct page {
    leit_table **tables;
    leit_heat_map *moods, *confusions;
    leit_chart *retrievals;
    int n_tables, n_confusions;
} page;

static leit_status make_page(gathering *g, page *p)
{
    const size_t n = g->runs.n;
    *p = (page){.tables = leit_arena_allocate(&g->arena, n * sizeof *p->tables),
                .moods = leit_arena_allocate(&g->arena, n * sizeof *p->moods),
                .confusions = leit_arena_allocate(&g->arena, n * sizeof *p->confusions),
                .retrievals = leit_arena_allocate(&g->arena, n * sizeof *p->retrievals)};
    return p->tables && p->moods && p->confusions && p->retrievals ? LEIT_OK : LEIT_INTERNAL;
}

static leit_status write_report(gathering *g, const page *p)
{
    leit_series_list losses = {0};
    leit_buffer html = {0};
    leit_status status = read_curves(g, &losses);
    const leit_chart training = {"Training loss", "step",       "loss", NAN, NAN,
                                 (int)losses.n,   losses.series};
    const leit_report report = {.title =
                                    g->options->title != NULL ? g->options->title : "Comparison",
                                .subtitle = "Leitmotif: music matched to the emotion of a story",
                                .n_tables = p->n_tables,
                                .tables = (const leit_table *const *)p->tables,
                                .n_mood_maps = p->n_tables,
                                .mood_maps = p->moods,
                                .n_retrieval_charts = p->n_tables,
                                .retrieval_charts = p->retrievals,
                                .n_confusions = p->n_confusions,
                                .confusions = p->confusions,
                                .n_training_charts = losses.n > 0,
                                .training_charts = &training};
    if (status == LEIT_OK) status = leit_report_write_html(&report, &html);
    if (status == LEIT_OK) status = write_buffer(g, "report.html", &html);
    leit_buffer_clear(&html);
    leit_series_list_clear(&losses);
    return status;
}

/* Tables one below the other, or in one JSON array. */
static leit_status append_table(const gathering *g, const leit_table *table, int index,
                                leit_buffer *text)
{
    if (!g->options->as_json) return leit_table_write_text(table, text);
    LEIT_TRY(leit_buffer_puts(text, index == 0 ? "[" : ",\n"));
    return leit_table_write_json(table, text);
}

/* One table for each pair of corpora, all in one report. */
static leit_status write_all(gathering *g, bool *taken, page *p, leit_buffer *text)
{
    const char *title = g->options->title != NULL ? g->options->title : "Comparison";
    for (size_t first = 0; first < g->runs.n; first++) {
        if (taken[first]) continue;
        leit_comparison *comparison = leit_arena_allocate(&g->arena, sizeof *comparison);
        if (comparison == NULL) return LEIT_INTERNAL;
        LEIT_TRY(leit_comparison_gather(g->runs.list, (int)g->runs.n, (int)first, taken, &g->arena,
                                        comparison));
        leit_table *table = NULL;
        LEIT_TRY(leit_comparison_table(comparison, title, g->threads, &table));
        const int index = p->n_tables++;
        p->tables[index] = table;
        char *rest = NULL, *notes = leit_arena_strdup(&g->arena, leit_buffer_text(&g->runs.notes));
        for (char *note = notes == NULL ? NULL : strtok_r(notes, "\n", &rest);
             index == 0 && note != NULL; note = strtok_r(NULL, "\n", &rest))
            LEIT_TRY(leit_table_add_note(table, note));
        LEIT_TRY(append_table(g, table, index, text));
        if (g->options->output == NULL) continue;
        const char *suffix = index == 0 ? "" : leit_arena_printf(&g->arena, "-%d", index + 1);
        LEIT_TRY(write_table(g, table, suffix));
        LEIT_TRY(mood_map(g, comparison, &p->moods[index]));
        LEIT_TRY(retrieval_chart(g, comparison, &p->retrievals[index]));
        for (int r = 0; r < comparison->n_rows; r++)
            LEIT_TRY(confusion_map(g, comparison, r, &p->confusions[p->n_confusions++]));
    }
    if (g->options->as_json) LEIT_TRY(leit_buffer_puts(text, "]\n"));
    return g->options->output == NULL ? LEIT_OK : write_report(g, p);
}

static leit_status gather_and_write(gathering *g, leit_buffer *text)
{
    LEIT_TRY(leit_runs_gather(g->options, g->threads, &g->runs));
    if (g->runs.n == 0) return report_left_out(&g->runs);
    if (g->options->output != NULL) LEIT_TRY(leit_file_make_directory(g->options->output));
    bool *taken = leit_arena_allocate(&g->arena, g->runs.n * sizeof *taken);
    if (taken == NULL) return LEIT_INTERNAL;
    page p;
    LEIT_TRY(make_page(g, &p));
    leit_status status = write_all(g, taken, &p, text);
    for (int i = 0; i < p.n_tables; i++) leit_table_free(p.tables[i]);
    return status;
}

leit_status leit_compare(const leit_compare_options *options, char **text)
{
    gathering g = {.options = options};
    leit_buffer buffer = {0};
    *text = NULL;
    /* Several processes would train together and then write one table all at once. */
    LEIT_TRY(leit_launch_expect_one(
        "compare", "start leitmotif train for each recipe with it, then leitmotif compare alone"));
    leit_status status = leit_threads_create(0, &g.threads);
    if (status == LEIT_OK) status = gather_and_write(&g, &buffer);
    const bool has_table = status == LEIT_OK;
    if (has_table) status = report_left_out(&g.runs);
    leit_runs_clear(&g.runs);
    leit_arena_clear(&g.arena);
    leit_threads_free(g.threads);
    if (has_table)
        *text = buffer.data;
    else
        leit_buffer_clear(&buffer);
    return status;
}

void leit_compare_text_free(char *text)
{
    leit_free(text);
}

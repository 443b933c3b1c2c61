#include "compare/report.h"

#include "compare/page.h"

static leit_status write_facts(const leit_report *report, leit_buffer *html)
{
    if (report->n_facts == 0) return LEIT_OK;
    LEIT_TRY(leit_buffer_puts(html, "<dl class=\"facts\">\n"));
    for (int i = 0; i < report->n_facts; i++) {
        LEIT_TRY(leit_page_wrap(html, "<div><dt>", report->facts[i].name, "</dt>"));
        LEIT_TRY(leit_page_wrap(html, "<dd>", report->facts[i].value, "</dd></div>\n"));
    }
    return leit_buffer_puts(html, "</dl>\n");
}

static leit_status write_charts(const char *heading, int n, const leit_chart *charts,
                                leit_buffer *html)
{
    if (n == 0) return LEIT_OK;
    LEIT_TRY(leit_page_wrap(html, "<h2>", heading, "</h2>\n<div class=\"grid\">\n"));
    for (int i = 0; i < n; i++) LEIT_TRY(leit_chart_write_html(&charts[i], html));
    return leit_buffer_puts(html, "</div>\n");
}

static leit_status write_maps(const char *heading, int n, const leit_heat_map *maps,
                              leit_buffer *html)
{
    if (n == 0) return LEIT_OK;
    LEIT_TRY(leit_page_wrap(html, "<h2>", heading, "</h2>\n<div class=\"maps\">\n"));
    for (int i = 0; i < n; i++) LEIT_TRY(leit_heat_map_write_html(&maps[i], html));
    return leit_buffer_puts(html, "</div>\n");
}

leit_status leit_report_write_html(const leit_report *report, leit_buffer *html)
{
    LEIT_TRY(leit_page_begin(report->title, report->subtitle, html));
    LEIT_TRY(write_facts(report, html));
    for (int i = 0; i < report->n_tables; i++)
        LEIT_TRY(leit_table_write_html_part(report->tables[i], html));
    LEIT_TRY(write_maps("By text mood", report->n_mood_maps, report->mood_maps, html));
    LEIT_TRY(write_charts("By depth", report->n_retrieval_charts, report->retrieval_charts, html));
    LEIT_TRY(write_maps("What was retrieved", report->n_confusions, report->confusions, html));
    LEIT_TRY(write_charts("Training", report->n_training_charts, report->training_charts, html));
    return leit_page_end(html);
}

/* report.html: one self-contained page with what a run or a comparison found. */
#ifndef LEIT_COMPARE_REPORT_H
#define LEIT_COMPARE_REPORT_H

#include "compare/chart.h"
#include "compare/table.h"

typedef struct leit_report_fact {
    const char *name, *value; /* "recipe", "etude/metric3.yaml" */
} leit_report_fact;

/* The sections come in this order; an empty one is left out. Everything is borrowed. */
typedef struct leit_report {
    const char *title, *subtitle; /* subtitle may be NULL */
    int n_facts, n_tables, n_mood_maps, n_retrieval_charts, n_confusions, n_training_charts;
    const leit_report_fact *facts;
    const leit_table *const *tables;
    const leit_heat_map *mood_maps;     /* P@5 and MRR of each text mood: rows moods, columns
                                           strategies */
    const leit_chart *retrieval_charts; /* P@k by k */
    const leit_heat_map *confusions;    /* leit_retrieval_confusion */
    const leit_chart *training_charts;  /* losses and monitored figures */
} leit_report;

leit_status leit_report_write_html(const leit_report *report, leit_buffer *html);

#endif

/* Comparison: many runs into one table.
 *
 * Recipes are trained where their run folder is not complete (each recipe once per seed), every run
 * is evaluated on its test split unless the figures of its checkpoint are there, and runs over the
 * same corpora that differ in nothing but the seed become one row (docs/evaluation.md). The output
 * folder gets table.txt, table.csv, table.json, table.html and report.html. */
#ifndef LEITMOTIF_COMPARE_H
#define LEITMOTIF_COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leit_compare_options {
    size_t n_sources;
    const char *const *sources; /* recipes (.yaml) and run folders, in any order */
    size_t n_seeds;             /* 0: each recipe's own seed and run folder */
    const int64_t *seeds;       /* a run goes into <run.directory>-seed<N> */
    size_t n_overrides;
    const char *const *overrides; /* for the recipes; evaluate.* and data.* for run folders too */
    const char *output;           /* folder; NULL: only the text is made */
    const char *title;            /* NULL: "Comparison" */
    int as_json;                  /* the text is a JSON array of the tables */
} leit_compare_options;

/* *text is the table for people, or JSON; free it with leit_compare_text_free. LEIT_AGAIN when it
 * was asked to stop: what was trained is saved and the same call goes on. LEIT_USAGE, before
 * anything is trained, for a bad recipe. A run that cannot be compared is left out with a note that
 * says why: *text is set, and the status is that of the first one left out. It is NULL when there
 * is no table. */
leit_status leit_compare(const leit_compare_options *options, char **text);
void leit_compare_text_free(char *text);

#ifdef __cplusplus
}
#endif

#endif

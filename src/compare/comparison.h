/* Runs gathered into rows: those that differ in nothing but the seed. */
#ifndef LEIT_COMPARE_COMPARISON_H
#define LEIT_COMPARE_COMPARISON_H

#include "compare/report.h"
#include "compare/runs.h"

typedef struct leit_comparison_row {
    const char *name; /* of the recipe; where rows share it, with the settings that differ */
    int n_runs;
    int runs[64]; /* indices into the runs */
} leit_comparison_row;

/* Runs that were asked the same about one pair of corpora. */
typedef struct leit_comparison {
    const leit_run *runs; /* borrowed */
    int n_rows;
    leit_comparison_row rows[64];
    const leit_evaluation *first; /* of a run here: all agree in corpora, split and mappings */
    int bootstrap_samples, permutation_samples; /* the most that a run asks for */
} leit_comparison;

/* Rows of those runs that can share a table with runs[first]; others are left to another
 * comparison. `taken` (n) is set for them. Names live in the arena. */
leit_status leit_comparison_gather(const leit_run *runs, int n, int first, bool *taken,
                                   leit_arena *arena, leit_comparison *comparison);

/* The table: P@k and MRR under each mapping with bootstrap intervals, `random` and `oracle` rows,
 * and paired permutation tests between all rows, Holm-corrected within each mapping. */
leit_status leit_comparison_table(const leit_comparison *comparison, const char *title,
                                  leit_threads *threads, leit_table **table);

#endif

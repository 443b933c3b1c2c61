/* Evaluations gathered into rows: the runs of one recipe over several seeds. */
#ifndef LEIT_COMPARE_COMPARISON_H
#define LEIT_COMPARE_COMPARISON_H

#include "compare/report.h"
#include "evaluate/evaluation.h"

typedef struct leit_comparison_row {
    const char *name; /* of the recipe */
    int n_runs;
    int runs[64]; /* indices into the evaluations */
} leit_comparison_row;

/* Runs over one pair of corpora. */
typedef struct leit_comparison {
    const leit_evaluation *evaluations; /* borrowed */
    int n_rows;
    leit_comparison_row rows[64];
    int first; /* an evaluation of this comparison: all agree in corpora, split and mappings */
} leit_comparison;

/* Rows of those evaluations whose corpora are the ones of evaluations[first]; others are left to
 * another comparison. Returns how many evaluations were taken; `taken` (n) is set for them. */
int leit_comparison_gather(const leit_evaluation *evaluations, int n, int first, bool *taken,
                           leit_comparison *comparison);

/* The table: P@k and MRR under each mapping with bootstrap intervals, `random` and `oracle` rows,
 * and paired permutation tests between all rows, Holm-corrected within each mapping. */
leit_status leit_comparison_table(const leit_comparison *comparison, const char *title,
                                  int bootstrap_samples, int permutation_samples,
                                  leit_threads *threads, leit_table **table);

#endif

/* The runs of a comparison: what their folders hold, trained and evaluated first where it is
 * missing. */
#ifndef LEIT_COMPARE_RUNS_H
#define LEIT_COMPARE_RUNS_H

#include "evaluate/evaluation.h"
#include "leitmotif/compare.h"

typedef struct leit_run {
    const char *folder;
    leit_evaluation evaluation;
    leit_recipe *recipe; /* it was trained with, and asked by */
    /* (leit_recipe_n_settings()) the value of each setting that makes a run another one than its
     * neighbour of another seed; NULL for the others. "seed<N>" of the run's own seed N has lost its
     * number: what names the run of a seed is the same thing for every seed. */
    const char *const *settings;
} leit_run;

typedef struct leit_runs {
    leit_arena arena;
    size_t n, capacity;
    leit_run *list;
    leit_buffer notes; /* what was left out or counted once, and why; one a line */
    size_t n_left_out;
    leit_status first_failure; /* of what was left out */
} leit_runs;

/* Loads every recipe before anything else: LEIT_USAGE for a bad one. Then trains what is not
 * complete, evaluates what has no figures of its checkpoint by the mappings asked for, and reads
 * them. A source that fails is left out, noted and counted; LEIT_AGAIN when it was asked to stop. */
leit_status leit_runs_gather(const leit_compare_options *options, leit_threads *threads,
                             leit_runs *runs);
void leit_runs_clear(leit_runs *runs);

/* Whether two runs were asked the same about the same texts and clips: they can share a table. */
bool leit_run_same_question(const leit_evaluation *a, const leit_evaluation *b);
/* Whether two runs differ in nothing but the seed, and what follows from it: they share a row. */
bool leit_run_same_settings(const leit_run *a, const leit_run *b);

#endif

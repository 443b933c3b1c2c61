/* How sure a figure is: intervals, tests between strategies, equivalence (docs/evaluation.md).
 *
 * Everything works on one value for each test text (P@5, reciprocal rank) and follows the figure it
 * speaks about: the mean over the texts of a mood, then over the moods. Random draws come from the
 * stream LEIT_STREAM_BOOTSTRAP, so a result is the same for any number of threads and can be drawn
 * again in another language:
 *     step    replicate or permutation, from 0 on
 *     sample  0 texts: mood by mood, as many `below` draws as the mood has texts
 *             1 seeds: n_seeds `below` draws
 *             2 signs: text i keeps its sign when bit i % 32 of word i / 32 is 0
 */
#ifndef LEIT_EVALUATE_STATISTICS_H
#define LEIT_EVALUATE_STATISTICS_H

#include <stdint.h>

#include "core/threads.h"

/* The values of one strategy, or the differences between two, on the same texts. Borrowed. */
typedef struct leit_sample {
    int64_t n_texts;      /* >= 1 */
    int n_seeds;          /* >= 1: runs that differ in nothing but the seed */
    int n_moods;          /* K_text; ignored when mood is NULL */
    const double *values; /* (n_seeds, n_texts) */
    const int32_t *mood;  /* (n_texts) in [0, n_moods); NULL: one plain mean over texts */
} leit_sample;

typedef struct leit_interval {
    double mean;           /* of the sample itself */
    double low, high;      /* percentile interval */
    double standard_error; /* standard deviation of the replicates */
} leit_interval;

/* The mean over seeds, over the texts of each mood, and over the moods that have texts. */
leit_status leit_statistics_mean(const leit_sample *sample, double *mean);

/* Values averaged over seeds.
 *   values  (n_texts) out */
void leit_statistics_average_seeds(const leit_sample *sample, double *values);

/* Percentile bootstrap, stratified by mood: each replicate draws as many texts of each mood as
 * there are and, independently, n_seeds of the seeds (texts and seeds are crossed: every run ranks
 * the same texts). One seed means that the interval speaks about texts alone. n_replicates  100 to
 * 10^7; quantiles are interpolated linearly, as NumPy does confidence    0.95; inside (0, 1)
 * LEIT_USAGE for a wrong size, LEIT_DATA for a wrong mood, LEIT_NUMERICAL for a value that is not
 * finite. */
leit_status leit_statistics_bootstrap(const leit_sample *sample, int n_replicates,
                                      double confidence, uint64_t seed, leit_threads *threads,
                                      leit_interval *interval);

/* Two-sided paired permutation test of "both strategies are equally good": under it the sign of
 * each text's difference is a coin. `difference` holds the differences, which are averaged over
 * seeds first. Exact when 2^n_texts <= n_permutations, as in SciPy; else (hits + 1) /
 * (n_permutations + 1). n_permutations  100 to 10^7 */
leit_status leit_statistics_permutation(const leit_sample *difference, int n_permutations,
                                        uint64_t seed, leit_threads *threads, double *p_value);

/* Holm's step-down correction for n tests (Holm 1979).
 *   p_values, adjusted  (n)  may alias */
leit_status leit_statistics_holm(int n, const double *p_values, double *adjusted);

/* Two one-sided t-tests (Schuirmann 1987): is the mean difference inside (-margin, margin)? */
typedef struct leit_equivalence {
    double mean, standard_error;
    double p_above; /* of "the mean is -margin or less" */
    double p_below; /* of "the mean is margin or more" */
    double p_value; /* the larger one: below 0.05 the two are equivalent */
} leit_equivalence;

/*   differences  (n), n >= 2, margin > 0 */
leit_status leit_statistics_equivalence(int64_t n, const double *differences, double margin,
                                        leit_equivalence *result);

/* P(T <= t) of Student's distribution; degrees > 0. */
double leit_statistics_student(double t, double degrees);

#endif

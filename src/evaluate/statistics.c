#include "evaluate/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/rng.h"

enum { SAMPLE_TEXTS = 0, SAMPLE_SEEDS = 1, SAMPLE_SIGNS = 2 };
enum { MIN_DRAWS = 100, MAX_DRAWS = 10000000, EXACT_TEXTS = 24 };

/* ---- strata ---- */

/* The texts of each mood, and what one text weighs in the macro average. */
struct strata {
    int n_moods;
    int64_t *begin; /* (n_moods + 1) into texts */
    int64_t *texts; /* (n_texts) by mood, then by index */
    double *weight; /* (n_moods) 1 / (moods with texts * texts of this mood) */
};

static void free_strata(struct strata *strata)
{
    leit_free(strata->begin);
    leit_free(strata->texts);
    leit_free(strata->weight);
}

static leit_status check_sample(const leit_sample *sample)
{
    LEIT_FAIL_IF(sample->n_texts < 1 || sample->n_texts > UINT32_MAX || sample->n_seeds < 1,
                 LEIT_USAGE, "a sample of %lld texts and %d seeds, expected at least one of each",
                 (long long)sample->n_texts, sample->n_seeds);
    LEIT_FAIL_IF(sample->mood != NULL && sample->n_moods < 1, LEIT_USAGE,
                 "n_moods is %d, expected at least 1", sample->n_moods);
    for (int64_t i = 0; sample->mood != NULL && i < sample->n_texts; i++)
        LEIT_FAIL_IF(sample->mood[i] < 0 || sample->mood[i] >= sample->n_moods, LEIT_DATA,
                     "text %lld has mood %d, expected 0 to %d", (long long)i, (int)sample->mood[i],
                     sample->n_moods - 1);
    for (int64_t i = 0; i < sample->n_seeds * sample->n_texts; i++)
        LEIT_FAIL_IF(!isfinite(sample->values[i]), LEIT_NUMERICAL,
                     "the value of text %lld and seed %lld is %g", (long long)(i % sample->n_texts),
                     (long long)(i / sample->n_texts), sample->values[i]);
    return LEIT_OK;
}

static int mood_of(const leit_sample *sample, int64_t text)
{
    return sample->mood == NULL ? 0 : sample->mood[text];
}

/* A counting sort of the texts by mood. */
static leit_status make_strata(const leit_sample *sample, struct strata *strata)
{
    LEIT_TRY(check_sample(sample));
    leit_status status = LEIT_OK;
    *strata = (struct strata){.n_moods = sample->mood == NULL ? 1 : sample->n_moods};
    LEIT_TRY_GOTO(LEIT_ALLOC(strata->begin, strata->n_moods + 1), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(strata->texts, sample->n_texts), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(strata->weight, strata->n_moods), failed);
    int64_t place = 0;
    int n_filled = 0;
    for (int mood = 0; mood < strata->n_moods; mood++) {
        for (int64_t text = 0; text < sample->n_texts; text++)
            if (mood_of(sample, text) == mood) strata->texts[place++] = text;
        strata->begin[mood + 1] = place;
        n_filled += place > strata->begin[mood];
    }
    for (int mood = 0; mood < strata->n_moods; mood++) {
        int64_t n = strata->begin[mood + 1] - strata->begin[mood];
        if (n > 0) strata->weight[mood] = 1.0 / (double)(n * n_filled);
    }
    return LEIT_OK;
failed:
    free_strata(strata);
    return status;
}

static double stratified_mean(const struct strata *strata, const double *values)
{
    double mean = 0.0;
    for (int mood = 0; mood < strata->n_moods; mood++) {
        double sum = 0.0;
        for (int64_t i = strata->begin[mood]; i < strata->begin[mood + 1]; i++)
            sum += values[strata->texts[i]];
        mean += strata->weight[mood] * sum;
    }
    return mean;
}

void leit_statistics_average_seeds(const leit_sample *sample, double *values)
{
    for (int64_t text = 0; text < sample->n_texts; text++) {
        double sum = 0.0;
        for (int seed = 0; seed < sample->n_seeds; seed++)
            sum += sample->values[seed * sample->n_texts + text];
        values[text] = sum / sample->n_seeds;
    }
}

/* Strata and the values averaged over seeds: what every function here starts from. */
static leit_status prepare(const leit_sample *sample, struct strata *strata, double **values)
{
    LEIT_TRY(make_strata(sample, strata));
    leit_status status = LEIT_ALLOC(*values, sample->n_texts);
    if (status == LEIT_OK)
        leit_statistics_average_seeds(sample, *values);
    else
        free_strata(strata);
    return status;
}

leit_status leit_statistics_mean(const leit_sample *sample, double *mean)
{
    struct strata strata;
    double *values = NULL;
    LEIT_TRY(prepare(sample, &strata, &values));
    *mean = stratified_mean(&strata, values);
    leit_free(values);
    free_strata(&strata);
    return LEIT_OK;
}

/* ---- bootstrap ---- */

struct bootstrap {
    const leit_sample *sample;
    const struct strata *strata;
    uint64_t seed;
    int64_t *seed_counts; /* (workers, n_seeds) how often each seed was drawn */
    double *replicates;   /* (n_replicates) */
};

static double drawn_value(const leit_sample *sample, const int64_t *seed_counts, int64_t text)
{
    double sum = 0.0;
    for (int s = 0; s < sample->n_seeds; s++)
        sum += (double)seed_counts[s] * sample->values[s * sample->n_texts + text];
    return sum / sample->n_seeds;
}

static void draw_replicate(void *context, int64_t replicate, int worker)
{
    const struct bootstrap *bootstrap = context;
    const leit_sample *sample = bootstrap->sample;
    const struct strata *strata = bootstrap->strata;
    const uint32_t n_seeds = (uint32_t)sample->n_seeds;
    int64_t *seed_counts = bootstrap->seed_counts + (int64_t)worker * sample->n_seeds;
    for (uint32_t s = 0; s < n_seeds; s++) seed_counts[s] = 0;
    leit_rng rng =
        leit_rng_start(bootstrap->seed, LEIT_STREAM_BOOTSTRAP, (uint32_t)replicate, SAMPLE_SEEDS);
    for (uint32_t s = 0; s < n_seeds; s++) seed_counts[leit_rng_below(&rng, n_seeds)]++;

    rng = leit_rng_start(bootstrap->seed, LEIT_STREAM_BOOTSTRAP, (uint32_t)replicate, SAMPLE_TEXTS);
    double mean = 0.0;
    for (int mood = 0; mood < strata->n_moods; mood++) {
        const int64_t *texts = strata->texts + strata->begin[mood];
        const int64_t n = strata->begin[mood + 1] - strata->begin[mood];
        double sum = 0.0;
        for (int64_t i = 0; i < n; i++)
            sum += drawn_value(sample, seed_counts, texts[leit_rng_below(&rng, (uint32_t)n)]);
        mean += strata->weight[mood] * sum;
    }
    bootstrap->replicates[replicate] = mean;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* `sorted` (n), between the two neighbours as numpy.quantile does by default */
static double quantile(const double *sorted, int n, double q)
{
    double place = q * (n - 1);
    int below = (int)floor(place);
    int above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

static double standard_deviation(const double *values, int64_t n)
{
    double mean = 0.0, squares = 0.0;
    for (int64_t i = 0; i < n; i++) mean += values[i] / (double)n;
    for (int64_t i = 0; i < n; i++) squares += (values[i] - mean) * (values[i] - mean);
    return sqrt(squares / (double)(n - 1));
}

static leit_status check_draws(const char *what, int n)
{
    LEIT_FAIL_IF(n < MIN_DRAWS || n > MAX_DRAWS, LEIT_USAGE, "%s is %d, expected %d to %d", what, n,
                 MIN_DRAWS, MAX_DRAWS);
    return LEIT_OK;
}

leit_status leit_statistics_bootstrap(const leit_sample *sample, int n_replicates,
                                      double confidence, uint64_t seed, leit_threads *threads,
                                      leit_interval *interval)
{
    LEIT_TRY(check_draws("n_replicates", n_replicates));
    LEIT_FAIL_IF(!(confidence > 0.0 && confidence < 1.0), LEIT_USAGE,
                 "confidence is %g, expected a number between 0 and 1", confidence);
    struct strata strata;
    double *values = NULL;
    LEIT_TRY(prepare(sample, &strata, &values));
    struct bootstrap bootstrap = {sample, &strata, seed, NULL, NULL};
    leit_status status = LEIT_OK;
    LEIT_TRY_GOTO(
        LEIT_ALLOC(bootstrap.seed_counts, leit_threads_count(threads) * (int64_t)sample->n_seeds),
        done);
    LEIT_TRY_GOTO(LEIT_ALLOC(bootstrap.replicates, n_replicates), done);
    leit_threads_run(threads, n_replicates, draw_replicate, &bootstrap);
    qsort(bootstrap.replicates, (size_t)n_replicates, sizeof(double), compare_doubles);
    *interval = (leit_interval){
        .mean = stratified_mean(&strata, values),
        .low = quantile(bootstrap.replicates, n_replicates, 0.5 - confidence / 2.0),
        .high = quantile(bootstrap.replicates, n_replicates, 0.5 + confidence / 2.0),
        .standard_error = standard_deviation(bootstrap.replicates, n_replicates)};
done:
    leit_free(bootstrap.replicates);
    leit_free(bootstrap.seed_counts);
    leit_free(values);
    free_strata(&strata);
    return status;
}

/* ---- paired permutation test ---- */

struct permutation {
    int64_t n_texts;
    const double
        *terms; /* (n_texts) weight of the text * its difference: the statistic is the sum */
    double threshold;
    bool exact;
    uint64_t seed;
    uint8_t *hits; /* (n_permutations) */
};

static void draw_signs(void *context, int64_t number, int worker)
{
    (void)worker;
    const struct permutation *permutation = context;
    leit_rng rng =
        leit_rng_start(permutation->seed, LEIT_STREAM_BOOTSTRAP, (uint32_t)number, SAMPLE_SIGNS);
    uint32_t bits = (uint32_t)number;
    double sum = 0.0;
    for (int64_t i = 0; i < permutation->n_texts; i++, bits >>= 1) {
        if (!permutation->exact && i % 32 == 0) bits = leit_rng_next(&rng);
        sum += bits & 1 ? -permutation->terms[i] : permutation->terms[i];
    }
    permutation->hits[number] = fabs(sum) >= permutation->threshold;
}

leit_status leit_statistics_permutation(const leit_sample *difference, int n_permutations,
                                        uint64_t seed, leit_threads *threads, double *p_value)
{
    LEIT_TRY(check_draws("n_permutations", n_permutations));
    struct strata strata;
    double *terms = NULL;
    LEIT_TRY(prepare(difference, &strata, &terms));
    double sum = 0.0, magnitude = 0.0;
    for (int64_t i = 0; i < difference->n_texts; i++) {
        terms[i] *= strata.weight[mood_of(difference, i)];
        sum += terms[i];
        magnitude += fabs(terms[i]);
    }
    const int64_t n = difference->n_texts;
    const bool exact = n < EXACT_TEXTS && (1 << n) <= n_permutations;
    const int n_draws = exact ? 1 << n : n_permutations;
    /* Sums that are equal in exact arithmetic count as equal: rounding stays below 1e-12 of the sum
     * of magnitudes up to 4,500 texts, and differences of interest are far above. */
    struct permutation permutation = {n, terms, fabs(sum) - 1e-12 * magnitude, exact, seed, NULL};
    leit_status status = LEIT_ALLOC(permutation.hits, n_draws);
    if (status == LEIT_OK) {
        leit_threads_run(threads, n_draws, draw_signs, &permutation);
        int64_t hits = 0;
        for (int i = 0; i < n_draws; i++) hits += permutation.hits[i];
        *p_value = exact ? (double)hits / n_draws : (double)(hits + 1) / (n_draws + 1);
    }
    leit_free(permutation.hits);
    leit_free(terms);
    free_strata(&strata);
    return status;
}

/* ---- several tests ---- */

struct ordered {
    double p_value;
    int place;
};

static int compare_ordered(const void *left, const void *right)
{
    const struct ordered *a = left, *b = right;
    if (a->p_value != b->p_value) return a->p_value < b->p_value ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

leit_status leit_statistics_holm(int n, const double *p_values, double *adjusted)
{
    for (int i = 0; i < n; i++)
        LEIT_FAIL_IF(!(p_values[i] >= 0.0 && p_values[i] <= 1.0), LEIT_USAGE,
                     "p-value %d is %g, expected 0 to 1", i, p_values[i]);
    struct ordered *order = NULL;
    LEIT_TRY(LEIT_ALLOC(order, n));
    for (int i = 0; i < n; i++) order[i] = (struct ordered){p_values[i], i};
    if (n > 1) qsort(order, (size_t)n, sizeof *order, compare_ordered);
    double largest = 0.0;
    for (int i = 0; i < n; i++) {
        largest = fmax(largest, fmin(1.0, (n - i) * order[i].p_value));
        adjusted[order[i].place] = largest;
    }
    leit_free(order);
    return LEIT_OK;
}

/* ---- equivalence ---- */

/* Continued fraction of the incomplete beta function (DLMF 8.17.22) by the modified Lentz method;
 * it converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    if (fabs(d) < tiny) d = tiny;
    d = 1.0 / d;
    double value = d;
    for (int m = 1; m < 10000; m++) {
        double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        double change = 1.0;
        for (int half = 0; half < 2; half++) {
            double coefficient = half == 0 ? even : odd;
            d = 1.0 + coefficient * d;
            c = 1.0 + coefficient / c;
            if (fabs(d) < tiny) d = tiny;
            if (fabs(c) < tiny) c = tiny;
            d = 1.0 / d;
            change = c * d;
            value *= change;
        }
        if (fabs(change - 1.0) < 1e-16) break;
    }
    return value;
}

/* Regularised incomplete beta function; y is 1 - x, given apart because it may be tiny. */
static double regularised_beta(double a, double b, double x, double y)
{
    if (x <= 0.0) return 0.0;
    if (y <= 0.0) return 1.0;
    int sign; /* lgamma itself would write a global */
    double log_beta = lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
    double front = exp(a * log(x) + b * log(y) - log_beta);
    if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
    return 1.0 - front * beta_fraction(b, a, y) / b;
}

double leit_statistics_student(double t, double degrees)
{
    if (isnan(t)) return t;
    if (isinf(t)) return t > 0.0 ? 1.0 : 0.0;
    double square = t * t, whole = degrees + square;
    double tail = 0.5 * regularised_beta(degrees / 2.0, 0.5, degrees / whole, square / whole);
    return t > 0.0 ? 1.0 - tail : tail;
}

leit_status leit_statistics_equivalence(int64_t n, const double *differences, double margin,
                                        leit_equivalence *result)
{
    LEIT_FAIL_IF(n < 2, LEIT_USAGE, "%lld differences, expected at least 2", (long long)n);
    LEIT_FAIL_IF(!(margin > 0.0) || isinf(margin), LEIT_USAGE,
                 "margin is %g, expected a positive number", margin);
    double mean = 0.0;
    for (int64_t i = 0; i < n; i++) {
        LEIT_FAIL_IF(!isfinite(differences[i]), LEIT_NUMERICAL, "difference %lld is %g",
                     (long long)i, differences[i]);
        mean += differences[i] / (double)n;
    }
    double error = standard_deviation(differences, n) / sqrt((double)n);
    *result = (leit_equivalence){.mean = mean, .standard_error = error};
    if (error > 0.0) {
        double degrees = (double)(n - 1);
        result->p_above = leit_statistics_student(-(mean + margin) / error, degrees);
        result->p_below = leit_statistics_student((mean - margin) / error, degrees);
    } else { /* all differences are equal: the tests are certain */
        result->p_above = mean > -margin ? 0.0 : 1.0;
        result->p_below = mean < margin ? 0.0 : 1.0;
    }
    result->p_value = fmax(result->p_above, result->p_below);
    return LEIT_OK;
}

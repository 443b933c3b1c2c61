#include "strategy/places.h"

#include <math.h>

#include "core/memory.h"

static double length_of(const float *x, int64_t width)
{
    double squares = 0;
    for (int64_t j = 0; j < width; j++) squares += (double)x[j] * (double)x[j];
    return sqrt(squares);
}

/* Sums (K, E + 1) of the answers of each label, and behind them how many there were. */
static void add_answers(double *sums, leit_match_rule rule, int64_t width, int64_t n,
                        const float *answers, const int32_t *label)
{
    for (int64_t i = 0; i < n; i++) {
        const float *answer = answers + i * width;
        const double length = rule == LEIT_RULE_COSINE ? length_of(answer, width) : 1;
        if (!(length > 0)) continue;
        double *sum = sums + label[i] * (width + 1);
        for (int64_t j = 0; j < width; j++) sum[j] += (double)answer[j] / length;
        sum[width]++;
    }
}

leit_status leit_places_learn(leit_places *places, leit_match_rule rule, int64_t n_labels,
                              int64_t width, int64_t n, const float *answers, const int32_t *label)
{
    leit_places_clear(places);
    double *sums = NULL;
    leit_status status = LEIT_ALLOC(sums, n_labels * (width + 1));
    if (status == LEIT_OK) status = LEIT_ALLOC(places->rows, n_labels * width);
    if (status == LEIT_OK) {
        places->n_labels = n_labels;
        places->width = width;
        add_answers(sums, rule, width, n, answers, label);
        for (int64_t k = 0; k < n_labels; k++) {
            const double *sum = sums + k * (width + 1); /* 0 / 0 is NaN */
            for (int64_t j = 0; j < width; j++)
                places->rows[k * width + j] = (float)(sum[j] / sum[width]);
        }
    }
    leit_free(sums);
    return status;
}

void leit_places_clear(leit_places *places)
{
    leit_free(places->rows);
    *places = (leit_places){0};
}

static double nearness_of(leit_match_rule rule, const float *a, const float *b, int64_t width)
{
    double dot = 0, squares = 0;
    for (int64_t j = 0; j < width; j++) {
        dot += (double)a[j] * (double)b[j];
        squares += ((double)a[j] - (double)b[j]) * ((double)a[j] - (double)b[j]);
    }
    if (rule == LEIT_RULE_EUCLIDEAN) return sqrt(squares);
    return dot / (length_of(a, width) * length_of(b, width));
}

int32_t leit_places_nearest(const leit_places *places, leit_match_rule rule, const float *answer,
                            double *nearness)
{
    const double sign = rule == LEIT_RULE_EUCLIDEAN ? -1 : 1;
    int32_t nearest = -1;
    for (int64_t k = 0; places->rows != NULL && k < places->n_labels; k++) {
        const double here =
            nearness_of(rule, places->rows + k * places->width, answer, places->width);
        if (isnan(here) || (nearest >= 0 && !(sign * here > sign * *nearness))) continue;
        nearest = (int32_t)k;
        *nearness = here;
    }
    return nearest;
}

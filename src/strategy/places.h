/* Where moods lie in the space in which a strategy answers, so that the answer to a text or a track
 * can be given a name: one row for each label, the mean of the answers to its texts (its clips) in
 * validation; of their directions under the cosine.
 *
 * Strategies that answer with likelihoods have no places: their answer is a mood. */
#ifndef LEIT_STRATEGY_PLACES_H
#define LEIT_STRATEGY_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/check.h"
#include "strategy/strategy.h"

/* Zero-initialised: not known. A label that nothing had lies nowhere: its row is NaN. */
typedef struct leit_places {
    int64_t n_labels, width; /* K, E */
    float *rows;             /* (K, E); NULL while not known */
} leit_places;

/* Takes the places of K labels from n answers (n, E) with their label (n). */
leit_status leit_places_learn(leit_places *places, leit_match_rule rule, int64_t n_labels,
                              int64_t width, int64_t n, const float *answers, const int32_t *label);
void leit_places_clear(leit_places *places);

/* The label that lies nearest to an answer (E), the first of a tie; -1 when places are not known or
 * the answer has no direction. *nearness is the cosine, or the Euclidean distance. */
int32_t leit_places_nearest(const leit_places *places, leit_match_rule rule, const float *answer,
                            double *nearness);

#endif

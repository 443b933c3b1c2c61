/* The k best tracks for each scene, exactly.
 *
 * The order is that of scores in double precision, ties by the row of the track (its path). Under
 * the cosine the kernel finds candidates in single precision; they are scored again in double, and
 * where the kernel's rounding could have hidden a better track all rows are scored in double. */
#ifndef LEIT_SEARCH_TRACK_RANKING_H
#define LEIT_SEARCH_TRACK_RANKING_H

#include "core/threads.h"
#include "strategy/strategy.h"

typedef struct leit_ranked_track {
    int32_t track;
    double score; /* cosine: descending; log-likelihood: descending; distance: ascending */
} leit_ranked_track;

typedef struct leit_track_ranking {
    leit_match_rule rule;
    int64_t n_scenes, n_tracks, width; /* n_tracks < 2^31 */
    const float *scenes;               /* (n_scenes, width); not read under likelihood rules */
    const int32_t *mood;               /* (n_scenes) music class, -1: nothing; likelihood rules */
    const float *tracks;               /* (n_tracks, width) as in the index */
    int64_t k;                         /* 1 to 960 */
} leit_track_ranking;

/* Brings an answer (width) to length 1, as the cosine wants scenes and tracks; zeros stay zeros. */
void leit_answer_normalise(float *answer, int64_t width);

/* ranked (n_scenes, k), of which the first counts[scene] are written. Under the cosine a scene of
 * length 0 has the score 0 with every track. */
leit_status leit_track_ranking_run(const leit_track_ranking *ranking, leit_threads *threads,
                                   leit_ranked_track *ranked, int64_t *counts);

#endif

/* How each strategy scores clips for texts (section 3 of the paper), in blocks of texts. */
#ifndef LEIT_EVALUATE_RANKING_H
#define LEIT_EVALUATE_RANKING_H

#include "evaluate/retrieval.h"

/* X(NAME, text) */
#define LEIT_RANKING_LIST(X)                                                                       \
    X(LIKELIHOOD, "likelihood") /* classification, multihead: section 3.2.1, 3.2.2 */              \
    X(EUCLIDEAN, "euclidean")   /* valence-arousal regression: section 3.2.3 */                    \
    X(COSINE, "cosine")         /* word-vector regression, metric learning: section 3.2.3, 3.2.4 */

typedef enum leit_ranking_kind {
#define LEIT_RANKING_ENUM(name, text) LEIT_RANKING_##name,
    LEIT_RANKING_LIST(LEIT_RANKING_ENUM)
#undef LEIT_RANKING_ENUM
} leit_ranking_kind;

/* Borrowed arrays. The score is
 *   LIKELIHOOD  clip[clip, text_class[text]], a log-likelihood; -INFINITY for class -1
 *   EUCLIDEAN   the negated square of the distance: the same order, without the ties of a root
 *   COSINE      the cosine; 0 where either vector is 0 */
typedef struct leit_ranking {
    leit_ranking_kind kind;
    int64_t n_texts, n_clips;
    int64_t width;             /* E, or K classes of the music head; >= 1 */
    const float *text;         /* (n_texts, width); not read for LIKELIHOOD */
    const float *clip;         /* (n_clips, width) */
    const int32_t *text_class; /* (n_texts) LIKELIHOOD: the music class that the text is found to
                        have, -1 where the music taxonomy lacks it: nothing is retrieved */
} leit_ranking;

/* Log-likelihood of every class, by log-softmax. A softmax in fp32 rounds many confident clips to
 * exactly 1 and so ties them; here the difference stays visible.
 *   logits, log_likelihood  (N, K)  may alias */
void leit_ranking_log_likelihood(const float *logits, int64_t N, int64_t K, float *log_likelihood);

/* Scores of texts [first_text, first_text + n_texts).
 *   scores  (n_texts, n_clips) out
 * The same bits for any number of threads. LEIT_USAGE when the range or a size is wrong, LEIT_DATA
 * when a class is outside [-1, width). */
leit_status leit_ranking_scores(const leit_ranking *ranking, leit_threads *threads,
                                int64_t first_text, int64_t n_texts, float *scores);

/* Scores all texts block by block and ranks them in each retrieval (one for each mapping; their
 * texts and clips are those of the ranking). */
leit_status leit_ranking_run(const leit_ranking *ranking, leit_threads *threads, int n_retrievals,
                             leit_retrieval *const *retrievals);

#endif

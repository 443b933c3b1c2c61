/* How well music is ranked for texts: P@k and MRR (section 4 of the paper; docs/evaluation.md).
 *
 * For each test text all test clips are ranked by score, higher first; equal scores are ordered by
 * clip index, lower first. A score of -INFINITY says "not retrieved". A clip is right when its mood
 * is in the set that the mapping gives for the mood of the text.
 *
 *     P@k(text)  right clips among the first k, divided by k: missing clips count as wrong
 *     RR(text)   1 / rank of the first right clip, 0 when no right clip is retrieved
 *
 * Both are averaged over the texts of each text mood and then over the moods (macro). A mood
 * without a test text has no average and is left out. `micro` is the plain average over texts.
 *
 * The scores come in blocks of texts, so the whole (texts, clips) matrix never has to exist:
 *
 *     LEIT_TRY(leit_retrieval_create(&task, &retrieval));
 *     for each block of texts:
 *         LEIT_TRY(leit_retrieval_rank(retrieval, threads, first_text, n_texts, scores));
 *     LEIT_TRY(leit_retrieval_summarize(retrieval, &summary));
 */
#ifndef LEIT_EVALUATE_RETRIEVAL_H
#define LEIT_EVALUATE_RETRIEVAL_H

#include <stdint.h>

#include "core/threads.h"

enum { LEIT_RETRIEVAL_MAX_DEPTH = 64 };

/* What is ranked for what. The arrays are borrowed and must outlive the retrieval. */
typedef struct leit_retrieval_task {
    int64_t n_texts, n_clips; /* both >= 1 */
    int K_text, K_music;      /* number of text moods and of music moods, both >= 1 */
    const int32_t *text_mood; /* (n_texts) in [0, K_text) */
    const int32_t *clip_mood; /* (n_clips) in [0, K_music) */
    const uint8_t *mapping;   /* (K_text, K_music) 1 where a clip of this mood is right, else 0 */
    int depth;                /* P@k is kept for k in [1, depth]; 1 to LEIT_RETRIEVAL_MAX_DEPTH */
} leit_retrieval_task;

/* The ranking of every text, as far as the figures need it. */
typedef struct leit_retrieval {
    leit_retrieval_task task;
    int32_t *top_clip; /* (n_texts, depth) the clips ranked first; -1 where nothing is retrieved */
    int64_t *first_right; /* (n_texts) rank of the first right clip from 1 on; 0 without any */
    uint8_t *ranked;      /* (n_texts) 1 once the text is ranked */
} leit_retrieval;

/* The figures of one group of texts. */
typedef struct leit_retrieval_figures {
    int64_t n_texts; /* 0: no test text, the other figures are 0 and mean nothing */
    double mrr;
    double precision[LEIT_RETRIEVAL_MAX_DEPTH]; /* [k - 1] is P@k, for k <= depth */
} leit_retrieval_figures;

typedef struct leit_retrieval_summary {
    int K_text, K_music, depth;
    leit_retrieval_figures *moods;       /* (K_text) */
    leit_retrieval_figures macro, micro; /* macro.n_texts == micro.n_texts: all texts */
    int n_moods;                         /* moods with a test text: what macro is divided by */
    int64_t n_empty_texts;               /* texts for which nothing was retrieved: they score 0 */
} leit_retrieval_summary;

/* LEIT_DATA when a label is out of range or a mapping entry is neither 0 nor 1, LEIT_USAGE when a
 * size is; the sentence names the place. */
leit_status leit_retrieval_create(const leit_retrieval_task *task, leit_retrieval **retrieval);
void leit_retrieval_free(leit_retrieval *retrieval);

/* Ranks texts [first_text, first_text + n_texts).
 *   scores  (n_texts, n_clips)
 * LEIT_NUMERICAL, naming text and clip, when a score is NaN; LEIT_USAGE when the range is not
 * inside the task. */
leit_status leit_retrieval_rank(leit_retrieval *retrieval, leit_threads *threads,
                                int64_t first_text, int64_t n_texts, const float *scores);

/* The figures of all texts. LEIT_USAGE, naming the first one, when a text was never ranked. */
leit_status leit_retrieval_summarize(const leit_retrieval *retrieval,
                                     leit_retrieval_summary *summary);

/* The expected figures of a ranking drawn uniformly from all permutations of the clips: exact, not
 * sampled. */
leit_status leit_retrieval_random(const leit_retrieval_task *task, leit_retrieval_summary *summary);

/* The figures of the best possible ranking: below 1 where a mood has fewer than k right clips. */
leit_status leit_retrieval_oracle(const leit_retrieval_task *task, leit_retrieval_summary *summary);

void leit_retrieval_summary_clear(leit_retrieval_summary *summary);

/* P@k and the reciprocal rank of every text, for intervals and tests.
 *   values  (n_texts) out */
void leit_retrieval_precision(const leit_retrieval *retrieval, int k, double *values);
void leit_retrieval_reciprocal_rank(const leit_retrieval *retrieval, double *values);

/* How many different lists the first k clips make, over the texts that anything is retrieved for. 1
 * where there are several such texts says that nothing tells one text from another. */
leit_status leit_retrieval_count_lists(const leit_retrieval *retrieval, int k, int64_t *n_lists);

/* What was retrieved for which text mood: the share of each music mood among the first k clips,
 * averaged over the texts of a text mood. Rows sum to 1, or to less where clips are missing; the
 * row of a mood without test text is 0. share  (K_text, K_music) out */
void leit_retrieval_confusion(const leit_retrieval *retrieval, int k, double *share);

#endif

/* The figures of one run on one split: made by leit_evaluation_run, kept as JSON in the run folder,
 * read back for comparisons. */
#ifndef LEIT_EVALUATE_EVALUATION_H
#define LEIT_EVALUATE_EVALUATION_H

#include "core/arena.h"
#include "evaluate/answers.h"
#include "evaluate/statistics.h"

enum { LEIT_EVALUATION_MAPPINGS = 4, LEIT_EVALUATION_DEPTH = 10 };

/* Figures are macro averages over text moods unless they say otherwise. */
typedef struct leit_evaluation_mapping {
    const char *name;                           /* "va", "w2v_paper", "w2v_vectors", "manual" */
    double precision_at[LEIT_EVALUATION_DEPTH]; /* [k - 1] is P@k */
    double mrr;
    double random_precision_at[LEIT_EVALUATION_DEPTH], random_mrr; /* expected of a permutation */
    double oracle_precision_at[LEIT_EVALUATION_DEPTH], oracle_mrr; /* of the best ranking */
    double *mood_precision, *mood_mrr;             /* (K_text) P@at_k and MRR of each mood */
    double *precision, *reciprocal_rank;           /* (n_texts) */
    double precision_interval[2], mrr_interval[2]; /* of P@at_k and MRR; NAN: none was asked for */
    double *confusion; /* (K_text, K_music) share of each music mood in the first at_k */
    int64_t n_empty_texts;
} leit_evaluation_mapping;

typedef struct leit_evaluation {
    leit_arena arena; /* owns everything below */
    /* What was evaluated, how and on what; all "" (NULL, 0) in a file of before these were kept. */
    const char *fingerprint; /* of the matcher, 16 hex digits */
    const char *corpora;     /* sum of texts, clips and which is right for which, 16 hex digits */
    const char *settings;    /* YAML, the recipe that the matcher was trained with */
    size_t n_overrides;
    const char *const *overrides; /* with which it was asked otherwise */
    const char *recipe_name, *strategy, *split;
    const char *text_corpus, *music_corpus, *text_split;
    int64_t seed;
    int at_k;
    int64_t n_texts, n_clips;
    int64_t n_lists; /* different lists of the first at_k clips; 0: none, or a file of before */
    int32_t n_text_labels, n_music_labels;
    const char *const *text_labels, *const *music_labels;
    int32_t *text_mood; /* (n_texts) */
    int n_mappings;
    leit_evaluation_mapping mappings[LEIT_EVALUATION_MAPPINGS];
} leit_evaluation;

/* Evaluates a loaded matcher on the corpora of its recipe; the ranks of `dist` (NULL: none) share the
 * listening and the reading. */
leit_status leit_evaluation_run(leit_dist *dist, leit_matcher *matcher, leit_tower *text_tower,
                                leit_tower *music_tower, const leit_dataset *data, int split,
                                leit_evaluation *evaluation);
/* The figure of n_runs runs (n_runs, n_texts) and its 95 % interval from so many resamplings; with 0
 * its low and high are NAN. Any two callers get the same. */
leit_status leit_evaluation_interval(const leit_evaluation *evaluation, int n_runs,
                                     const double *values, int n_samples, leit_threads *threads,
                                     leit_interval *interval);
void leit_evaluation_clear(leit_evaluation *evaluation);

/* Whether an override may ask a trained run otherwise: evaluate.*, data.text, data.text_split,
 * data.music, data.tags, data.eval_crops. */
bool leit_evaluation_takes(const char *override);
/* LEIT_USAGE, naming the first that may not. */
leit_status leit_evaluation_check_overrides(size_t n, const char *const overrides[]);

/* JSON, 17 digits: what is read back is what was written. */
leit_status leit_evaluation_json(const leit_evaluation *evaluation, leit_buffer *json);
leit_status leit_evaluation_write(const leit_evaluation *evaluation, const char *path);
/* Takes files of before fingerprints too. */
leit_status leit_evaluation_read(const char *path, leit_evaluation *evaluation);

/* Whether a mood has a test text: one without has no figures, and no part in the averages. */
bool leit_evaluation_has_mood(const leit_evaluation *evaluation, int32_t mood);
/* Appends the names of the moods without one, joined by ", ". */
leit_status leit_evaluation_missing_moods(const leit_evaluation *evaluation, leit_buffer *names);

/* A table for people. */
leit_status leit_evaluation_print(const leit_evaluation *evaluation, leit_buffer *text);

#endif

/* A strategy with its parameters: what is trained, saved, evaluated, and asked for music.
 *
 * Life: create, build towers and steps (they declare the parameters), leit_parameters_allocate,
 * leit_plan_finish on each plan, then train or load. */
#ifndef LEIT_STRATEGY_MATCHER_H
#define LEIT_STRATEGY_MATCHER_H

#include "model/music_encoder.h"
#include "model/text_encoder.h"
#include "strategy/places.h"
#include "strategy/strategy.h"

/* What a matcher must know of the data it speaks about; kept in every checkpoint. */
typedef struct leit_mood_names {
    int32_t n_text_labels, n_music_labels;
    const char *const *text_labels, *const *music_labels;
    int64_t vocabulary_size; /* V of WordPiece; 0 for tagging */
    int64_t vector_width;    /* E_w; 0 without a tag corpus */
} leit_mood_names;

typedef struct leit_matcher {
    const leit_recipe *recipe; /* borrowed */
    const leit_strategy *strategy;
    leit_space space;
    leit_mood_names names; /* copied */
    leit_places places[2]; /* of each modality's labels; not known before the first validation */
    int64_t place_width;   /* of both towers' answers, known once one is built; 0 without places */
    leit_music_front front;
    leit_parameters parameters;
    const leit_backend *backend;
    leit_threads *threads; /* borrowed; may be NULL */
    const char *frozen[5]; /* prefixes of encoders that the recipe freezes */
    leit_arena arena;
} leit_matcher;

leit_status leit_matcher_create(const leit_recipe *recipe, const leit_mood_names *names,
                                const leit_backend *backend, leit_threads *threads,
                                leit_matcher **matcher);
void leit_matcher_free(leit_matcher *matcher);

/* The names of a dataset, borrowed from it. */
leit_mood_names leit_mood_names_of(const leit_dataset *data);

/* Applies the recipe's `weight_decay_exclude`, then takes the parameters' memory.
 * LEIT_USAGE when an excluded name matches no parameter of a matcher with text. */
leit_status leit_matcher_allocate(leit_matcher *matcher, bool for_training);

/* ---- towers ---- */

/* One modality for inference: encoder and head, without dropout, with running statistics. */
typedef struct leit_tower {
    enum leit_modality modality;
    leit_plan *plan;
    int64_t batch, width; /* B at once; width of an answer */
    int64_t crop_samples, n_crops;
    bool heeds_stop; /* asked to stop, it answers no further batch: LEIT_AGAIN. For callers that
                        have nothing to save. */
    leit_text_input text;
    leit_value pcm, n_clips, output;
} leit_tower;

/* Builds the plan; finish it with leit_plan_finish once the parameters are allocated. */
leit_status leit_tower_create(leit_matcher *matcher, enum leit_modality modality,
                              leit_tower *tower);
void leit_tower_clear(leit_tower *tower);

/* answers (n, width): texts in any order and number. */
leit_status leit_tower_texts(leit_tower *tower, const leit_tokens *texts, int64_t n,
                             float *answers);

/* One clip as mono 16 kHz PCM. */
typedef struct leit_clip {
    const int16_t *pcm;
    int64_t n_samples;
} leit_clip;

/* answers (n, width): crop i of n_crops starts at i * ((length - crop) / n_crops), shorter clips
 * are padded with silence, and the answers of the crops are averaged. */
leit_status leit_tower_clips(leit_tower *tower, const leit_clip *clips, int64_t n, float *answers);

/* ---- what a matcher says ---- */

/* The music class that the answer of the text tower (width) stands for, under the likelihood rules;
 * -1 where the music taxonomy lacks it. */
int32_t leit_matcher_music_class(const leit_matcher *matcher, const float *text_answer);

/* Learns where the labels of a modality lie from n answers (n, width) and their labels (n); nothing
 * where the strategy has no places. */
leit_status leit_matcher_learn_places(leit_matcher *matcher, enum leit_modality modality,
                                      int64_t width, int64_t n, const float *answers,
                                      const int32_t *label);

/* The name of the mood that lies nearest to an answer; NULL when it is not known. */
const char *leit_matcher_nearest_mood(const leit_matcher *matcher, enum leit_modality modality,
                                      const float *answer, double *nearness);

/* The index of the largest of n values, the first of a tie. */
int32_t leit_argmax(const float *values, int64_t n);

#endif

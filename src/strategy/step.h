/* One phase's training step: its plan, and where each input of the plan comes from.
 *
 * A strategy's build() calls leit_step_texts / leit_step_clips for encoded batches and
 * leit_step_target for what the losses need; leit_step_fill then fills all of it from a batch of
 * rows (step_fill.c). */
#ifndef LEIT_STRATEGY_STEP_H
#define LEIT_STRATEGY_STEP_H

#include "kernels/fill_batch.h"
#include "model/music_encoder.h"
#include "model/text_encoder.h"
#include "strategy/strategy.h"

/* Rows of a pairs batch: the first half belongs to tags, the second half pairs text and music. */
typedef enum leit_target {
    LEIT_TARGET_TEXT_LABEL,   /* (B) i32 in the text taxonomy */
    LEIT_TARGET_MUSIC_LABEL,  /* (B) i32 in the music taxonomy */
    LEIT_TARGET_TEXT_VA,      /* (B, 2) valence and arousal of the text's tag, in [0, 1] */
    LEIT_TARGET_MUSIC_VA,     /* (B, 2) */
    LEIT_TARGET_TEXT_VECTOR,  /* (B, E_w) word vector of the text's tag */
    LEIT_TARGET_MUSIC_VECTOR, /* (B, E_w) */
    LEIT_TARGET_MUSIC_TAGS,   /* (B, K) 0 or 1, of a tagging corpus */
    LEIT_TARGET_TAG_VECTOR,   /* (B, E_w) of the drawn tags: text tags, then music tags */
    LEIT_TARGET_TEXT_ROWS,    /* (B) i32 rows 0 .. B - 1 of texts and clips stacked */
    LEIT_TARGET_MUSIC_ROWS,   /* (B) i32 rows B .. 2 B - 1 */
    LEIT_TARGET_SECOND_HALF,  /* (B / 2) i32 rows B/2 .. B - 1 */
    /* Of the whole batch in every shard, for losses over rows gathered from all: */
    LEIT_TARGET_TEXT_LABEL_1,  /* i32 text labels of the first half */
    LEIT_TARGET_MUSIC_LABEL_1, /* i32 */
    LEIT_TARGET_TEXT_LABEL_2,  /* i32 of the second half */
    LEIT_TARGET_MUSIC_LABEL_2, /* i32 */
    LEIT_TARGET_MAPPED_LABEL_2 /* i32 music labels the second half's texts map to */
} leit_target;

enum { LEIT_MAX_TARGETS = LEIT_BATCH_TARGETS - 1 }; /* beside the clips */

typedef struct leit_step {
    const leit_space *space;
    const leit_phase *phase;
    const leit_strategy *strategy;
    leit_plan *plan;
    int64_t whole; /* texts of a batch, and clips where the phase has both */
    int64_t batch; /* B: room for as many in this shard; for all where there are no shards */
    int n_shards, shard;
    int64_t max_tokens; /* room for this many in the longest text */
    int64_t batch_tokens;
    const leit_music_front *front;

    bool has_text, has_music;
    leit_text_input text;
    leit_value clip_source, clips, places, n_clips;
    int n_targets;
    struct {
        leit_target kind;
        leit_value value;
    } targets[LEIT_MAX_TARGETS];
    leit_batch part; /* this shard's part of the batch */
    int32_t *origin; /* (B) the row of the batch that a row of the part was */
} leit_step;

/* Builds the plan of a phase; parameters are declared, memory is taken by leit_plan_finish. Without
 * data (NULL) there is room for texts of data.max_tokens tokens. */
leit_status leit_step_create(const leit_strategy *strategy, const leit_phase *phase,
                             const leit_space *space, const leit_dataset *data,
                             const leit_music_front *front, const leit_plan_options *options,
                             leit_parameters *parameters, leit_step *step);
void leit_step_clear(leit_step *step);

/* ---- inside build() ---- */

/* Encoded texts (B, width) and clips (B, 4n). */
leit_value leit_step_texts(leit_step *step);
leit_value leit_step_clips(leit_step *step);
leit_value leit_step_target(leit_step *step, leit_target target);
/* The strategy's head. */
leit_value leit_step_head(leit_step *step, enum leit_modality modality, leit_value encoded);

/* ---- in the loop ---- */

/* Fills all inputs of a finished plan with its shard's part of a batch: equal runs of rows, of both
 * halves where the batch has halves. A short batch goes to the first shards, evenly, to as many as
 * get two rows, which BatchNorm needs. Crops are drawn with the plan's seed and the batch's step. */
leit_status leit_step_fill(leit_step *step, const leit_dataset *data, const leit_batch *batch);

/* The same in pieces, for who fills where the program does not look. First the inputs that no batch
 * changes, in the program's memory: rows of stacked towers, the source of the clips, and their places in a
 * batch that is whole. */
void leit_step_fill_constants(leit_step *step, const leit_dataset *data);

/* The rows of a batch, those of this shard and all of them. */
typedef struct leit_step_rows {
    const int32_t *texts, *clips, *tags; /* (B) */
    const int32_t *n_texts, *n_clips;    /* how many are there */
    const int32_t *all_texts, *all_clips;
} leit_step_rows;

/* What fills the other inputs but n_clips from drawn rows, where `rows`, the arrays of `data` and the
 * addresses of inputs all are of one memory. */
void leit_step_describe(const leit_step *step, const leit_dataset *data, const leit_step_rows *rows,
                        leit_input_address *address, struct leit_fill_batch *args);

/* The part of a batch's rows that a shard has, which is what its mean losses weigh in the step. */
double leit_step_share(const leit_step *step, const leit_batch *batch);

#endif

/* draw_batch: which rows of the corpora make a batch. A batch is a function of (seed, batch number).
 *   batch         (1)  i64, counted from 0 over all epochs
 *   LEIT_SAMPLE_TEXTS, _CLIPS  shuffled epochs of the pool, ceil(n / B) batches each, the last one
 *                 short; should one row be left for it, which BatchNorm cannot learn from, the batch
 *                 before gives it a second (B > 2)
 *   LEIT_SAMPLE_BOTH  rows batch B to batch B + B - 1 of endless epochs, of both pools side by side
 *   LEIT_SAMPLE_PAIRS rows b of the first half: a text tag with a text, a music tag with a clip, which
 *                 have nothing to do with each other; of the second half: a text of a text tag, a clip
 *                 of the music label that it is mapped to
 *   drawn_texts   (B)  i32, rows of the text corpus, the first *n_texts written
 *   drawn_clips   (B)  i32, of the music corpus, likewise
 *   drawn_tags    (B)  i32, of the tag corpus, pairs only: text tags, then music tags
 *   n_texts, n_clips  (1)  i32
 *   next          (1)  i64, batch + 1; may be `batch` itself: a step that is run again and again then
 *                 goes from batch to batch
 *   step          (1)  i32, batch: what other draws of the step are counted by
 *                 Outputs that nobody wants are NULL.
 *   Draws         pair b reads leit_rng_start(seed, LEIT_STREAM_BATCH, batch, b) with leit_rng_below:
 *                 label and row of a text, label and row of a clip, label and row of a text, row of a
 *                 clip.
 *   Limits        1 <= B < 2^31, even for pairs; a pool that is drawn from has 1 <= n < 2^31 rows, and
 *                 orders of all epochs that the batch reads, for pairs labels with a row each.
 *   Error         none.
 *   Repeatable    bit for bit.
 *   Source        paper section 3.2.4 (pairs).
 */
#ifndef LEIT_KERNELS_DRAW_BATCH_H
#define LEIT_KERNELS_DRAW_BATCH_H

#include <stdbool.h>

#include "core/rng.h"
#include "kernels/op.h"

/* What a phase trains on. */
typedef enum leit_sampling {
    LEIT_SAMPLE_TEXTS, /* shuffled epochs of the training texts, last batch kept */
    LEIT_SAMPLE_CLIPS, /* the same of the training clips */
    LEIT_SAMPLE_BOTH,  /* full batches of both side by side; the shorter one starts over */
    LEIT_SAMPLE_PAIRS  /* tag-text, tag-music and text-music pairs, paper section 3.2.4 */
} leit_sampling;

/* The training rows of one modality: in the orders of epochs, and label by label. */
typedef struct leit_row_pool {
    int64_t n;
    int64_t n_orders;        /* epochs that are kept */
    const int32_t *orders;   /* (n_orders, n) row e % n_orders is epoch e */
    int64_t n_labels;        /* K; of pairs */
    const int32_t *by_label; /* (n) */
    const int32_t
        *label_begin; /* (K + 1) label k has by_label[label_begin[k] .. label_begin[k + 1]) */
} leit_row_pool;

struct leit_draw_batch {
    leit_sampling sampling;
    int64_t B;
    uint64_t seed;
    leit_row_pool texts, clips;
    const int32_t *mapped_label;         /* (K of texts) labels of clips; pairs */
    const int32_t *text_tag, *music_tag; /* (K) likewise; NULL: no tags are drawn */
    const int64_t *batch;
    int64_t *next;
    int32_t *step, *drawn_texts, *drawn_clips, *drawn_tags, *n_texts, *n_clips;
};

static inline leit_status leit_draw_batch_check_pool(const leit_row_pool *pool)
{
    LEIT_FAIL_IF(pool->n < 1 || pool->n > INT32_MAX, LEIT_INTERNAL,
                 "draw_batch: a pool of %lld rows, expected 1 to 2^31 - 1", (long long)pool->n);
    return LEIT_OK;
}

/* The limits that the host can see, on either backend. */
static inline leit_status leit_draw_batch_check(const struct leit_draw_batch *args)
{
    LEIT_FAIL_IF(args->B < 1 || args->B > INT32_MAX ||
                     (args->sampling == LEIT_SAMPLE_PAIRS && args->B % 2 != 0),
                 LEIT_INTERNAL, "draw_batch: B is %lld, expected 1 or more, for pairs even",
                 (long long)args->B);
    if (args->sampling != LEIT_SAMPLE_CLIPS) LEIT_TRY(leit_draw_batch_check_pool(&args->texts));
    if (args->sampling != LEIT_SAMPLE_TEXTS) LEIT_TRY(leit_draw_batch_check_pool(&args->clips));
    return LEIT_OK;
}

/* Positions first .. first + n - 1 of the endless sequence of epochs. */
typedef struct leit_epoch_part {
    int64_t first, n;
} leit_epoch_part;

/* The part of an epoch that is a batch of one pool. */
static inline LEIT_HOST_DEVICE leit_epoch_part leit_epoch_batch(int64_t n, int64_t B, int64_t batch)
{
    const int64_t per_epoch = (n + B - 1) / B, epoch = batch / per_epoch, place = batch % per_epoch;
    const bool moves_one = n % B == 1 && per_epoch > 1 && B > 2;
    const int64_t first = place * B - (moves_one && place == per_epoch - 1);
    const int64_t end = place * B + B - (moves_one && place == per_epoch - 2);
    const leit_epoch_part part = {epoch * n + first, (end < n ? end : n) - first};
    return part;
}

/* The rows that a batch takes of a pool's epochs. */
static inline LEIT_HOST_DEVICE leit_epoch_part leit_batch_part(const struct leit_draw_batch *args,
                                                               const leit_row_pool *pool,
                                                               int64_t batch)
{
    const leit_epoch_part both = {batch * args->B, args->B};
    if (args->sampling == LEIT_SAMPLE_BOTH) return both;
    return leit_epoch_batch(pool->n, args->B, batch);
}

static inline LEIT_HOST_DEVICE int32_t leit_epoch_row(const leit_row_pool *pool, int64_t position)
{
    return pool->orders[position / pool->n % pool->n_orders * pool->n + position % pool->n];
}

static inline LEIT_HOST_DEVICE int32_t leit_row_of_label(const leit_row_pool *pool, leit_rng *rng,
                                                         int32_t label)
{
    const int32_t begin = pool->label_begin[label], n = pool->label_begin[label + 1] - begin;
    return pool->by_label[begin + (int32_t)leit_rng_below(rng, (uint32_t)n)];
}

/* Rows b of both halves of a batch of pairs. */
static inline LEIT_HOST_DEVICE void leit_draw_pair(const struct leit_draw_batch *args,
                                                   int64_t batch, int64_t b)
{
    const int64_t half = args->B / 2;
    const uint32_t n_text_labels = (uint32_t)args->texts.n_labels;
    const uint32_t n_clip_labels = (uint32_t)args->clips.n_labels;
    leit_rng rng = leit_rng_start(args->seed, LEIT_STREAM_BATCH, (uint32_t)batch, (uint32_t)b);
    const int32_t text_label = (int32_t)leit_rng_below(&rng, n_text_labels);
    args->drawn_texts[b] = leit_row_of_label(&args->texts, &rng, text_label);
    const int32_t clip_label = (int32_t)leit_rng_below(&rng, n_clip_labels);
    args->drawn_clips[b] = leit_row_of_label(&args->clips, &rng, clip_label);
    const int32_t matched_label = (int32_t)leit_rng_below(&rng, n_text_labels);
    args->drawn_texts[half + b] = leit_row_of_label(&args->texts, &rng, matched_label);
    args->drawn_clips[half + b] =
        leit_row_of_label(&args->clips, &rng, args->mapped_label[matched_label]);
    if (args->text_tag == NULL) return;
    args->drawn_tags[b] = args->text_tag[text_label];
    args->drawn_tags[half + b] = args->music_tag[clip_label];
}

LEIT_DECLARE_OP_FORWARD(draw_batch)

#endif

#include "kernels/draw_batch.h"

/* A few hundred numbers: the caller draws them alone. */

LEIT_NO_WORKSPACE_CPU(draw_batch)

static int32_t take_epoch_rows(const struct leit_draw_batch *args, const leit_row_pool *pool,
                               int32_t *rows)
{
    const leit_epoch_part part = leit_batch_part(args, pool, *args->batch);
    for (int64_t b = 0; b < part.n; b++) rows[b] = leit_epoch_row(pool, part.first + b);
    return (int32_t)part.n;
}

static void draw_pairs(const struct leit_draw_batch *args, int32_t *n_texts, int32_t *n_clips)
{
    for (int64_t b = 0; b < args->B / 2; b++) leit_draw_pair(args, *args->batch, b);
    *n_texts = *n_clips = (int32_t)args->B;
}

leit_status leit_draw_batch_forward_cpu(const leit_exec *exec, const struct leit_draw_batch *args)
{
    (void)exec;
    LEIT_TRY(leit_draw_batch_check(args));
    const int64_t batch = *args->batch;
    LEIT_FAIL_IF(batch < 0, LEIT_INTERNAL, "draw_batch: batch %lld, expected 0 or more",
                 (long long)batch);
    int32_t n_texts = 0, n_clips = 0;
    if (args->sampling == LEIT_SAMPLE_TEXTS || args->sampling == LEIT_SAMPLE_BOTH)
        n_texts = take_epoch_rows(args, &args->texts, args->drawn_texts);
    if (args->sampling == LEIT_SAMPLE_CLIPS || args->sampling == LEIT_SAMPLE_BOTH)
        n_clips = take_epoch_rows(args, &args->clips, args->drawn_clips);
    if (args->sampling == LEIT_SAMPLE_PAIRS) draw_pairs(args, &n_texts, &n_clips);
    if (args->n_texts != NULL) *args->n_texts = n_texts;
    if (args->n_clips != NULL) *args->n_clips = n_clips;
    if (args->step != NULL) *args->step = (int32_t)batch;
    if (args->next != NULL) *args->next = batch + 1;
    return LEIT_OK;
}

#include "corpus/sampler.h"

#include <string.h>

#include "core/memory.h"
#include "core/rng.h"

/* The rows of one modality: all training rows, orders of epochs, and the rows grouped by label. */
typedef struct row_memory {
    int64_t *rows;                            /* (n) */
    int32_t *orders, *by_label, *label_begin; /* as in leit_row_pool */
    int64_t *epochs;                          /* (n_orders) those in `orders`, -1 for none */
} row_memory;

struct leit_sampler {
    int64_t steps_per_epoch;
    struct leit_draw_batch draw;
    row_memory texts, clips;
    leit_batch batch;
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* ---- pools ---- */

static leit_status group_by_label(row_memory *memory, const leit_row_pool *pool,
                                  const int32_t *label)
{
    const int64_t K = pool->n_labels;
    LEIT_TRY(LEIT_ALLOC(memory->by_label, pool->n));
    LEIT_TRY(LEIT_ALLOC(memory->label_begin, K + 1));
    int32_t filled = 0;
    for (int64_t k = 0; k < K; k++) {
        memory->label_begin[k] = filled;
        for (int64_t i = 0; i < pool->n; i++)
            if (label[memory->rows[i]] == k) memory->by_label[filled++] = (int32_t)memory->rows[i];
    }
    memory->label_begin[K] = filled;
    return LEIT_OK;
}

/* Epochs that one batch can read. */
static int64_t orders_of(leit_sampling sampling, int64_t batch, int64_t n)
{
    if (sampling == LEIT_SAMPLE_PAIRS) return 0;
    return sampling == LEIT_SAMPLE_BOTH ? ceil_div(batch - 1, n) + 1 : 1;
}

static leit_status open_pool(const struct leit_draw_batch *draw, row_memory *memory,
                             leit_row_pool *pool, const uint8_t *split, const int32_t *label,
                             int64_t n_rows, int32_t K, const char *what)
{
    LEIT_TRY(leit_dataset_rows(split, n_rows, LEIT_SPLIT_TRAIN, &memory->rows, &pool->n));
    LEIT_FAIL_IF(pool->n == 0, LEIT_DATA, "the %s corpus has no training rows", what);
    LEIT_FAIL_IF(n_rows > INT32_MAX, LEIT_DATA, "the %s corpus has %lld rows, expected at most %d",
                 what, (long long)n_rows, INT32_MAX);
    pool->n_labels = K;
    pool->n_orders = orders_of(draw->sampling, draw->B, pool->n);
    LEIT_TRY(LEIT_ALLOC(memory->epochs, pool->n_orders));
    LEIT_TRY(LEIT_ALLOC(memory->orders, pool->n_orders * pool->n));
    for (int64_t slot = 0; slot < pool->n_orders; slot++) memory->epochs[slot] = -1;
    if (draw->sampling == LEIT_SAMPLE_PAIRS) LEIT_TRY(group_by_label(memory, pool, label));
    pool->orders = memory->orders;
    pool->by_label = memory->by_label;
    pool->label_begin = memory->label_begin;
    return LEIT_OK;
}

static void close_pool(row_memory *memory)
{
    leit_free(memory->rows);
    leit_free(memory->epochs);
    leit_free(memory->orders);
    leit_free(memory->by_label);
    leit_free(memory->label_begin);
}

/* Every label that pairs can draw must have a row. */
static leit_status check_labels(const leit_row_pool *pool, const char *const *labels,
                                const char *what)
{
    for (int64_t k = 0; k < pool->n_labels; k++)
        LEIT_FAIL_IF(pool->label_begin[k] == pool->label_begin[k + 1], LEIT_DATA,
                     "no training %s has the label '%s', expected at least one", what, labels[k]);
    return LEIT_OK;
}

static leit_status open_pools(leit_sampler *sampler, const leit_dataset *data)
{
    struct leit_draw_batch *draw = &sampler->draw;
    if (draw->sampling != LEIT_SAMPLE_CLIPS)
        LEIT_TRY(open_pool(draw, &sampler->texts, &draw->texts, data->text->split,
                           data->text->label, data->text->n_texts, data->text->n_labels, "text"));
    if (draw->sampling != LEIT_SAMPLE_TEXTS)
        LEIT_TRY(open_pool(draw, &sampler->clips, &draw->clips, data->music->split,
                           data->music->label, data->music->n_clips, data->music->n_labels,
                           "music"));
    if (draw->sampling != LEIT_SAMPLE_PAIRS) return LEIT_OK;
    LEIT_TRY(check_labels(&draw->texts, data->text->labels, "text"));
    return check_labels(&draw->clips, data->music->labels, "clip");
}

/* ---- life ---- */

static int64_t natural_steps(const struct leit_draw_batch *draw)
{
    const int64_t B = draw->B, n_texts = draw->texts.n, n_clips = draw->clips.n;
    const int64_t larger = n_texts > n_clips ? n_texts : n_clips;
    switch (draw->sampling) {
    case LEIT_SAMPLE_TEXTS: return ceil_div(n_texts, B);
    case LEIT_SAMPLE_CLIPS: return ceil_div(n_clips, B);
    case LEIT_SAMPLE_BOTH: return ceil_div(larger, B);
    case LEIT_SAMPLE_PAIRS: return ceil_div(larger, B / 2); /* a draw is half a batch wide */
    }
    return 1;
}

static leit_status take_batch(leit_sampler *sampler, int64_t B)
{
    LEIT_TRY(LEIT_ALLOC(sampler->batch.texts, B));
    LEIT_TRY(LEIT_ALLOC(sampler->batch.clips, B));
    return LEIT_ALLOC(sampler->batch.tags, B);
}

leit_status leit_sampler_create(const leit_dataset *data, leit_sampling sampling, int64_t batch,
                                int64_t n_steps_per_epoch, uint64_t seed, leit_sampler **result)
{
    LEIT_FAIL_IF(batch < 1 || (sampling == LEIT_SAMPLE_PAIRS && batch % 2 != 0), LEIT_USAGE,
                 "the batch is %lld, expected an even number: half of it pairs tags, half texts",
                 (long long)batch);
    leit_sampler *sampler = NULL;
    LEIT_TRY(LEIT_ALLOC(sampler, 1));
    sampler->draw = (struct leit_draw_batch){.sampling = sampling,
                                             .B = batch,
                                             .seed = seed,
                                             .mapped_label = data->mapped_label,
                                             .text_tag = data->text_tag,
                                             .music_tag = data->music_tag};
    sampler->batch.seed = seed;
    leit_status status = open_pools(sampler, data);
    if (status == LEIT_OK) status = take_batch(sampler, batch);
    if (status != LEIT_OK) {
        leit_sampler_free(sampler);
        return status;
    }
    sampler->steps_per_epoch =
        n_steps_per_epoch > 0 ? n_steps_per_epoch : natural_steps(&sampler->draw);
    *result = sampler;
    return LEIT_OK;
}

void leit_sampler_free(leit_sampler *sampler)
{
    if (sampler == NULL) return;
    close_pool(&sampler->texts);
    close_pool(&sampler->clips);
    leit_free(sampler->batch.texts);
    leit_free(sampler->batch.clips);
    leit_free(sampler->batch.tags);
    leit_free(sampler);
}

int64_t leit_sampler_steps_per_epoch(const leit_sampler *sampler)
{
    return sampler->steps_per_epoch;
}

const struct leit_draw_batch *leit_sampler_draw(const leit_sampler *sampler)
{
    return &sampler->draw;
}

/* ---- batches ---- */

static void shuffle_epoch(const struct leit_draw_batch *draw, row_memory *memory,
                          const leit_row_pool *pool, uint32_t sample, int64_t epoch)
{
    int32_t *order = memory->orders + epoch % pool->n_orders * pool->n;
    leit_rng rng = leit_rng_start(draw->seed, LEIT_STREAM_SHUFFLE, (uint32_t)epoch, sample);
    for (int64_t i = 0; i < pool->n; i++) order[i] = (int32_t)memory->rows[i];
    leit_rng_shuffle(&rng, order, (uint32_t)pool->n);
    memory->epochs[epoch % pool->n_orders] = epoch;
}

/* `sample` tells texts from clips. */
static bool prepare_pool(const struct leit_draw_batch *draw, row_memory *memory,
                         const leit_row_pool *pool, uint32_t sample, int64_t batch)
{
    bool is_new = false;
    if (pool->n_orders == 0) return false;
    const leit_epoch_part part = leit_batch_part(draw, pool, batch);
    for (int64_t e = part.first / pool->n; e <= (part.first + part.n - 1) / pool->n; e++) {
        if (memory->epochs[e % pool->n_orders] == e) continue;
        shuffle_epoch(draw, memory, pool, sample, e);
        is_new = true;
    }
    return is_new;
}

bool leit_sampler_prepare(leit_sampler *sampler, int64_t step)
{
    const struct leit_draw_batch *draw = &sampler->draw;
    const bool texts = prepare_pool(draw, &sampler->texts, &draw->texts, 0, step);
    const bool clips = prepare_pool(draw, &sampler->clips, &draw->clips, 1, step);
    return texts || clips;
}

leit_status leit_sampler_batch(leit_sampler *sampler, int64_t step, const leit_batch **result)
{
    leit_batch *batch = &sampler->batch;
    struct leit_draw_batch draw = sampler->draw;
    int32_t n_texts = 0, n_clips = 0;
    draw.batch = &step;
    draw.drawn_texts = batch->texts;
    draw.drawn_clips = batch->clips;
    draw.drawn_tags = batch->tags;
    draw.n_texts = &n_texts;
    draw.n_clips = &n_clips;
    leit_sampler_prepare(sampler, step);
    LEIT_TRY(leit_draw_batch_forward_cpu(&(leit_exec){0}, &draw));
    batch->step = (uint32_t)step;
    batch->n_texts = n_texts;
    batch->n_clips = n_clips;
    batch->n_tags = draw.sampling == LEIT_SAMPLE_PAIRS ? draw.B : 0;
    *result = batch;
    return LEIT_OK;
}

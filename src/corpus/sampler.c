#include "corpus/sampler.h"

#include <string.h>

#include "core/memory.h"
#include "core/rng.h"

/* Rows of one modality: all training rows, and the same rows grouped by label. */
typedef struct row_pool {
    int64_t *rows;
    int64_t n;
    int32_t *order; /* a shuffled epoch */
    int64_t order_epoch;
    int64_t *by_label, *label_begin; /* (n), (K + 1) */
    int32_t K;
} row_pool;

struct leit_sampler {
    const leit_dataset *data;
    leit_sampling sampling;
    int64_t batch_size, steps_per_epoch;
    uint64_t seed;
    row_pool texts, clips;
    leit_batch batch;
};

static leit_status open_pool(row_pool *pool, const uint8_t *split, const int32_t *label, int64_t n,
                             int32_t K, const char *what)
{
    LEIT_TRY(leit_dataset_rows(split, n, LEIT_SPLIT_TRAIN, &pool->rows, &pool->n));
    LEIT_FAIL_IF(pool->n == 0, LEIT_DATA, "the %s corpus has no training rows", what);
    pool->K = K;
    pool->order_epoch = -1;
    LEIT_TRY(LEIT_ALLOC(pool->order, pool->n));
    if (label == NULL) return LEIT_OK;
    LEIT_TRY(LEIT_ALLOC(pool->by_label, pool->n));
    LEIT_TRY(LEIT_ALLOC(pool->label_begin, K + 1));
    int64_t filled = 0;
    for (int32_t k = 0; k < K; k++) {
        pool->label_begin[k] = filled;
        for (int64_t i = 0; i < pool->n; i++)
            if (label[pool->rows[i]] == k) pool->by_label[filled++] = pool->rows[i];
    }
    pool->label_begin[K] = filled;
    return LEIT_OK;
}

static void close_pool(row_pool *pool)
{
    leit_free(pool->rows);
    leit_free(pool->order);
    leit_free(pool->by_label);
    leit_free(pool->label_begin);
}

/* Every label that pairs can draw must have a row. */
static leit_status check_labels(const row_pool *pool, const char *const *labels, const char *what)
{
    for (int32_t k = 0; k < pool->K; k++)
        LEIT_FAIL_IF(pool->label_begin[k] == pool->label_begin[k + 1], LEIT_DATA,
                     "no training %s has the label '%s', expected at least one", what, labels[k]);
    return LEIT_OK;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t natural_steps(const leit_sampler *sampler)
{
    const int64_t B = sampler->batch_size, n_texts = sampler->texts.n, n_clips = sampler->clips.n;
    const int64_t larger = n_texts > n_clips ? n_texts : n_clips;
    switch (sampler->sampling) {
    case LEIT_SAMPLE_TEXTS: return ceil_div(n_texts, B);
    case LEIT_SAMPLE_CLIPS: return ceil_div(n_clips, B);
    case LEIT_SAMPLE_BOTH: return ceil_div(larger, B);
    case LEIT_SAMPLE_PAIRS: return ceil_div(larger, B / 2); /* a draw is half a batch wide */
    }
    return 1;
}

static leit_status open_pools(leit_sampler *sampler)
{
    const leit_dataset *data = sampler->data;
    const bool texts = sampler->sampling != LEIT_SAMPLE_CLIPS;
    const bool clips = sampler->sampling != LEIT_SAMPLE_TEXTS;
    if (texts)
        LEIT_TRY(open_pool(&sampler->texts, data->text->split, data->text->label,
                           data->text->n_texts, data->text->n_labels, "text"));
    if (clips)
        LEIT_TRY(open_pool(&sampler->clips, data->music->split, data->music->label,
                           data->music->n_clips, data->music->n_labels, "music"));
    if (sampler->sampling == LEIT_SAMPLE_PAIRS) {
        LEIT_TRY(check_labels(&sampler->texts, data->text->labels, "text"));
        LEIT_TRY(check_labels(&sampler->clips, data->music->labels, "clip"));
    }
    return LEIT_OK;
}

leit_status leit_sampler_create(const leit_dataset *data, leit_sampling sampling, int64_t batch,
                                int64_t n_steps_per_epoch, uint64_t seed, leit_sampler **result)
{
    LEIT_FAIL_IF(batch < 1 || (sampling == LEIT_SAMPLE_PAIRS && batch % 2 != 0), LEIT_USAGE,
                 "the batch is %lld, expected an even number: half of it pairs tags, half texts",
                 (long long)batch);
    leit_sampler *sampler = NULL;
    LEIT_TRY(LEIT_ALLOC(sampler, 1));
    sampler->data = data;
    sampler->sampling = sampling;
    sampler->batch_size = batch;
    sampler->seed = sampler->batch.seed = seed;
    leit_status status = open_pools(sampler);
    if (status == LEIT_OK) status = LEIT_ALLOC(sampler->batch.texts, batch);
    if (status == LEIT_OK) status = LEIT_ALLOC(sampler->batch.clips, batch);
    if (status == LEIT_OK) status = LEIT_ALLOC(sampler->batch.tags, batch);
    if (status != LEIT_OK) {
        leit_sampler_free(sampler);
        return status;
    }
    sampler->steps_per_epoch = n_steps_per_epoch > 0 ? n_steps_per_epoch : natural_steps(sampler);
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

/* Row `position` of an endless sequence of shuffled epochs. `sample` tells texts from clips. */
static int64_t epoch_row(row_pool *pool, uint64_t seed, uint32_t sample, int64_t position)
{
    const int64_t epoch = position / pool->n;
    if (epoch != pool->order_epoch) {
        leit_rng rng = leit_rng_start(seed, LEIT_STREAM_SHUFFLE, (uint32_t)epoch, sample);
        for (int64_t i = 0; i < pool->n; i++) pool->order[i] = (int32_t)i;
        leit_rng_shuffle(&rng, pool->order, (uint32_t)pool->n);
        pool->order_epoch = epoch;
    }
    return pool->rows[pool->order[position % pool->n]];
}

/* An epoch ends with a short batch: `step` counts batches, not rows. Should one row be left for it,
 * which BatchNorm cannot learn from, the batch before gives it a second. */
static int64_t fill_epoch(leit_sampler *sampler, row_pool *pool, uint32_t sample, int64_t step,
                          int64_t *rows)
{
    const int64_t B = sampler->batch_size, per_epoch = ceil_div(pool->n, B);
    const int64_t epoch = step / per_epoch, place = step % per_epoch;
    const bool moves_one = pool->n % B == 1 && per_epoch > 1 && B > 2;
    const int64_t first = place * B - (moves_one && place == per_epoch - 1);
    const int64_t end = place * B + B - (moves_one && place == per_epoch - 2);
    const int64_t n = (end < pool->n ? end : pool->n) - first;
    for (int64_t i = 0; i < n; i++)
        rows[i] = epoch_row(pool, sampler->seed, sample, epoch * pool->n + first + i);
    return n;
}

static int64_t draw_of_label(const row_pool *pool, leit_rng *rng, int32_t label)
{
    const int64_t begin = pool->label_begin[label], n = pool->label_begin[label + 1] - begin;
    return pool->by_label[begin + leit_rng_below(rng, (uint32_t)n)];
}

/* Row b of the first half: a text tag with a text, a music tag with a clip. Row b of the second
 * half: a text of a text tag, a clip of the music tag it is mapped to. */
static void fill_pairs(leit_sampler *sampler, int64_t step)
{
    const leit_dataset *data = sampler->data;
    leit_batch *batch = &sampler->batch;
    const int64_t half = sampler->batch_size / 2;
    for (int64_t b = 0; b < half; b++) {
        leit_rng rng =
            leit_rng_start(sampler->seed, LEIT_STREAM_BATCH, (uint32_t)step, (uint32_t)b);
        int32_t text_label = (int32_t)leit_rng_below(&rng, (uint32_t)sampler->texts.K);
        batch->texts[b] = draw_of_label(&sampler->texts, &rng, text_label);
        batch->tags[b] = data->text_tag == NULL ? 0 : data->text_tag[text_label];

        int32_t music_label = (int32_t)leit_rng_below(&rng, (uint32_t)sampler->clips.K);
        batch->clips[b] = draw_of_label(&sampler->clips, &rng, music_label);
        batch->tags[half + b] = data->music_tag == NULL ? 0 : data->music_tag[music_label];

        text_label = (int32_t)leit_rng_below(&rng, (uint32_t)sampler->texts.K);
        batch->texts[half + b] = draw_of_label(&sampler->texts, &rng, text_label);
        batch->clips[half + b] =
            draw_of_label(&sampler->clips, &rng, data->mapped_label[text_label]);
    }
    batch->n_texts = batch->n_clips = batch->n_tags = 2 * half;
}

leit_status leit_sampler_batch(leit_sampler *sampler, int64_t step, const leit_batch **result)
{
    leit_batch *batch = &sampler->batch;
    const int64_t B = sampler->batch_size;
    batch->step = (uint32_t)step;
    batch->n_texts = batch->n_clips = batch->n_tags = 0;
    switch (sampler->sampling) {
    case LEIT_SAMPLE_TEXTS:
        batch->n_texts = fill_epoch(sampler, &sampler->texts, 0, step, batch->texts);
        break;
    case LEIT_SAMPLE_CLIPS:
        batch->n_clips = fill_epoch(sampler, &sampler->clips, 1, step, batch->clips);
        break;
    case LEIT_SAMPLE_BOTH:
        for (int64_t b = 0; b < B; b++) {
            batch->texts[b] = epoch_row(&sampler->texts, sampler->seed, 0, step * B + b);
            batch->clips[b] = epoch_row(&sampler->clips, sampler->seed, 1, step * B + b);
        }
        batch->n_texts = batch->n_clips = B;
        break;
    case LEIT_SAMPLE_PAIRS: fill_pairs(sampler, step); break;
    }
    *result = batch;
    return LEIT_OK;
}

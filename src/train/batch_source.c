#include "train/batch_source.h"

static const leit_device_memory *memory_of(const leit_batch_source *source)
{
    return &source->backend->memory;
}

/* ---- arrays of the device ---- */

static leit_status take(leit_batch_source *source, size_t bytes, void **array)
{
    LEIT_FAIL_IF(source->n_taken == LEIT_SOURCE_ARRAYS, LEIT_INTERNAL, "more than %d arrays",
                 LEIT_SOURCE_ARRAYS);
    *array = memory_of(source)->allocate(bytes, true);
    if (*array == NULL) return LEIT_DEVICE;
    source->taken[source->n_taken++] = *array;
    source->bytes += (int64_t)bytes;
    return LEIT_OK;
}

/* The array that *place points to becomes a copy of it on the device; NULL stays NULL. */
static leit_status copy(leit_batch_source *source, const void *place, int64_t count, size_t size)
{
    const void **pointer = (const void **)(uintptr_t)place;
    const void *host = *pointer;
    void *array = NULL;
    if (host == NULL || count == 0) return LEIT_OK;
    LEIT_TRY(take(source, (size_t)count * size, &array));
    *pointer = array;
    return memory_of(source)->write(array, host, (size_t)count * size, NULL);
}

#define COPY(source, field, count) copy((source), &(field), (count), sizeof *(field))

/* ---- corpora ---- */

/* A data set, and where its changed corpora are. */
typedef struct device_data {
    leit_dataset data;
    leit_text_corpus text;
    leit_music_corpus music;
    leit_tag_corpus tags;
} device_data;

static leit_status copy_text(leit_batch_source *source, leit_dataset *data, leit_text_corpus *text)
{
    if (data->text == NULL) return LEIT_OK;
    *text = *data->text;
    data->text = text;
    const int64_t n_tokens = text->offsets[text->n_texts];
    LEIT_TRY(COPY(source, text->tokens, n_tokens));
    LEIT_TRY(COPY(source, text->offsets, text->n_texts + 1));
    LEIT_TRY(COPY(source, text->label, text->n_texts));
    LEIT_TRY(COPY(source, data->text_tag, text->n_labels));
    LEIT_TRY(COPY(source, data->text_va, 2 * text->n_labels));
    return COPY(source, data->mapped_label, text->n_labels);
}

static leit_status copy_music(leit_batch_source *source, leit_dataset *data,
                              leit_music_corpus *music)
{
    *music = *data->music;
    data->music = music;
    LEIT_TRY(COPY(source, music->label, music->n_clips));
    LEIT_TRY(COPY(source, music->tags, music->n_clips * music->n_labels));
    LEIT_TRY(COPY(source, data->music_tag, music->n_labels));
    return COPY(source, data->music_va, 2 * music->n_labels);
}

static leit_status copy_tags(leit_batch_source *source, leit_dataset *data, leit_tag_corpus *tags)
{
    if (data->tags == NULL) return LEIT_OK;
    *tags = *data->tags;
    data->tags = tags;
    return COPY(source, tags->vectors, tags->n_tags * tags->vector_width);
}

/* ---- what draws and what fills ---- */

static leit_status copy_pool(leit_batch_source *source, leit_row_pool *pool)
{
    LEIT_TRY(COPY(source, pool->orders, pool->n_orders * pool->n));
    if (pool->by_label == NULL) return LEIT_OK;
    LEIT_TRY(COPY(source, pool->by_label, pool->n));
    return COPY(source, pool->label_begin, pool->n_labels + 1);
}

static leit_status take_rows(leit_batch_source *source, int64_t B, int32_t **rows)
{
    void *array = NULL;
    LEIT_TRY(take(source, (size_t)B * sizeof **rows, &array));
    *rows = array;
    return LEIT_OK;
}

static leit_status copy_draw(leit_batch_source *source)
{
    struct leit_draw_batch *draw = &source->draw;
    void *batch = NULL;
    *draw = *leit_sampler_draw(source->sampler);
    LEIT_TRY(copy_pool(source, &draw->texts));
    LEIT_TRY(copy_pool(source, &draw->clips));
    LEIT_TRY(take(source, sizeof *source->batch, &batch));
    LEIT_TRY(take_rows(source, draw->B, &draw->drawn_texts));
    LEIT_TRY(take_rows(source, draw->B, &draw->drawn_clips));
    LEIT_TRY(take_rows(source, draw->B, &draw->drawn_tags));
    source->batch = batch;
    draw->batch = draw->next = batch;
    return LEIT_OK;
}

/* Everything that a source has on the device; `data` is then of the device, as far as batches read it. */
static leit_status copy_all(leit_batch_source *source, device_data *on_device,
                            const leit_dataset *data)
{
    on_device->data = *data;
    LEIT_TRY(copy_text(source, &on_device->data, &on_device->text));
    LEIT_TRY(copy_music(source, &on_device->data, &on_device->music));
    LEIT_TRY(copy_tags(source, &on_device->data, &on_device->tags));
    return copy_draw(source);
}

static void bind(leit_batch_source *source, const leit_step *step, const leit_dataset *on_device)
{
    struct leit_draw_batch *draw = &source->draw;
    draw->step = leit_plan_device_step(step->plan);
    draw->mapped_label = on_device->mapped_label;
    draw->text_tag = on_device->text_tag;
    draw->music_tag = on_device->music_tag;
    if (step->has_text) draw->n_texts = leit_plan_device_data(step->plan, step->text.n_texts);
    if (step->has_music) draw->n_clips = leit_plan_device_data(step->plan, step->n_clips);
    const leit_step_rows rows = {draw->drawn_texts, draw->drawn_clips, draw->drawn_tags,
                                 draw->n_texts,     draw->n_clips,     draw->drawn_texts,
                                 draw->drawn_clips};
    leit_step_describe(step, on_device, &rows, leit_plan_device_data, &source->fill);
}

leit_status leit_batch_source_open(const leit_backend *backend, const leit_step *step,
                                   const leit_dataset *data, leit_sampler *sampler,
                                   leit_batch_source *source)
{
    device_data on_device;
    *source = (leit_batch_source){.backend = backend, .sampler = sampler};
    const leit_status status = copy_all(source, &on_device, data);
    if (status == LEIT_OK)
        bind(source, step, &on_device.data);
    else
        leit_batch_source_close(source);
    return status;
}

leit_status leit_batch_source_measure(const leit_dataset *data, leit_sampler *sampler,
                                      int64_t *bytes)
{
    device_data copy;
    leit_batch_source source = {.backend = leit_backend_cpu(), .sampler = sampler};
    const leit_status status = copy_all(&source, &copy, data);
    *bytes = source.bytes;
    leit_batch_source_close(&source);
    return status;
}

void leit_batch_source_close(leit_batch_source *source)
{
    for (int i = 0; i < source->n_taken; i++) memory_of(source)->release(source->taken[i]);
    *source = (leit_batch_source){0};
}

/* ---- batches ---- */

leit_status leit_batch_source_seek(leit_batch_source *source, int64_t batch)
{
    return memory_of(source)->write(source->batch, &batch, sizeof batch, NULL);
}

static leit_status pass_orders(leit_batch_source *source, const leit_row_pool *from,
                               const leit_row_pool *to)
{
    const size_t bytes = (size_t)(from->n_orders * from->n) * sizeof *from->orders;
    if (bytes == 0) return LEIT_OK;
    return memory_of(source)->write((void *)(uintptr_t)to->orders, from->orders, bytes, NULL);
}

leit_status leit_batch_source_prepare(leit_batch_source *source, int64_t batch)
{
    const struct leit_draw_batch *own = leit_sampler_draw(source->sampler);
    if (!leit_sampler_prepare(source->sampler, batch)) return LEIT_OK;
    LEIT_TRY(pass_orders(source, &own->texts, &source->draw.texts));
    return pass_orders(source, &own->clips, &source->draw.clips);
}

leit_status leit_batch_source_enqueue(leit_batch_source *source)
{
    const leit_op *ops = source->backend->ops;
    const leit_exec exec = {0};
    leit_range_begin(source->backend, "batch");
    leit_status status = ops[LEIT_OP_draw_batch].forward(&exec, &source->draw);
    if (status == LEIT_OK) status = ops[LEIT_OP_fill_batch].forward(&exec, &source->fill);
    leit_range_end(source->backend);
    return status;
}

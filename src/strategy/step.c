#include "strategy/step.h"

#include <string.h>

#include "core/memory.h"

/* ---- building ---- */

/* Room for the B longest training texts: no epoch's batch needs more. */
static leit_status measure_tokens(const leit_text_corpus *text, leit_step *step)
{
    int64_t *texts_of_length = NULL;
    LEIT_TRY(LEIT_ALLOC(texts_of_length, text->max_tokens + 1));
    for (int64_t i = 0; i < text->n_texts; i++) {
        const int64_t count = text->offsets[i + 1] - text->offsets[i];
        if (!(text->split[i] & LEIT_SPLIT_TRAIN)) continue;
        if (count > step->max_tokens) step->max_tokens = count;
        texts_of_length[count]++;
    }
    int64_t left = step->batch;
    for (int64_t count = text->max_tokens; count > 0; count--) {
        const int64_t taken = texts_of_length[count] < left ? texts_of_length[count] : left;
        step->batch_tokens += taken * count;
        left -= taken;
    }
    leit_free(texts_of_length);
    /* Other samplers may draw one long text several times. */
    if (step->phase->sampling != LEIT_SAMPLE_TEXTS)
        step->batch_tokens = step->batch * step->max_tokens;
    return LEIT_OK;
}

leit_status leit_step_create(const leit_strategy *strategy, const leit_phase *phase,
                             const leit_space *space, const leit_dataset *data,
                             const leit_music_front *front, const leit_plan_options *options,
                             leit_parameters *parameters, leit_step *step)
{
    const leit_recipe *recipe = space->recipe;
    *step = (leit_step){.space = space, .phase = phase, .strategy = strategy, .front = front};
    step->n_shards = options->n_shards > 1 ? options->n_shards : 1;
    step->shard = options->shard;
    step->whole = phase->sampling == LEIT_SAMPLE_CLIPS && recipe->train.music_batch > 0
                      ? recipe->train.music_batch
                      : recipe->train.batch;
    step->batch = step->whole / step->n_shards;
    /* Where epochs end with a short batch, its seven rows in four shards of two are 2, 2, 3 and 0. */
    const bool has_short_ones =
        phase->sampling == LEIT_SAMPLE_TEXTS || phase->sampling == LEIT_SAMPLE_CLIPS;
    if (has_short_ones && step->n_shards > 1 && step->batch == 2) step->batch = 3;
    leit_status status = LEIT_ALLOC(step->tokens, step->batch);
    if (status == LEIT_OK) status = LEIT_ALLOC(step->part.texts, step->batch);
    if (status == LEIT_OK) status = LEIT_ALLOC(step->part.clips, step->batch);
    if (status == LEIT_OK) status = LEIT_ALLOC(step->part.tags, step->batch);
    if (status == LEIT_OK) status = LEIT_ALLOC(step->origin, step->batch);
    if (status != LEIT_OK) {
        leit_step_clear(step);
        return status;
    }
    if (data == NULL) {
        step->max_tokens = recipe->data.max_tokens;
        step->batch_tokens = step->batch * step->max_tokens;
    } else if (data->text != NULL) {
        status = measure_tokens(data->text, step);
    }
    if (status == LEIT_OK) status = leit_plan_create(options, parameters, &step->plan);
    if (status != LEIT_OK) {
        leit_step_clear(step);
        return status;
    }
    phase->build(step);
    return LEIT_OK;
}

void leit_step_clear(leit_step *step)
{
    leit_plan_free(step->plan);
    leit_free(step->tokens);
    leit_free(step->part.texts);
    leit_free(step->part.clips);
    leit_free(step->part.tags);
    leit_free(step->origin);
    *step = (leit_step){0};
}

leit_value leit_step_texts(leit_step *step)
{
    step->has_text = true;
    step->text =
        leit_text_input_create(step->plan, step->batch, step->batch_tokens, step->max_tokens);
    return leit_text_encoder(step->plan, &step->text, step->space->vocabulary_size,
                             step->space->recipe);
}

leit_value leit_step_clips(leit_step *step)
{
    leit_plan *plan = step->plan;
    step->has_music = true;
    step->n_clips = leit_plan_count(plan, "music.n_clips", 0);
    step->clip_source = leit_plan_clip_source(plan, "music.source");
    step->clips = leit_plan_input(plan, "music.clips", LEIT_I32, 1, &step->batch);
    step->places = leit_plan_input(plan, "music.places", LEIT_I32, 1, &step->batch);
    leit_plan_set_count(plan, step->clips, step->n_clips);
    leit_plan_scope(plan, "music");
    leit_value pcm = leit_plan_crop_clips(plan, step->clip_source, step->clips, step->places,
                                          step->space->recipe->data.crop_samples);
    return leit_music_encoder(plan, pcm, step->front, step->space->recipe);
}

leit_value leit_step_head(leit_step *step, enum leit_modality modality, leit_value encoded)
{
    return step->strategy->head(step->plan, step->space, modality, encoded);
}

/* Shape and type of a target; width 0 is a vector of i32. */
static void target_shape(const leit_step *step, leit_target target, int64_t *rows, int64_t *width)
{
    *rows = step->batch;
    *width = 0;
    switch (target) {
    case LEIT_TARGET_TEXT_VA:
    case LEIT_TARGET_MUSIC_VA: *width = 2; break;
    case LEIT_TARGET_TEXT_VECTOR:
    case LEIT_TARGET_MUSIC_VECTOR:
    case LEIT_TARGET_TAG_VECTOR: *width = step->space->vector_width; break;
    case LEIT_TARGET_MUSIC_TAGS: *width = step->space->n_music_labels; break;
    case LEIT_TARGET_TEXT_LABEL:
    case LEIT_TARGET_MUSIC_LABEL:
    case LEIT_TARGET_TEXT_ROWS:
    case LEIT_TARGET_MUSIC_ROWS: break;
    case LEIT_TARGET_SECOND_HALF: *rows = step->batch / 2; break;
    default: *rows = step->whole / 2; break;
    }
}

leit_value leit_step_target(leit_step *step, leit_target target)
{
    static const char *const names[] = {
        "text_label",    "music_label",  "text_va",       "music_va",
        "text_vector",   "music_vector", "music_tags",    "tag_vector",
        "text_rows",     "music_rows",   "second_half",   "text_label_1",
        "music_label_1", "text_label_2", "music_label_2", "mapped_label_2"};
    for (int i = 0; i < step->n_targets; i++)
        if (step->targets[i].kind == target) return step->targets[i].value;
    int64_t shape[2];
    target_shape(step, target, &shape[0], &shape[1]);
    leit_value value =
        leit_plan_input(step->plan, names[target], shape[1] == 0 ? LEIT_I32 : LEIT_F32,
                        shape[1] == 0 ? 1 : 2, shape);
    step->targets[step->n_targets].kind = target;
    step->targets[step->n_targets++].value = value;
    return value;
}

/* ---- a shard's part ---- */

/* Rows first .. first + n - 1 of n_rows, of which the step has a part. */
static int64_t cut(const leit_step *step, int64_t n_rows, int64_t *first)
{
    /* As many shards as get two rows. */
    int64_t n_used = n_rows / 2 < step->n_shards ? n_rows / 2 : step->n_shards;
    if (n_used < 1) n_used = 1;
    const int64_t shard = step->shard < n_used ? step->shard : n_used;
    const int64_t end = shard < n_used ? n_rows * (shard + 1) / n_used : n_rows;
    *first = n_rows * shard / n_used;
    return end - *first;
}

static int64_t rows_of(const leit_batch *batch)
{
    return batch->n_texts > batch->n_clips ? batch->n_texts : batch->n_clips;
}

double leit_step_share(const leit_step *step, const leit_batch *batch)
{
    int64_t first;
    if (step->phase->sampling == LEIT_SAMPLE_PAIRS) return 1.0 / step->n_shards;
    return (double)cut(step, rows_of(batch), &first) / (double)rows_of(batch);
}

/* Says where the part's rows come from; returns how many they are. Pairs come in two halves, always
 * full, and a shard has as much of each. */
static int64_t find_origin(leit_step *step, const leit_batch *batch)
{
    int64_t first = 0, n = step->batch;
    if (step->phase->sampling != LEIT_SAMPLE_PAIRS) {
        n = cut(step, rows_of(batch), &first);
        for (int64_t b = 0; b < n; b++) step->origin[b] = first + b;
        return n;
    }
    const int64_t half = n / 2;
    for (int64_t b = 0; b < n; b++)
        step->origin[b] = step->shard * half + b % half + (b < half ? 0 : step->whole / 2);
    return n;
}

static void take_rows(int64_t *part, const int64_t *rows, const int64_t *origin, int64_t n)
{
    for (int64_t b = 0; b < n; b++) part[b] = rows[origin[b]];
}

static void take_part(leit_step *step, const leit_batch *batch)
{
    leit_batch *part = &step->part;
    const int64_t n = find_origin(step, batch);
    part->seed = batch->seed;
    part->step = batch->step;
    part->n_texts = batch->n_texts > 0 ? n : 0;
    part->n_clips = batch->n_clips > 0 ? n : 0;
    part->n_tags = batch->n_tags > 0 ? n : 0;
    take_rows(part->texts, batch->texts, step->origin, part->n_texts);
    take_rows(part->clips, batch->clips, step->origin, part->n_clips);
    take_rows(part->tags, batch->tags, step->origin, part->n_tags);
}

/* ---- filling ---- */

static leit_status fill_texts(leit_step *step, const leit_dataset *data)
{
    const leit_text_corpus *text = data->text;
    const leit_batch *batch = &step->part;
    for (int64_t b = 0; b < batch->n_texts; b++) {
        const int64_t begin = text->offsets[batch->texts[b]];
        const int64_t end = text->offsets[batch->texts[b] + 1];
        step->tokens[b] = (leit_tokens){text->tokens + begin, end - begin};
    }
    return leit_text_input_fill(step->plan, &step->text, step->tokens, batch->n_texts);
}

/* Which clips are cropped; each is drawn by its place in the whole batch. */
static void fill_clips(leit_step *step, const leit_dataset *data)
{
    const leit_batch *batch = &step->part;
    int32_t *clips = leit_plan_data(step->plan, step->clips);
    int32_t *places = leit_plan_data(step->plan, step->places);
    for (int64_t b = 0; b < batch->n_clips; b++) {
        clips[b] = (int32_t)batch->clips[b];
        places[b] = (int32_t)step->origin[b];
    }
    memcpy(leit_plan_data(step->plan, step->clip_source), &data->clips, sizeof data->clips);
    *(int32_t *)leit_plan_data(step->plan, step->n_clips) = (int32_t)batch->n_clips;
}

static void fill_labels(int32_t *to, const int32_t *label, const int64_t *rows, int64_t n)
{
    for (int64_t b = 0; b < n; b++) to[b] = label[rows[b]];
}

static void fill_rows(int32_t *to, int64_t first, int64_t n)
{
    for (int64_t b = 0; b < n; b++) to[b] = (int32_t)(first + b);
}

static void fill_va(float *to, const float *va, const int32_t *label, const int64_t *rows,
                    int64_t n)
{
    for (int64_t b = 0; b < n; b++) memcpy(to + 2 * b, va + 2 * label[rows[b]], 2 * sizeof *to);
}

static void fill_vectors(float *to, const leit_tag_corpus *tags, const int64_t *tag_of_label,
                         const int32_t *label, const int64_t *rows, int64_t n)
{
    const int64_t E = tags->vector_width;
    for (int64_t b = 0; b < n; b++) {
        /* Without labels `rows` are tags themselves. */
        const int64_t tag = label == NULL ? rows[b] : tag_of_label[label[rows[b]]];
        memcpy(to + b * E, tags->vectors + tag * E, (size_t)E * sizeof *to);
    }
}

static void fill_target(const leit_step *step, leit_target target, void *to,
                        const leit_dataset *data, const leit_batch *whole)
{
    const leit_batch *batch = &step->part;
    const int32_t *text_label = data->text == NULL ? NULL : data->text->label;
    const int32_t *music_label = data->music->label;
    const int64_t half = step->batch / 2, whole_half = step->whole / 2, K = data->music->n_labels;
    switch (target) {
    case LEIT_TARGET_TEXT_LABEL: fill_labels(to, text_label, batch->texts, batch->n_texts); break;
    case LEIT_TARGET_MUSIC_LABEL: fill_labels(to, music_label, batch->clips, batch->n_clips); break;
    case LEIT_TARGET_TEXT_VA:
        fill_va(to, data->text_va, text_label, batch->texts, batch->n_texts);
        break;
    case LEIT_TARGET_MUSIC_VA:
        fill_va(to, data->music_va, music_label, batch->clips, batch->n_clips);
        break;
    case LEIT_TARGET_TEXT_VECTOR:
        fill_vectors(to, data->tags, data->text_tag, text_label, batch->texts, batch->n_texts);
        break;
    case LEIT_TARGET_MUSIC_VECTOR:
        fill_vectors(to, data->tags, data->music_tag, music_label, batch->clips, batch->n_clips);
        break;
    case LEIT_TARGET_MUSIC_TAGS:
        for (int64_t b = 0; b < batch->n_clips; b++)
            for (int64_t k = 0; k < K; k++)
                ((float *)to)[b * K + k] = (float)data->music->tags[batch->clips[b] * K + k];
        break;
    case LEIT_TARGET_TAG_VECTOR:
        fill_vectors(to, data->tags, NULL, NULL, batch->tags, batch->n_tags);
        break;
    case LEIT_TARGET_TEXT_ROWS: fill_rows(to, 0, step->batch); break;
    case LEIT_TARGET_MUSIC_ROWS: fill_rows(to, step->batch, step->batch); break;
    case LEIT_TARGET_SECOND_HALF: fill_rows(to, half, half); break;
    case LEIT_TARGET_TEXT_LABEL_1: fill_labels(to, text_label, whole->texts, whole_half); break;
    case LEIT_TARGET_MUSIC_LABEL_1: fill_labels(to, music_label, whole->clips, whole_half); break;
    case LEIT_TARGET_TEXT_LABEL_2:
        fill_labels(to, text_label, whole->texts + whole_half, whole_half);
        break;
    case LEIT_TARGET_MUSIC_LABEL_2:
        fill_labels(to, music_label, whole->clips + whole_half, whole_half);
        break;
    case LEIT_TARGET_MAPPED_LABEL_2:
        for (int64_t b = 0; b < whole_half; b++)
            ((int32_t *)to)[b] = data->mapped_label[text_label[whole->texts[whole_half + b]]];
        break;
    }
}

leit_status leit_step_fill(leit_step *step, const leit_dataset *data, const leit_batch *batch)
{
    LEIT_FAIL_IF(rows_of(batch) > step->whole, LEIT_INTERNAL, "%lld rows in a batch of %lld",
                 (long long)rows_of(batch), (long long)step->whole);
    take_part(step, batch);
    if (step->has_text) LEIT_TRY(fill_texts(step, data));
    if (step->has_music) fill_clips(step, data);
    for (int i = 0; i < step->n_targets; i++)
        fill_target(step, step->targets[i].kind, leit_plan_data(step->plan, step->targets[i].value),
                    data, batch);
    leit_plan_set_step(step->plan, batch->step);
    return LEIT_OK;
}

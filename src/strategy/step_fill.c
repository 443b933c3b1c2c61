/* The inputs of a step, filled from a batch of rows. */
#include <string.h>

#include "strategy/step.h"

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
        for (int64_t b = 0; b < n; b++) step->origin[b] = (int32_t)(first + b);
        return n;
    }
    const int64_t half = n / 2;
    for (int64_t b = 0; b < n; b++)
        step->origin[b] =
            (int32_t)(step->shard * half + b % half + (b < half ? 0 : step->whole / 2));
    return n;
}

static void take_rows(int32_t *part, const int32_t *rows, const int32_t *origin, int64_t n)
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

/* ---- where each input comes from ---- */

/* Rows that a batch draws of a corpus whose rows have these labels. */
static leit_batch_target target_of(const int32_t *rows, const int32_t *n_rows, int64_t n,
                                   const int32_t *label)
{
    return (leit_batch_target){.n = n, .rows = rows, .n_rows = n_rows, .label = label};
}

static leit_batch_target from_table(leit_batch_target target, const int32_t *of_label,
                                    const float *table, int64_t width)
{
    target.of_label = of_label;
    target.table = table;
    target.width = width;
    return target;
}

/* False for a target that no batch changes. */
static bool describe_target(const leit_step *step, leit_target kind, const leit_dataset *data,
                            const leit_step_rows *rows, leit_batch_target *target)
{
    const int32_t *text_label = data->text == NULL ? NULL : data->text->label;
    const int32_t *music_label = data->music->label;
    const float *vectors = data->tags == NULL ? NULL : data->tags->vectors;
    const int64_t E = step->space->vector_width, half = step->whole / 2;
    const leit_batch_target text = target_of(rows->texts, rows->n_texts, step->batch, text_label);
    const leit_batch_target clip = target_of(rows->clips, rows->n_clips, step->batch, music_label);
    switch (kind) {
    case LEIT_TARGET_TEXT_LABEL: *target = text; return true;
    case LEIT_TARGET_MUSIC_LABEL: *target = clip; return true;
    case LEIT_TARGET_TEXT_VA: *target = from_table(text, NULL, data->text_va, 2); return true;
    case LEIT_TARGET_MUSIC_VA: *target = from_table(clip, NULL, data->music_va, 2); return true;
    case LEIT_TARGET_TEXT_VECTOR:
        *target = from_table(text, data->text_tag, vectors, E);
        return true;
    case LEIT_TARGET_MUSIC_VECTOR:
        *target = from_table(clip, data->music_tag, vectors, E);
        return true;
    case LEIT_TARGET_MUSIC_TAGS:
        *target = target_of(rows->clips, rows->n_clips, step->batch, NULL);
        target->flags = data->music->tags;
        target->width = data->music->n_labels;
        return true;
    case LEIT_TARGET_TAG_VECTOR:
        *target = from_table(target_of(rows->tags, NULL, step->batch, NULL), NULL, vectors, E);
        return true;
    case LEIT_TARGET_TEXT_LABEL_1:
        *target = target_of(rows->all_texts, NULL, half, text_label);
        return true;
    case LEIT_TARGET_MUSIC_LABEL_1:
        *target = target_of(rows->all_clips, NULL, half, music_label);
        return true;
    case LEIT_TARGET_TEXT_LABEL_2:
        *target = target_of(rows->all_texts + half, NULL, half, text_label);
        return true;
    case LEIT_TARGET_MUSIC_LABEL_2:
        *target = target_of(rows->all_clips + half, NULL, half, music_label);
        return true;
    case LEIT_TARGET_MAPPED_LABEL_2:
        *target = target_of(rows->all_texts + half, NULL, half, text_label);
        target->of_label = data->mapped_label;
        return true;
    case LEIT_TARGET_TEXT_ROWS:
    case LEIT_TARGET_MUSIC_ROWS:
    case LEIT_TARGET_SECOND_HALF: break;
    }
    return false;
}

static void add_target(struct leit_fill_batch *args, const leit_batch_target *target, void *to)
{
    args->targets[args->n_targets] = *target;
    args->targets[args->n_targets++].to = to;
}

void leit_step_describe(const leit_step *step, const leit_dataset *data, const leit_step_rows *rows,
                        leit_input_address *address, struct leit_fill_batch *args)
{
    *args = (struct leit_fill_batch){0};
    if (step->has_text) {
        args->texts = rows->texts;
        args->texts_drawn = rows->n_texts;
        args->tokens = data->text->tokens;
        args->token_offsets = data->text->offsets;
        args->packed = leit_text_input_packed(step->plan, &step->text, address);
    }
    if (step->has_music) {
        const leit_batch_target clips = target_of(rows->clips, rows->n_clips, step->batch, NULL);
        add_target(args, &clips, address(step->plan, step->clips));
    }
    for (int i = 0; i < step->n_targets; i++) {
        leit_batch_target target;
        if (describe_target(step, step->targets[i].kind, data, rows, &target))
            add_target(args, &target, address(step->plan, step->targets[i].value));
    }
}

/* ---- filling ---- */

static void count_from(int32_t *to, int64_t first, int64_t n)
{
    for (int64_t b = 0; b < n; b++) to[b] = (int32_t)(first + b);
}

void leit_step_fill_constants(leit_step *step, const leit_dataset *data)
{
    leit_plan *plan = step->plan;
    const int64_t B = step->batch;
    for (int i = 0; i < step->n_targets; i++) {
        int32_t *to = leit_plan_data(plan, step->targets[i].value);
        switch (step->targets[i].kind) {
        case LEIT_TARGET_TEXT_ROWS: count_from(to, 0, B); break;
        case LEIT_TARGET_MUSIC_ROWS: count_from(to, B, B); break;
        case LEIT_TARGET_SECOND_HALF: count_from(to, B / 2, B / 2); break;
        default: break;
        }
    }
    if (!step->has_music) return;
    memcpy(leit_plan_data(plan, step->clip_source), &data->clips, sizeof data->clips);
    count_from(leit_plan_data(plan, step->places), 0, B);
}

leit_status leit_step_fill(leit_step *step, const leit_dataset *data, const leit_batch *batch)
{
    LEIT_FAIL_IF(rows_of(batch) > step->whole, LEIT_INTERNAL, "%lld rows in a batch of %lld",
                 (long long)rows_of(batch), (long long)step->whole);
    take_part(step, batch);
    const leit_batch *part = &step->part;
    const int32_t n_texts = (int32_t)part->n_texts, n_clips = (int32_t)part->n_clips;
    const leit_step_rows rows = {part->texts, part->clips,  part->tags,  &n_texts,
                                 &n_clips,    batch->texts, batch->clips};
    struct leit_fill_batch args;
    leit_step_fill_constants(step, data);
    leit_step_describe(step, data, &rows, leit_plan_data, &args);
    LEIT_TRY(leit_fill_batch_forward_cpu(&(leit_exec){0}, &args));
    if (step->has_music) {
        /* Each is cropped by its place in the whole batch. */
        memcpy(leit_plan_data(step->plan, step->places), step->origin,
               (size_t)n_clips * sizeof *step->origin);
        *(int32_t *)leit_plan_data(step->plan, step->n_clips) = n_clips;
    }
    leit_plan_set_step(step->plan, batch->step);
    return LEIT_OK;
}

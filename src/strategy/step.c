#include "strategy/step.h"

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
    leit_status status = LEIT_ALLOC(step->part.texts, step->batch);
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

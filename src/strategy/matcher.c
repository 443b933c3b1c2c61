#include "strategy/matcher.h"

#include <string.h>

#include "core/memory.h"

static leit_status copy_names(leit_arena *arena, const char *const *names, int32_t n,
                              const char *const **copy)
{
    const char **list = leit_arena_allocate(arena, (size_t)n * sizeof *list);
    if (list == NULL) return LEIT_INTERNAL;
    for (int32_t k = 0; k < n; k++) {
        list[k] = leit_arena_strdup(arena, names[k]);
        if (list[k] == NULL) return LEIT_INTERNAL;
    }
    *copy = list;
    return LEIT_OK;
}

/* The encoders that the recipe freezes; heads always learn. */
static void freeze_encoders(leit_matcher *matcher)
{
    const struct leit_recipe_model *model = &matcher->recipe->model;
    int n = 0;
    if (model->text.frozen) {
        matcher->frozen[n++] = "text.embeddings.";
        matcher->frozen[n++] = "text.transformer.";
    }
    if (model->music.frozen) {
        matcher->frozen[n++] = "music.spec_bn.";
        matcher->frozen[n++] = "music.layer";
    }
    matcher->parameters.frozen = matcher->frozen;
}

leit_status leit_matcher_create(const leit_recipe *recipe, const leit_mood_names *names,
                                const leit_backend *backend, leit_threads *threads,
                                leit_matcher **result)
{
    leit_matcher *matcher = NULL;
    LEIT_TRY(LEIT_ALLOC(matcher, 1));
    matcher->recipe = recipe;
    matcher->strategy = leit_strategy_find(recipe->strategy);
    matcher->names = *names;
    freeze_encoders(matcher);
    matcher->backend = backend;
    matcher->threads = threads;
    matcher->space = (leit_space){.recipe = recipe,
                                  .n_text_labels = names->n_text_labels,
                                  .n_music_labels = names->n_music_labels,
                                  .vocabulary_size = names->vocabulary_size,
                                  .vector_width = names->vector_width};
    leit_status status = copy_names(&matcher->arena, names->text_labels, names->n_text_labels,
                                    &matcher->names.text_labels);
    if (status == LEIT_OK)
        status = copy_names(&matcher->arena, names->music_labels, names->n_music_labels,
                            &matcher->names.music_labels);
    if (status == LEIT_OK)
        status = leit_music_front_open(recipe, &backend->memory, &matcher->front);
    const int64_t least = leit_music_least_samples(recipe);
    if (status == LEIT_OK && recipe->data.crop_samples < least)
        status = leit_fail(LEIT_USAGE, __func__,
                           "data.crop_samples is %d, expected at least %lld: shorter crops are "
                           "pooled away to nothing",
                           recipe->data.crop_samples, (long long)least);
    if (status != LEIT_OK) {
        leit_matcher_free(matcher);
        return status;
    }
    *result = matcher;
    return LEIT_OK;
}

void leit_matcher_free(leit_matcher *matcher)
{
    if (matcher == NULL) return;
    leit_music_front_close(&matcher->front);
    leit_parameters_clear(&matcher->parameters);
    leit_places_clear(&matcher->places[LEIT_MODALITY_TEXT]);
    leit_places_clear(&matcher->places[LEIT_MODALITY_MUSIC]);
    leit_arena_clear(&matcher->arena);
    leit_free(matcher);
}

leit_mood_names leit_mood_names_of(const leit_dataset *data)
{
    leit_mood_names names = {.n_music_labels = data->music->n_labels,
                             .music_labels = data->music->labels};
    if (data->text != NULL) {
        names.n_text_labels = data->text->n_labels;
        names.text_labels = data->text->labels;
        names.vocabulary_size = data->text->vocabulary_size;
    }
    if (data->tags != NULL) names.vector_width = data->tags->vector_width;
    return names;
}

leit_status leit_matcher_allocate(leit_matcher *matcher, bool for_training)
{
    const leit_recipe *recipe = matcher->recipe;
    const struct leit_recipe_strings *excluded = &recipe->train.weight_decay_exclude;
    /* Tagging has no text, and so nothing of the name that is excluded by default. */
    const bool has_text = matcher->names.n_text_labels > 0;
    for (int i = 0; for_training && i < excluded->count; i++)
        LEIT_FAIL_IF(leit_parameters_exclude_decay(&matcher->parameters, excluded->items[i]) == 0 &&
                         has_text,
                     LEIT_USAGE, "train.weight_decay_exclude: no parameter's name contains '%s'",
                     excluded->items[i]);
    return leit_parameters_allocate(&matcher->parameters, (uint64_t)recipe->seed, for_training);
}

int32_t leit_argmax(const float *values, int64_t n)
{
    int32_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (values[i] > values[best]) best = (int32_t)i;
    return best;
}

int32_t leit_matcher_music_class(const leit_matcher *matcher, const float *text_answer)
{
    const leit_mood_names *names = &matcher->names;
    if (matcher->strategy->rule == LEIT_RULE_MUSIC_MOOD)
        return leit_argmax(text_answer, names->n_music_labels);
    const char *mood = names->text_labels[leit_argmax(text_answer, names->n_text_labels)];
    for (int32_t k = 0; k < names->n_music_labels; k++)
        if (strcmp(names->music_labels[k], mood) == 0) return k;
    return -1;
}

leit_status leit_matcher_learn_places(leit_matcher *matcher, enum leit_modality modality,
                                      int64_t width, int64_t n, const float *answers,
                                      const int32_t *label)
{
    const leit_match_rule rule = matcher->strategy->rule;
    const leit_mood_names *names = &matcher->names;
    if (!leit_rule_has_places(rule)) return LEIT_OK;
    return leit_places_learn(&matcher->places[modality], rule,
                             modality == LEIT_MODALITY_TEXT ? names->n_text_labels
                                                            : names->n_music_labels,
                             width, n, answers, label);
}

const char *leit_matcher_nearest_mood(const leit_matcher *matcher, enum leit_modality modality,
                                      const float *answer, double *nearness)
{
    const leit_mood_names *names = &matcher->names;
    const int32_t nearest =
        leit_places_nearest(&matcher->places[modality], matcher->strategy->rule, answer, nearness);
    if (nearest < 0) return NULL;
    return modality == LEIT_MODALITY_TEXT ? names->text_labels[nearest]
                                          : names->music_labels[nearest];
}

#include "strategy/matcher_file.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/memory.h"
#include "core/prefix.h"

static leit_tensor tensor_of(const leit_parameter *parameter)
{
    leit_tensor tensor = {.name = parameter->name,
                          .dtype = LEIT_F32,
                          .rank = parameter->rank,
                          .data = parameter->data};
    memcpy(tensor.shape, parameter->shape, sizeof tensor.shape);
    return tensor;
}

static leit_status save_about(const leit_matcher *matcher, const char *vocabulary,
                              leit_checkpoint_writer *writer)
{
    const leit_mood_names *names = &matcher->names;
    char *yaml = NULL;
    LEIT_TRY(leit_recipe_resolved_yaml(matcher->recipe, &yaml));
    leit_status status = leit_checkpoint_add_text(writer, "recipe", yaml);
    leit_recipe_text_free(yaml);
    LEIT_TRY(status);
    LEIT_TRY(leit_checkpoint_add_text(writer, "vocabulary", vocabulary));
    LEIT_TRY(leit_checkpoint_add_i64(writer, "vocabulary_size", names->vocabulary_size));
    LEIT_TRY(leit_checkpoint_add_i64(writer, "vector_width", names->vector_width));
    LEIT_TRY(leit_checkpoint_add_strings(writer, "text_labels", names->n_text_labels,
                                         names->text_labels));
    return leit_checkpoint_add_strings(writer, "music_labels", names->n_music_labels,
                                       names->music_labels);
}

static uint64_t fingerprint_of(const leit_matcher *matcher)
{
    XXH64_hash_t sum = XXH3_64bits(&matcher->strategy->id, sizeof matcher->strategy->id);
    for (int32_t k = 0; k < matcher->names.n_music_labels; k++) {
        const char *name = matcher->names.music_labels[k];
        sum = XXH3_64bits_withSeed(name, strlen(name), sum);
    }
    for (size_t i = 0; i < matcher->parameters.count; i++) {
        const leit_parameter *parameter = &matcher->parameters.list[i];
        sum = XXH3_64bits_withSeed(parameter->data, (size_t)parameter->count * sizeof(float), sum);
    }
    return sum;
}

/* ---- places ---- */

static const char *const place_names[2] = {
    [LEIT_MODALITY_TEXT] = "text.places", [LEIT_MODALITY_MUSIC] = "music.places"};

static leit_status save_places(const leit_matcher *matcher, leit_checkpoint_writer *writer)
{
    for (int modality = 0; modality < 2; modality++) {
        const leit_places *places = &matcher->places[modality];
        if (places->rows == NULL) continue;
        const leit_tensor tensor = {.name = place_names[modality],
                                    .dtype = LEIT_F32,
                                    .rank = 2,
                                    .shape = {places->n_labels, places->width},
                                    .data = places->rows};
        LEIT_TRY(leit_checkpoint_add(writer, &tensor));
    }
    return LEIT_OK;
}

/* Where there are places both towers answer with the same width. */
static leit_status read_places(leit_matcher *matcher, enum leit_modality modality,
                               const leit_checkpoint *checkpoint)
{
    leit_places *places = &matcher->places[modality];
    leit_places_clear(places);
    if (!leit_rule_has_places(matcher->strategy->rule) ||
        !leit_checkpoint_has(checkpoint, place_names[modality]))
        return LEIT_OK;
    const leit_mood_names *names = &matcher->names;
    const int64_t K = modality == LEIT_MODALITY_TEXT ? names->n_text_labels : names->n_music_labels;
    const int64_t E = matcher->place_width;
    LEIT_TRY(LEIT_ALLOC(places->rows, K * E));
    places->n_labels = K;
    places->width = E;
    const leit_tensor tensor = {.name = place_names[modality],
                                .dtype = LEIT_F32,
                                .rank = 2,
                                .shape = {K, E},
                                .data = places->rows};
    return leit_checkpoint_read(checkpoint, &tensor);
}

/* ---- all of it ---- */

leit_status leit_matcher_save(const leit_matcher *matcher, const char *vocabulary,
                              leit_checkpoint_writer *writer)
{
    LEIT_TRY(leit_parameters_download(&matcher->parameters));
    LEIT_TRY(save_about(matcher, vocabulary, writer));
    LEIT_TRY(save_places(matcher, writer));
    LEIT_TRY(leit_checkpoint_add_i64(writer, "fingerprint", (int64_t)fingerprint_of(matcher)));
    for (size_t i = 0; i < matcher->parameters.count; i++) {
        const leit_tensor tensor = tensor_of(&matcher->parameters.list[i]);
        LEIT_TRY(leit_checkpoint_add(writer, &tensor));
    }
    return LEIT_OK;
}

leit_status leit_matcher_read(leit_matcher *matcher, const leit_checkpoint *checkpoint,
                              const char *const *prefixes, int *n_read)
{
    int count = 0;
    for (size_t i = 0; i < matcher->parameters.count; i++) {
        const leit_parameter *parameter = &matcher->parameters.list[i];
        if (!leit_starts_with_any(parameter->name, prefixes)) continue;
        const leit_tensor tensor = tensor_of(parameter);
        LEIT_TRY(leit_checkpoint_read(checkpoint, &tensor));
        count++;
    }
    LEIT_TRY(leit_parameters_upload(&matcher->parameters));
    for (int modality = 0; modality < 2; modality++)
        if (leit_starts_with_any(place_names[modality], prefixes))
            LEIT_TRY(read_places(matcher, (enum leit_modality)modality, checkpoint));
    if (n_read != NULL) *n_read = count;
    return LEIT_OK;
}

static leit_status read_names(const leit_checkpoint *checkpoint, leit_arena *arena,
                              leit_mood_names *names)
{
    int64_t n_text = 0, n_music = 0;
    LEIT_TRY(leit_checkpoint_i64(checkpoint, "vocabulary_size", &names->vocabulary_size));
    LEIT_TRY(leit_checkpoint_i64(checkpoint, "vector_width", &names->vector_width));
    LEIT_FAIL_IF(names->vocabulary_size < 0 || names->vocabulary_size > INT32_MAX ||
                     names->vector_width < 0 || names->vector_width > INT32_MAX,
                 LEIT_CHECKPOINT,
                 "checkpoint %s: a vocabulary of %lld tokens and word vectors %lld wide cannot be; "
                 "use another checkpoint of the run, or train again",
                 leit_checkpoint_path(checkpoint), (long long)names->vocabulary_size,
                 (long long)names->vector_width);
    LEIT_TRY(
        leit_checkpoint_strings(checkpoint, "text_labels", arena, &n_text, &names->text_labels));
    LEIT_TRY(
        leit_checkpoint_strings(checkpoint, "music_labels", arena, &n_music, &names->music_labels));
    names->n_text_labels = (int32_t)n_text;
    names->n_music_labels = (int32_t)n_music;
    return LEIT_OK;
}

leit_status leit_matcher_fingerprint(const leit_checkpoint *checkpoint, uint64_t *fingerprint)
{
    int64_t stored = 0;
    LEIT_TRY(leit_checkpoint_i64(checkpoint, "fingerprint", &stored));
    *fingerprint = (uint64_t)stored;
    return LEIT_OK;
}

leit_status leit_matcher_recipe(const leit_checkpoint *checkpoint, const char *const overrides[],
                                size_t n_overrides, leit_recipe **recipe)
{
    leit_arena arena = {0};
    const char *yaml = NULL;
    leit_status status = leit_checkpoint_text(checkpoint, "recipe", &arena, &yaml);
    if (status == LEIT_OK)
        status = leit_recipe_parse(leit_checkpoint_path(checkpoint), yaml, strlen(yaml), overrides,
                                   n_overrides, recipe);
    leit_arena_clear(&arena);
    return status;
}

static leit_status read_about(const leit_checkpoint *checkpoint, leit_arena *arena,
                              leit_mood_names *names, leit_loaded_matcher *loaded)
{
    const char *vocabulary = NULL;
    LEIT_TRY(leit_checkpoint_text(checkpoint, "vocabulary", arena, &vocabulary));
    loaded->vocabulary = leit_strdup(vocabulary);
    if (loaded->vocabulary == NULL) return LEIT_INTERNAL;
    LEIT_TRY(leit_matcher_fingerprint(checkpoint, &loaded->fingerprint));
    return read_names(checkpoint, arena, names);
}

/* ---- the same data ---- */

static const char data_cure[] = "name the corpora it was trained on, or train a new run";

static leit_status check_labels(const char *path, const char *modality, int32_t n_trained,
                                const char *const *trained, int32_t n, const char *const *labels)
{
    LEIT_FAIL_IF(n_trained != n, LEIT_DATA,
                 "checkpoint %s knows %d %s labels, the corpus has %d; %s", path, n_trained,
                 modality, n, data_cure);
    for (int32_t k = 0; k < n; k++)
        LEIT_FAIL_IF(strcmp(trained[k], labels[k]) != 0, LEIT_DATA,
                     "%s label %d of checkpoint %s is '%s', that of the corpus '%s'; %s", modality,
                     k, path, trained[k], labels[k], data_cure);
    return LEIT_OK;
}

static leit_status check_data(const leit_checkpoint *checkpoint, leit_arena *arena,
                              const leit_dataset *data)
{
    const char *path = leit_checkpoint_path(checkpoint), *vocabulary = NULL;
    const leit_mood_names names = leit_mood_names_of(data);
    leit_mood_names trained = {0};
    LEIT_TRY(read_names(checkpoint, arena, &trained));
    LEIT_TRY(leit_checkpoint_text(checkpoint, "vocabulary", arena, &vocabulary));
    LEIT_TRY(check_labels(path, "text", trained.n_text_labels, trained.text_labels,
                          names.n_text_labels, names.text_labels));
    LEIT_TRY(check_labels(path, "music", trained.n_music_labels, trained.music_labels,
                          names.n_music_labels, names.music_labels));
    LEIT_FAIL_IF(data->text != NULL && (trained.vocabulary_size != names.vocabulary_size ||
                                        strcmp(vocabulary, data->text->vocabulary) != 0),
                 LEIT_DATA,
                 "checkpoint %s reads texts with another vocabulary (%lld tokens) than the text "
                 "corpus (%lld); %s",
                 path, (long long)trained.vocabulary_size, (long long)names.vocabulary_size,
                 data_cure);
    LEIT_FAIL_IF(
        trained.vector_width != names.vector_width, LEIT_DATA,
        "checkpoint %s knows word vectors %lld wide, those of the tag corpus are %lld wide; "
        "%s",
        path, (long long)trained.vector_width, (long long)names.vector_width, data_cure);
    return LEIT_OK;
}

leit_status leit_matcher_check_data(const leit_checkpoint *checkpoint, const leit_dataset *data)
{
    leit_arena arena = {0};
    leit_status status = check_data(checkpoint, &arena, data);
    leit_arena_clear(&arena);
    return status;
}

static leit_status find_values(void *context, const leit_parameter *parameter, const float **data)
{
    const leit_tensor tensor = tensor_of(parameter);
    const void *found = NULL;
    LEIT_TRY(leit_checkpoint_map(context, &tensor, &found));
    *data = found;
    return LEIT_OK;
}

static leit_status open_towers(leit_loaded_matcher *loaded, int towers)
{
    leit_matcher *matcher = loaded->matcher;
    const bool has_text = matcher->names.n_text_labels > 0 && (towers & LEIT_TOWER_TEXT) != 0;
    const bool has_music = (towers & LEIT_TOWER_MUSIC) != 0;
    if (has_text) LEIT_TRY(leit_tower_create(matcher, LEIT_MODALITY_TEXT, &loaded->text));
    if (has_music) LEIT_TRY(leit_tower_create(matcher, LEIT_MODALITY_MUSIC, &loaded->music));
    /* Measuring forces building failures out before memory is taken. */
    leit_plan_memory memory;
    if (has_text) LEIT_TRY(leit_plan_measure(loaded->text.plan, &memory));
    if (has_music) LEIT_TRY(leit_plan_measure(loaded->music.plan, &memory));
    LEIT_TRY(leit_parameters_borrow(&matcher->parameters, find_values, loaded->checkpoint));
    LEIT_TRY(read_places(matcher, LEIT_MODALITY_TEXT, loaded->checkpoint));
    LEIT_TRY(read_places(matcher, LEIT_MODALITY_MUSIC, loaded->checkpoint));
    if (has_text) LEIT_TRY(leit_plan_finish(loaded->text.plan));
    if (has_music) LEIT_TRY(leit_plan_finish(loaded->music.plan));
    return LEIT_OK;
}

static leit_status open_with(const char *path, const leit_backend *backend, leit_threads *threads,
                             int towers, const char *const overrides[], size_t n_overrides,
                             leit_loaded_matcher *loaded)
{
    *loaded = (leit_loaded_matcher){0};
    LEIT_TRY(leit_checkpoint_open(path, &loaded->checkpoint));
    leit_arena arena = {0};
    leit_mood_names names = {0};
    leit_status status =
        leit_matcher_recipe(loaded->checkpoint, overrides, n_overrides, &loaded->recipe);
    if (status == LEIT_OK) status = read_about(loaded->checkpoint, &arena, &names, loaded);
    if (status == LEIT_OK)
        status = leit_matcher_create(loaded->recipe, &names, backend, threads, &loaded->matcher);
    if (status == LEIT_OK) status = open_towers(loaded, towers);
    leit_arena_clear(&arena);
    if (status != LEIT_OK) leit_matcher_close(loaded);
    return status;
}

leit_status leit_matcher_open(const char *path, const leit_backend *backend, leit_threads *threads,
                              const char *const overrides[], size_t n_overrides,
                              leit_loaded_matcher *loaded)
{
    return open_with(path, backend, threads, LEIT_TOWERS, overrides, n_overrides, loaded);
}

leit_status leit_matcher_open_towers(const char *path, const leit_backend *backend,
                                     leit_threads *threads, int towers, leit_loaded_matcher *loaded)
{
    return open_with(path, backend, threads, towers, NULL, 0, loaded);
}

void leit_matcher_close(leit_loaded_matcher *loaded)
{
    leit_tower_clear(&loaded->text);
    leit_tower_clear(&loaded->music);
    leit_matcher_free(loaded->matcher);
    leit_recipe_free(loaded->recipe);
    leit_free(loaded->vocabulary);
    leit_checkpoint_close(loaded->checkpoint);
    *loaded = (leit_loaded_matcher){0};
}

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "evaluate/evaluation.h"

enum { MAX_FILE_BYTES = 256 << 20, MAX_TEXTS = 10000000, MAX_STRINGS = 4096 };

/* ---- writing ---- */

static json_t *json_doubles(const double *values, int64_t n)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < n; i++) json_array_append_new(array, json_real(values[i]));
    return array;
}

static json_t *json_strings(const char *const *strings, int32_t n)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < n; i++) json_array_append_new(array, json_string(strings[i]));
    return array;
}

/* [low, high], or null */
static json_t *json_interval(const double interval[2])
{
    return isnan(interval[0]) ? json_null() : json_doubles(interval, 2);
}

static json_t *json_mapping(const leit_evaluation *e, const leit_evaluation_mapping *mapping)
{
    const int64_t K = e->n_text_labels;
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(mapping->name));
    json_object_set_new(object, "mrr", json_real(mapping->mrr));
    json_object_set_new(object, "precision_interval", json_interval(mapping->precision_interval));
    json_object_set_new(object, "mrr_interval", json_interval(mapping->mrr_interval));
    json_object_set_new(object, "random_mrr", json_real(mapping->random_mrr));
    json_object_set_new(object, "oracle_mrr", json_real(mapping->oracle_mrr));
    json_object_set_new(object, "n_empty_texts", json_integer(mapping->n_empty_texts));
    json_object_set_new(object, "precision_at",
                        json_doubles(mapping->precision_at, LEIT_EVALUATION_DEPTH));
    json_object_set_new(object, "random_precision_at",
                        json_doubles(mapping->random_precision_at, LEIT_EVALUATION_DEPTH));
    json_object_set_new(object, "oracle_precision_at",
                        json_doubles(mapping->oracle_precision_at, LEIT_EVALUATION_DEPTH));
    json_object_set_new(object, "mood_precision", json_doubles(mapping->mood_precision, K));
    json_object_set_new(object, "mood_mrr", json_doubles(mapping->mood_mrr, K));
    json_object_set_new(object, "confusion",
                        json_doubles(mapping->confusion, K * e->n_music_labels));
    json_object_set_new(object, "precision", json_doubles(mapping->precision, e->n_texts));
    json_object_set_new(object, "reciprocal_rank",
                        json_doubles(mapping->reciprocal_rank, e->n_texts));
    return object;
}

leit_status leit_evaluation_json(const leit_evaluation *e, leit_buffer *json)
{
    json_t *root = json_object();
    json_object_set_new(root, "format", json_string("leitmotif-evaluation-1"));
    json_object_set_new(root, "fingerprint", json_string(e->fingerprint));
    json_object_set_new(root, "corpora", json_string(e->corpora));
    json_object_set_new(root, "overrides", json_strings(e->overrides, (int32_t)e->n_overrides));
    json_object_set_new(root, "recipe", json_string(e->recipe_name));
    json_object_set_new(root, "strategy", json_string(e->strategy));
    json_object_set_new(root, "split", json_string(e->split));
    json_object_set_new(root, "text_corpus", json_string(e->text_corpus));
    json_object_set_new(root, "music_corpus", json_string(e->music_corpus));
    json_object_set_new(root, "text_split", json_string(e->text_split));
    json_object_set_new(root, "seed", json_integer(e->seed));
    json_object_set_new(root, "at_k", json_integer(e->at_k));
    json_object_set_new(root, "n_clips", json_integer(e->n_clips));
    json_object_set_new(root, "n_lists", json_integer(e->n_lists));
    json_object_set_new(root, "text_labels", json_strings(e->text_labels, e->n_text_labels));
    json_object_set_new(root, "music_labels", json_strings(e->music_labels, e->n_music_labels));
    json_t *missing = json_array();
    for (int32_t k = 0; k < e->n_text_labels; k++)
        if (!leit_evaluation_has_mood(e, k))
            json_array_append_new(missing, json_string(e->text_labels[k]));
    json_object_set_new(root, "missing_moods", missing);
    json_t *moods = json_array();
    for (int64_t i = 0; i < e->n_texts; i++)
        json_array_append_new(moods, json_integer(e->text_mood[i]));
    json_object_set_new(root, "text_mood", moods);
    json_t *mappings = json_array();
    for (int m = 0; m < e->n_mappings; m++)
        json_array_append_new(mappings, json_mapping(e, &e->mappings[m]));
    json_object_set_new(root, "mappings", mappings);
    json_object_set_new(root, "settings", json_string(e->settings));

    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(root);
    LEIT_FAIL_IF(text == NULL, LEIT_INTERNAL, "%s: out of memory, or a name is not UTF-8",
                 e->recipe_name);
    leit_status status = leit_buffer_printf(json, "%s\n", text);
    free(text);
    return status;
}

leit_status leit_evaluation_write(const leit_evaluation *e, const char *path)
{
    leit_buffer json = {0};
    leit_status status = leit_evaluation_json(e, &json);
    if (status == LEIT_OK) status = leit_file_write(path, leit_buffer_text(&json), json.size_bytes);
    leit_buffer_clear(&json);
    return status;
}

/* ---- reading: every field is checked, since a file may come from anywhere ---- */

typedef struct reader {
    const char *path;
    leit_evaluation *e;
} reader;

static leit_status read_string(const reader *r, const json_t *object, const char *key,
                               const char **value)
{
    const char *text = json_string_value(json_object_get(object, key));
    LEIT_FAIL_IF(text == NULL, LEIT_DATA, "%s: '%s' is missing or no string", r->path, key);
    *value = leit_arena_strdup(&r->e->arena, text);
    return *value == NULL ? LEIT_INTERNAL : LEIT_OK;
}

static leit_status read_integer(const reader *r, const json_t *object, const char *key, int64_t low,
                                int64_t high, int64_t *value)
{
    const json_t *number = json_object_get(object, key);
    LEIT_FAIL_IF(!json_is_integer(number), LEIT_DATA, "%s: '%s' is missing or no integer", r->path,
                 key);
    *value = json_integer_value(number);
    LEIT_FAIL_IF(*value < low || *value > high, LEIT_DATA,
                 "%s: '%s' is %lld, expected %lld to %lld", r->path, key, (long long)*value,
                 (long long)low, (long long)high);
    return LEIT_OK;
}

static leit_status read_double(const reader *r, const json_t *object, const char *key,
                               double *value)
{
    const json_t *number = json_object_get(object, key);
    LEIT_FAIL_IF(!json_is_number(number), LEIT_DATA, "%s: '%s' is missing or no number", r->path,
                 key);
    *value = json_number_value(number);
    return LEIT_OK;
}

static leit_status read_doubles(const reader *r, const json_t *object, const char *key, int64_t n,
                                double *values)
{
    const json_t *array = json_object_get(object, key);
    LEIT_FAIL_IF((int64_t)json_array_size(array) != n, LEIT_DATA,
                 "%s: '%s' has %zu numbers, expected %lld", r->path, key, json_array_size(array),
                 (long long)n);
    for (int64_t i = 0; i < n; i++) {
        const json_t *number = json_array_get(array, (size_t)i);
        LEIT_FAIL_IF(!json_is_number(number), LEIT_DATA, "%s: '%s'[%lld] is no number", r->path,
                     key, (long long)i);
        values[i] = json_number_value(number);
    }
    return LEIT_OK;
}

static leit_status read_strings(const reader *r, const json_t *root, const char *key, size_t fewest,
                                size_t *n, const char *const **strings)
{
    const json_t *array = json_object_get(root, key);
    const size_t count = json_array_size(array);
    LEIT_FAIL_IF(!json_is_array(array) || count < fewest || count > MAX_STRINGS, LEIT_DATA,
                 "%s: '%s' has %zu strings, expected %zu to %d", r->path, key, count, fewest,
                 MAX_STRINGS);
    const char **list = leit_arena_allocate(&r->e->arena, (count + 1) * sizeof *list);
    if (list == NULL) return LEIT_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        LEIT_FAIL_IF(text == NULL, LEIT_DATA, "%s: '%s'[%zu] is no string", r->path, key, i);
        list[i] = leit_arena_strdup(&r->e->arena, text);
        if (list[i] == NULL) return LEIT_INTERNAL;
    }
    *n = count;
    *strings = list;
    return LEIT_OK;
}

static leit_status read_labels(const reader *r, const json_t *root, const char *key, int32_t *n,
                               const char *const **labels)
{
    size_t count = 0;
    LEIT_TRY(read_strings(r, root, key, 1, &count, labels));
    *n = (int32_t)count;
    return LEIT_OK;
}

static leit_status read_moods(const reader *r, const json_t *root)
{
    leit_evaluation *e = r->e;
    const json_t *array = json_object_get(root, "text_mood");
    const size_t count = json_array_size(array);
    LEIT_FAIL_IF(count < 1 || count > MAX_TEXTS, LEIT_DATA, "%s: 'text_mood' has %zu entries",
                 r->path, count);
    e->n_texts = (int64_t)count;
    e->text_mood = leit_arena_allocate(&e->arena, count * sizeof *e->text_mood);
    if (e->text_mood == NULL) return LEIT_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        const json_int_t mood = json_integer_value(json_array_get(array, i));
        LEIT_FAIL_IF(mood < 0 || mood >= e->n_text_labels, LEIT_DATA,
                     "%s: 'text_mood'[%zu] is %lld, expected 0 to %d", r->path, i, (long long)mood,
                     e->n_text_labels - 1);
        e->text_mood[i] = (int32_t)mood;
    }
    return LEIT_OK;
}

/* Missing in files of before it was kept, and null where none was asked for. */
static leit_status read_interval(const reader *r, const json_t *object, const char *key,
                                 double interval[2])
{
    const json_t *ends = json_object_get(object, key);
    interval[0] = interval[1] = (double)NAN;
    return ends == NULL || json_is_null(ends) ? LEIT_OK : read_doubles(r, object, key, 2, interval);
}

static leit_status read_mapping(const reader *r, const json_t *object,
                                leit_evaluation_mapping *mapping)
{
    leit_evaluation *e = r->e;
    const int64_t K = e->n_text_labels, n = e->n_texts, cells = K * e->n_music_labels;
    double *numbers =
        leit_arena_allocate(&e->arena, (size_t)(2 * K + 2 * n + cells) * sizeof *numbers);
    if (numbers == NULL) return LEIT_INTERNAL;
    mapping->mood_precision = numbers;
    mapping->mood_mrr = numbers + K;
    mapping->confusion = numbers + 2 * K;
    mapping->precision = numbers + 2 * K + cells;
    mapping->reciprocal_rank = numbers + 2 * K + cells + n;
    LEIT_TRY(read_string(r, object, "name", &mapping->name));
    LEIT_TRY(read_double(r, object, "mrr", &mapping->mrr));
    LEIT_TRY(read_interval(r, object, "precision_interval", mapping->precision_interval));
    LEIT_TRY(read_interval(r, object, "mrr_interval", mapping->mrr_interval));
    LEIT_TRY(read_double(r, object, "random_mrr", &mapping->random_mrr));
    LEIT_TRY(read_double(r, object, "oracle_mrr", &mapping->oracle_mrr));
    LEIT_TRY(read_integer(r, object, "n_empty_texts", 0, n, &mapping->n_empty_texts));
    LEIT_TRY(read_doubles(r, object, "precision_at", LEIT_EVALUATION_DEPTH, mapping->precision_at));
    LEIT_TRY(read_doubles(r, object, "random_precision_at", LEIT_EVALUATION_DEPTH,
                          mapping->random_precision_at));
    LEIT_TRY(read_doubles(r, object, "oracle_precision_at", LEIT_EVALUATION_DEPTH,
                          mapping->oracle_precision_at));
    LEIT_TRY(read_doubles(r, object, "mood_precision", K, mapping->mood_precision));
    LEIT_TRY(read_doubles(r, object, "mood_mrr", K, mapping->mood_mrr));
    LEIT_TRY(read_doubles(r, object, "confusion", cells, mapping->confusion));
    LEIT_TRY(read_doubles(r, object, "precision", n, mapping->precision));
    return read_doubles(r, object, "reciprocal_rank", n, mapping->reciprocal_rank);
}

/* What was evaluated and how; nothing in a file of before this was kept. */
static leit_status read_origin(const reader *r, const json_t *root)
{
    leit_evaluation *e = r->e;
    e->fingerprint = e->corpora = e->settings = "";
    if (json_object_get(root, "fingerprint") == NULL) return LEIT_OK;
    LEIT_TRY(read_string(r, root, "fingerprint", &e->fingerprint));
    LEIT_TRY(read_string(r, root, "corpora", &e->corpora));
    LEIT_TRY(read_string(r, root, "settings", &e->settings));
    return read_strings(r, root, "overrides", 0, &e->n_overrides, &e->overrides);
}

static leit_status read_all(const reader *r, const json_t *root)
{
    leit_evaluation *e = r->e;
    const char *format = NULL;
    LEIT_TRY(read_string(r, root, "format", &format));
    LEIT_FAIL_IF(strcmp(format, "leitmotif-evaluation-1") != 0, LEIT_DATA,
                 "%s: the format is '%s', expected leitmotif-evaluation-1; evaluate again", r->path,
                 format);
    LEIT_TRY(read_origin(r, root));
    LEIT_TRY(read_string(r, root, "recipe", &e->recipe_name));
    LEIT_TRY(read_string(r, root, "strategy", &e->strategy));
    LEIT_TRY(read_string(r, root, "split", &e->split));
    LEIT_TRY(read_string(r, root, "text_corpus", &e->text_corpus));
    LEIT_TRY(read_string(r, root, "music_corpus", &e->music_corpus));
    LEIT_TRY(read_string(r, root, "text_split", &e->text_split));
    int64_t at_k = 0;
    LEIT_TRY(read_integer(r, root, "seed", 0, INT64_MAX, &e->seed));
    LEIT_TRY(read_integer(r, root, "at_k", 1, LEIT_EVALUATION_DEPTH, &at_k));
    LEIT_TRY(read_integer(r, root, "n_clips", 1, MAX_TEXTS, &e->n_clips));
    e->at_k = (int)at_k;
    if (json_object_get(root, "n_lists") != NULL)
        LEIT_TRY(read_integer(r, root, "n_lists", 0, MAX_TEXTS, &e->n_lists));
    LEIT_TRY(read_labels(r, root, "text_labels", &e->n_text_labels, &e->text_labels));
    LEIT_TRY(read_labels(r, root, "music_labels", &e->n_music_labels, &e->music_labels));
    LEIT_TRY(read_moods(r, root));
    const json_t *mappings = json_object_get(root, "mappings");
    LEIT_FAIL_IF(json_array_size(mappings) < 1 ||
                     json_array_size(mappings) > LEIT_EVALUATION_MAPPINGS,
                 LEIT_DATA, "%s: %zu mappings, expected 1 to %d", r->path,
                 json_array_size(mappings), LEIT_EVALUATION_MAPPINGS);
    e->n_mappings = (int)json_array_size(mappings);
    for (int m = 0; m < e->n_mappings; m++)
        LEIT_TRY(read_mapping(r, json_array_get(mappings, (size_t)m), &e->mappings[m]));
    return LEIT_OK;
}

leit_status leit_evaluation_read(const char *path, leit_evaluation *evaluation)
{
    *evaluation = (leit_evaluation){0};
    leit_buffer content = {0};
    LEIT_TRY(leit_file_read(path, MAX_FILE_BYTES, &content));
    json_error_t error;
    json_t *root =
        json_loadb(leit_buffer_text(&content), content.size_bytes, JSON_REJECT_DUPLICATES, &error);
    leit_buffer_clear(&content);
    LEIT_FAIL_IF(root == NULL, LEIT_DATA, "%s:%d:%d: %s; evaluate again", path, error.line,
                 error.column, error.text);
    const reader r = {path, evaluation};
    leit_status status = read_all(&r, root);
    json_decref(root);
    if (status != LEIT_OK) leit_evaluation_clear(evaluation);
    return status;
}

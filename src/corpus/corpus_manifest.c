#include "corpus/corpus_manifest.h"

#include <string.h>

#include "core/file.h"

/* "key=value" becomes the YAML map "key: value", so that lists and numbers are written as in the
 * manifest. */
static leit_status read_override(const char *word, leit_arena *arena, const leit_yaml_node **map)
{
    const char *equals = strchr(word, '=');
    LEIT_FAIL_IF(equals == NULL || equals == word, LEIT_USAGE,
                 "override '%.80s', expected key=value", word);
    char *label = leit_arena_printf(arena, "override '%s'", word);
    char *text = leit_arena_printf(arena, "%.*s: %s", (int)(equals - word), word, equals + 1);
    if (label == NULL || text == NULL) return LEIT_INTERNAL;
    LEIT_TRY(leit_yaml_parse(label, text, strlen(text), arena, map));
    LEIT_FAIL_IF((*map)->kind != LEIT_YAML_MAP || (*map)->count != 1, LEIT_USAGE,
                 "override '%.80s', expected key=value", word);
    return LEIT_OK;
}

static leit_status read_manifest(const char *path, const char *const overrides[],
                                 size_t n_overrides, leit_manifest *manifest)
{
    leit_arena *arena = &manifest->arena;
    leit_buffer content = {0};
    manifest->path = leit_arena_strdup(arena, path);
    manifest->folder = leit_path_directory(arena, path);
    const leit_yaml_node **maps =
        leit_arena_allocate(arena, (n_overrides + 1) * sizeof *manifest->overrides);
    if (manifest->path == NULL || manifest->folder == NULL || maps == NULL) return LEIT_INTERNAL;

    /* A manifest that cannot be read is the user's mistake, like one that is wrong. */
    leit_status status = leit_file_read(path, LEIT_YAML_MAX_BYTES, &content);
    if (status == LEIT_DATA) status = LEIT_USAGE;
    if (status == LEIT_OK)
        status = leit_yaml_parse(path, leit_buffer_text(&content), content.size_bytes, arena,
                                 &manifest->root);
    leit_buffer_clear(&content);
    for (size_t i = 0; status == LEIT_OK && i < n_overrides; i++)
        status = read_override(overrides[i], arena, &maps[i]);
    manifest->overrides = maps;
    manifest->n_overrides = n_overrides;
    if (status == LEIT_OK && manifest->root->kind != LEIT_YAML_MAP)
        status = leit_yaml_fail(manifest->root, "expected a manifest: lines of key: value");
    return status;
}

leit_status leit_manifest_open(const char *path, const char *const overrides[], size_t n_overrides,
                               leit_manifest *manifest)
{
    *manifest = (leit_manifest){0};
    leit_status status = read_manifest(path, overrides, n_overrides, manifest);
    if (status != LEIT_OK) leit_manifest_close(manifest);
    return status;
}

void leit_manifest_close(leit_manifest *manifest)
{
    leit_arena_clear(&manifest->arena);
    *manifest = (leit_manifest){0};
}

leit_status leit_manifest_check_keys(const leit_manifest *manifest, const char *const *keys)
{
    for (size_t i = 0; i < manifest->n_overrides; i++)
        LEIT_TRY(leit_yaml_check_keys(manifest->overrides[i], keys));
    return leit_yaml_check_keys(manifest->root, keys);
}

const leit_yaml_node *leit_manifest_find(const leit_manifest *manifest, const char *key)
{
    for (size_t i = manifest->n_overrides; i > 0; i--) {
        const leit_yaml_node *found = leit_yaml_find(manifest->overrides[i - 1], key);
        if (found != NULL) return found;
    }
    return leit_yaml_find(manifest->root, key);
}

leit_status leit_manifest_text(const leit_manifest *manifest, const char *key, const char *fallback,
                               const char **text)
{
    const leit_yaml_node *node = leit_manifest_find(manifest, key);
    *text = fallback;
    LEIT_FAIL_IF(node == NULL && fallback == NULL, LEIT_USAGE,
                 "%s: %s is missing; docs/formats.md lists the keys", manifest->path, key);
    if (node == NULL) return LEIT_OK;
    LEIT_TRY(leit_yaml_text(node, text));
    return **text == '\0' ? leit_yaml_fail(node, "empty, expected a value") : LEIT_OK;
}

leit_status leit_manifest_i64(const leit_manifest *manifest, const char *key, int64_t low,
                              int64_t high, int64_t fallback, int64_t *value)
{
    const leit_yaml_node *node = leit_manifest_find(manifest, key);
    *value = fallback;
    return node == NULL ? LEIT_OK : leit_yaml_i64(node, low, high, value);
}

leit_status leit_manifest_f64(const leit_manifest *manifest, const char *key, double low,
                              double high, double fallback, double *value)
{
    const leit_yaml_node *node = leit_manifest_find(manifest, key);
    *value = fallback;
    return node == NULL ? LEIT_OK : leit_yaml_f64(node, low, high, value);
}

leit_status leit_manifest_word(const leit_manifest *manifest, const char *key,
                               const char *const *words, const char *fallback, int *index)
{
    const char *text = NULL;
    LEIT_TRY(leit_manifest_text(manifest, key, fallback, &text));
    leit_arena arena = {0};
    char *list = leit_arena_strdup(&arena, "");
    for (*index = 0; words[*index] != NULL; ++*index) {
        if (strcmp(words[*index], text) == 0) break;
        if (list != NULL)
            list = leit_arena_printf(&arena, *index == 0 ? "%s%s" : "%s, %s", list, words[*index]);
    }
    leit_status status = LEIT_OK;
    if (words[*index] == NULL) {
        const leit_yaml_node *node = leit_manifest_find(manifest, key);
        status = node == NULL
                     ? leit_fail(LEIT_INTERNAL, __func__, "bad fallback '%s'", fallback)
                     : leit_yaml_fail(node, "'%.80s', expected one of %s", text, list ? list : "");
    }
    leit_arena_clear(&arena);
    return status;
}

leit_status leit_manifest_strings(leit_manifest *manifest, const char *key, int64_t *n,
                                  const char *const **strings)
{
    const leit_yaml_node *node = leit_manifest_find(manifest, key);
    *n = 0;
    *strings = NULL;
    return node == NULL ? LEIT_OK : leit_yaml_strings(node, &manifest->arena, n, strings);
}

leit_status leit_manifest_path(leit_manifest *manifest, const char *key, bool required,
                               const char **stated, const char **path)
{
    *stated = *path = NULL;
    const leit_yaml_node *node = leit_manifest_find(manifest, key);
    if (node == NULL && !required) return LEIT_OK;
    LEIT_TRY(leit_manifest_text(manifest, key, NULL, stated));
    bool overridden = node != leit_yaml_find(manifest->root, key);
    *path = overridden ? *stated : leit_path_join(&manifest->arena, manifest->folder, *stated);
    return *path == NULL ? LEIT_INTERNAL : LEIT_OK;
}

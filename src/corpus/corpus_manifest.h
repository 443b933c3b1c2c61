/* A manifest: the YAML file that says from what a corpus is made. Room-internal. */
#ifndef LEIT_CORPUS_CORPUS_MANIFEST_H
#define LEIT_CORPUS_CORPUS_MANIFEST_H

#include "recipe/yaml_tree.h"

typedef struct leit_manifest {
    leit_arena arena;
    const char *path, *folder;
    const leit_yaml_node *root;
    const leit_yaml_node *const *overrides; /* maps of one key each */
    size_t n_overrides;
} leit_manifest;

/* LEIT_USAGE for an unreadable manifest or override. */
leit_status leit_manifest_open(const char *path, const char *const overrides[], size_t n_overrides,
                               leit_manifest *manifest);
void leit_manifest_close(leit_manifest *manifest);

/* Fails on a key, of the manifest or an override, that is not in `keys`. */
leit_status leit_manifest_check_keys(const leit_manifest *manifest, const char *const *keys);

/* The value of a key, the last override's before the manifest's; NULL when it is not stated. */
const leit_yaml_node *leit_manifest_find(const leit_manifest *manifest, const char *key);

/* Typed values. `fallback` is taken when the key is not stated; NULL makes it required. */
leit_status leit_manifest_text(const leit_manifest *manifest, const char *key, const char *fallback,
                               const char **text);
leit_status leit_manifest_i64(const leit_manifest *manifest, const char *key, int64_t low,
                              int64_t high, int64_t fallback, int64_t *value);
leit_status leit_manifest_f64(const leit_manifest *manifest, const char *key, double low,
                              double high, double fallback, double *value);
/* Index of the value in `words` (NULL-terminated). */
leit_status leit_manifest_word(const leit_manifest *manifest, const char *key,
                               const char *const *words, const char *fallback, int *index);
/* n is 0 when the key is not stated. */
leit_status leit_manifest_strings(leit_manifest *manifest, const char *key, int64_t *n,
                                  const char *const **strings);

/* A path: `stated` as written, `path` to open it with: relative to the manifest's folder, or to the
 * current directory when it comes from an override. Both NULL when it is not stated and not
 * required. */
leit_status leit_manifest_path(leit_manifest *manifest, const char *key, bool required,
                               const char **stated, const char **path);

#endif

/* YAML as a tree of maps, lists and scalars, and nothing else of YAML: anchors, aliases, tags, keys
 * that are not scalars and further documents are refused by name, so nothing is ever expanded.
 *
 * Every failure is LEIT_USAGE and starts with "file:line:column: ".
 */
#ifndef LEIT_RECIPE_YAML_TREE_H
#define LEIT_RECIPE_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/check.h"

enum { LEIT_YAML_MAX_BYTES = 1 << 20, LEIT_YAML_MAX_DEPTH = 16, LEIT_YAML_MAX_NODES = 1 << 16 };

/* MISSING: reading stopped at this value. */
enum leit_yaml_kind { LEIT_YAML_MISSING, LEIT_YAML_SCALAR, LEIT_YAML_LIST, LEIT_YAML_MAP };

typedef struct leit_yaml_node {
    enum leit_yaml_kind kind;
    const char *label;        /* of the file, for sentences */
    int line, column;         /* of the value, from 1 */
    size_t start, end;        /* of a scalar, in characters of the text behind a byte order mark */
    const char *key;          /* in its map; NULL in a list and at the root */
    int key_line, key_column; /* from 1 */
    const char *text;         /* of a scalar, UTF-8; NULL otherwise */
    size_t length;            /* of the text in bytes, which may hold a NUL ("\0") */
    bool quoted;              /* of a scalar */
    int count;                /* children */
    const struct leit_yaml_node *first; /* child */
    const struct leit_yaml_node *next;  /* sibling */
} leit_yaml_node;

/* Reads one document of foreign words: keys may come twice and mean anything. `label` stands for
 * the file in sentences; the tree lives in `arena`. *root is NULL for an empty text. After a
 * failure it is what was read before. */
leit_status leit_yaml_read(const char *label, const char *text, size_t size_bytes,
                           leit_arena *arena, const leit_yaml_node **root);

/* The same for files without a schema of their own, such as manifests: whole or not at all (*root
 * is NULL after a failure), never empty, no key twice, no merge keys, no NUL. */
leit_status leit_yaml_parse(const char *label, const char *text, size_t size_bytes,
                            leit_arena *arena, const leit_yaml_node **root);

/* "a single value", "a list", "a map". */
const char *leit_yaml_kind_text(const leit_yaml_node *node);

/* The value of a key, NULL when it is not there or `map` is no map. */
const leit_yaml_node *leit_yaml_find(const leit_yaml_node *map, const char *key);

/* Fails with "file:line:column: key: " before the sentence. */
leit_status leit_yaml_fail(const leit_yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Fails unless the node is a map whose keys are all among `keys` (NULL-terminated); names the
 * stranger and lists what is known. */
leit_status leit_yaml_check_keys(const leit_yaml_node *map, const char *const *keys);

/* Typed reading; fails when the node is of another kind or the number is outside of [low, high]. */
leit_status leit_yaml_text(const leit_yaml_node *node, const char **text);
leit_status leit_yaml_i64(const leit_yaml_node *node, int64_t low, int64_t high, int64_t *value);
leit_status leit_yaml_f64(const leit_yaml_node *node, double low, double high, double *value);
/* A list of scalars. */
leit_status leit_yaml_strings(const leit_yaml_node *node, leit_arena *arena, int64_t *n,
                              const char *const **strings);

#endif

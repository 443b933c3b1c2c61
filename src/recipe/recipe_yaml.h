/* YAML into values of the schema, and nothing else of YAML: plain maps, lists and scalars. Anchors,
 * aliases, tags, merge keys and further documents are refused by name, so nothing is ever expanded.
 */
#ifndef LEIT_RECIPE_RECIPE_YAML_H
#define LEIT_RECIPE_RECIPE_YAML_H

#include "recipe/schema.h"

/* Sentences in the order they were found, at most LEIT_RECIPE_ERRORS. */
struct leit_recipe_errors {
    leit_arena arena;
    const char *sentences[LEIT_RECIPE_ERRORS];
    size_t count;
};

/* Adds a sentence. LEIT_USAGE when the list is full: stop reading; LEIT_OK otherwise. */
leit_status leit_recipe_note(struct leit_recipe_errors *errors, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct leit_recipe_stated {
    bool is_set, is_bad; /* bad: noted already, the value is not to be used */
    struct leit_value value;
    int line, column; /* of the value */
};

/* What one file states. `values` has one element per key of the schema. */
struct leit_recipe_document {
    struct leit_recipe_stated *values;
    const char *base; /* NULL when there is none */
    int base_line, base_column;
    size_t base_start, base_end; /* bytes of the base's scalar in the text */
};

/* Reads a document; strings go to `arena`. Mistakes are noted under `label`; the status is not
 * LEIT_OK when reading had to stop, and the mistake is noted then too. */
leit_status leit_recipe_read_yaml(const char *label, const char *text, size_t size_bytes,
                                  leit_arena *arena, struct leit_recipe_errors *errors,
                                  struct leit_recipe_document *document);

/* Reads the value of an override: a list or quoted text as YAML, anything else as it stands. The
 * value may point into `text`. Mistakes are noted and the status is then not LEIT_OK. */
leit_status leit_recipe_read_value(const char *label, const char *text, leit_arena *arena,
                                   struct leit_recipe_errors *errors, struct leit_value *value);

/* Reads and applies a recipe with its bases and overrides, then checks it across keys; every
 * mistake is noted. The status is not LEIT_OK only when something other than the recipe failed. */
leit_status leit_recipe_build(const char *label, const char *text, size_t size_bytes,
                              const char *const overrides[], size_t n_overrides,
                              struct leit_recipe_errors *errors, leit_recipe **recipe);

/* Notes what is wrong between keys. */
leit_status leit_recipe_check(const struct leit_recipe *recipe, struct leit_recipe_errors *errors);

/* "recipes/x.yaml:12:3", "override 'train.batch=0'" or the recipe's path for a default. */
const char *leit_recipe_place(const struct leit_recipe_origin *origin, leit_arena *arena);

#endif

/* Recipes: one YAML file that decides a whole run. docs/recipes.md lists every key.
 *
 * Precedence is default < base recipe < recipe < override. An override is one word,
 * "train.batch=16". A bad recipe or override is LEIT_USAGE, with a sentence that names file, line,
 * column and, for a misspelled word, the nearest right one. Relative paths inside a recipe (data,
 * weights, run folder) are relative to the current directory; only `base:` is relative to the file
 * it stands in.
 *
 * Texts are returned as heap strings: free them with leit_recipe_text_free().
 */
#ifndef LEITMOTIF_RECIPE_H
#define LEITMOTIF_RECIPE_H

#include <stddef.h>

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leit_recipe leit_recipe;

/* Reads, overrides and checks a recipe. Data files are not opened. With several mistakes the
 * sentence is the first one and says how many more there are; leit_recipe_validate gives them all.
 */
leit_status leit_recipe_load(const char *path, const char *const overrides[], size_t n_overrides,
                             leit_recipe **recipe);
void leit_recipe_free(leit_recipe *recipe);

/* Every mistake at once, one sentence a line, "" when there is none. LEIT_OK or LEIT_USAGE
 * accordingly; `sentences` is set in both cases. */
leit_status leit_recipe_validate(const char *path, const char *const overrides[],
                                 size_t n_overrides, char **sentences);

/* The whole recipe as YAML with every key stated: loading it gives the same recipe. */
leit_status leit_recipe_resolved_yaml(const leit_recipe *recipe, char **yaml);

/* Every key with its value, where the value came from, its unit and what it does. */
leit_status leit_recipe_explain(const leit_recipe *recipe, char **text);

/* The keys whose values differ, one a line: "train.batch: 32 -> 16"; "" when none does. */
leit_status leit_recipe_diff(const leit_recipe *a, const leit_recipe *b, char **text);

void leit_recipe_text_free(char *text);

/* One key of a recipe in words, for programs that print tables or JSON. */
typedef struct leit_recipe_setting {
    const char *key;    /* "train.learning_rate" */
    const char *type;   /* "int", "float", "bool", "string", "path", "enum", "range", "list" */
    const char *value;  /* "0.0001", in YAML */
    const char *origin; /* "default", "recipes/x.yaml:12", "override" */
    const char *default_value; /* "" where the default is derived or there is none */
    const char *expected;      /* "a number above 0 and at most 10" */
    const char *unit;          /* "" without one */
    const char *description;
    int is_read; /* 0 when the recipe's strategy does not look at this key */
} leit_recipe_setting;

size_t leit_recipe_n_settings(void);
/* Strings live as long as the recipe. LEIT_USAGE when index is not below leit_recipe_n_settings().
 */
leit_status leit_recipe_setting_at(leit_recipe *recipe, size_t index, leit_recipe_setting *setting);

/* The recipes below a directory, sorted by path. Files whose names begin with '_' are bases of
 * other recipes and left out. */
typedef struct leit_recipe_entry {
    const char *path;
    const char *strategy; /* "" when the recipe does not load */
    const char *summary;  /* the first comment line */
    const char *error;    /* why it does not load, "" when it does */
} leit_recipe_entry;
typedef struct leit_recipe_listing leit_recipe_listing;
leit_status leit_recipe_list(const char *directory, leit_recipe_listing **listing);
size_t leit_recipe_listing_count(const leit_recipe_listing *listing);
const leit_recipe_entry *leit_recipe_listing_entry(const leit_recipe_listing *listing,
                                                   size_t index);
void leit_recipe_listing_free(leit_recipe_listing *listing);

/* Copies a recipe, comments and all, to a new file or into a directory; a relative `base:` is
 * rewritten so that the copy means the same. LEIT_USAGE when the file exists already. */
leit_status leit_recipe_copy(const char *from, const char *to);

#ifdef __cplusplus
}
#endif

#endif

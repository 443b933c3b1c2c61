/* The schema of recipes: one table, from which parsing, checks, overrides, `explain`, the resolved
 * YAML and docs/recipes.md all come. A key is one line in schema.c and one field in recipe.h. */
#ifndef LEIT_RECIPE_SCHEMA_H
#define LEIT_RECIPE_SCHEMA_H

#include <stdint.h>

#include "core/buffer.h"
#include "recipe/recipe.h"

enum {
    LEIT_RECIPE_BASES = 4, /* files a chain of `base:` may have above a recipe */
    LEIT_RECIPE_LIST_ITEMS = 64,
    LEIT_RECIPE_ERRORS = 50 /* sentences kept; reading stops there */
};

enum leit_key_type {
    LEIT_KEY_INT,    /* int */
    LEIT_KEY_FLOAT,  /* double */
    LEIT_KEY_BOOL,   /* bool */
    LEIT_KEY_STRING, /* const char * */
    LEIT_KEY_PATH,   /* const char * */
    LEIT_KEY_ENUM,   /* an enum, stored as its index in `words` */
    LEIT_KEY_RANGE,  /* struct leit_recipe_range */
    LEIT_KEY_STRINGS /* struct leit_recipe_strings; `words`, when given, are the allowed items */
};

struct leit_recipe_key {
    const char *path; /* "train.batch" */
    enum leit_key_type type;
    size_t offset;             /* of the field in struct leit_recipe */
    const char *default_value; /* in YAML; "" where there is none or it is derived */
    double low, high;
    bool above_low, below_high; /* an end is excluded */
    const char *const *words;   /* NULL-terminated */
    const char *unit;
    unsigned readers; /* bit 1 << leit_strategy_id */
    const char *description;
};

extern const struct leit_recipe_key leit_recipe_keys[];
extern const size_t leit_recipe_n_keys;

/* The sections "data", "model", "model.music", ... that keys live in, in the order of the table. */
struct leit_recipe_section {
    const char *path, *description;
};
extern const struct leit_recipe_section leit_recipe_sections[];
extern const size_t leit_recipe_n_sections;

/* Where a value came from: a file's line and column, or an override word. */
struct leit_recipe_origin {
    enum { LEIT_FROM_DEFAULT, LEIT_FROM_FILE, LEIT_FROM_OVERRIDE } kind;
    const char *label; /* the path, or the override */
    int line, column;  /* from 1 */
    bool is_bad;       /* the value given did not fit and the field is the one before */
};

/* Index of a key or section, -1 when there is none. `length` bytes of `path`. */
int leit_recipe_find_key(const char *path, size_t length);
int leit_recipe_find_section(const char *path, size_t length);

/* The index of `path` as a key of the table; the field's address tells which one is meant. */
int leit_recipe_key_of(const struct leit_recipe *recipe, const void *field);

/* The nearest key or section, NULL when nothing is near. */
const char *leit_recipe_nearest(const char *path, size_t length);
/* The nearest of some words, NULL when nothing is near. */
const char *leit_nearest_word(const char *word, const char *const *words);

/* "a whole number from 1 to 65536": what a key takes. */
leit_status leit_recipe_expected(const struct leit_recipe_key *key, leit_buffer *text);
const char *leit_key_type_name(enum leit_key_type type);

/* Foreign text for a sentence: in quotes, shortened, control characters as '?'. */
const char *leit_recipe_quote(leit_arena *arena, const char *text, size_t length);

/* A value as YAML writes it. */
leit_status leit_recipe_write_value(const struct leit_recipe *recipe,
                                    const struct leit_recipe_key *key, leit_buffer *text);

/* One value as it was read: a scalar, or a list of scalars. */
struct leit_scalar {
    const char *text;
    size_t length;
    bool quoted;
};
struct leit_value {
    bool is_list;
    struct leit_scalar scalar;
    struct leit_scalar *items;
    size_t n_items;
};

/* Parses a value into its field. Returns NULL when it fits, else what was found instead
 * ("'ten'", "a list"), for the sentence "KEY is FOUND, expected EXPECTED". `*hint` is "" or a cure.
 */
const char *leit_recipe_set(struct leit_recipe *recipe, const struct leit_recipe_key *key,
                            const struct leit_value *value, const char **hint);

#endif

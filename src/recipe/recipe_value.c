/* Values: a scalar or list of YAML into a field of the struct, and a field back into YAML. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"
#include "recipe/schema.h"

static void *field_of(struct leit_recipe *recipe, const struct leit_recipe_key *key)
{
    return (char *)recipe + key->offset;
}

/* What may stand in a string: everything YAML can write on one line without an escape. */
static bool is_writable(int32_t code)
{
    return (code >= 0x20 && code <= 0x7E) ||
           (code >= 0xA0 && code <= 0xD7FF && code != 0x2028 && code != 0x2029) ||
           (code >= 0xE000 && code <= 0xFFFD && code != 0xFEFF) || code >= 0x10000;
}

static const char *text_fault(const struct leit_scalar *scalar)
{
    const char *end = scalar->text + scalar->length;
    for (const char *at = scalar->text; at < end;) {
        int32_t code = 0;
        const size_t used = leit_utf8_read(at, end, &code);
        if (used == 0) return "text that is not UTF-8";
        if (!is_writable(code)) return "text with a control character";
        at += used;
    }
    return NULL;
}

/* A sentence must not become a success because memory is short. */
static const char *or_short(const char *text)
{
    return text ? text : "more than memory holds";
}

const char *leit_recipe_quote(leit_arena *arena, const char *text, size_t length)
{
    enum { SHOWN_BYTES = 60 };
    char shown[SHOWN_BYTES + 1];
    const char *at = text, *end = text + length;
    size_t used = 0;
    while (at < end) {
        int32_t code = 0;
        const size_t read = leit_utf8_read(at, end, &code);
        const bool good = read > 0 && is_writable(code);
        const size_t width = good ? read : 1;
        if (used + width > SHOWN_BYTES) break;
        memcpy(shown + used, good ? at : "?", width);
        used += width;
        at += read > 0 ? read : 1;
    }
    bool whole = at == end;
    return or_short(leit_arena_printf(arena, "'%.*s%s'", (int)used, shown, whole ? "" : "..."));
}

static bool is_word(const char *word, const struct leit_scalar *scalar)
{
    return strlen(word) == scalar->length && memcmp(word, scalar->text, scalar->length) == 0;
}

static bool is_null(const struct leit_scalar *scalar)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    if (scalar->quoted) return false;
    for (size_t i = 0; words[i]; i++)
        if (is_word(words[i], scalar)) return true;
    return false;
}

/* -?(0|[1-9][0-9]*): "010" is eight in YAML 1.1 and ten in 1.2, so it is neither here. */
static bool parse_int(const struct leit_scalar *scalar, double low, double high, int *result)
{
    const char *digits = scalar->text + (scalar->text[0] == '-');
    size_t n_digits = strspn(digits, "0123456789");
    if (n_digits == 0 || digits + n_digits != scalar->text + scalar->length || scalar->quoted)
        return false;
    if (digits[0] == '0' && n_digits > 1) return false;
    errno = 0;
    long value = strtol(scalar->text, NULL, 10);
    if (errno || (double)value < low || (double)value > high) return false;
    *result = (int)value;
    return true;
}

static bool parse_float(const struct leit_scalar *scalar, const struct leit_recipe_key *key,
                        double *result)
{
    if (scalar->length == 0 || scalar->quoted) return false;
    if (strspn(scalar->text, "0123456789+-.eE") != scalar->length) return false;
    char *end = NULL;
    double value = leit_parse_f64(scalar->text, &end);
    if (end != scalar->text + scalar->length || !isfinite(value)) return false;
    if (!(key->above_low ? value > key->low : value >= key->low)) return false;
    if (!(key->below_high ? value < key->high : value <= key->high)) return false;
    *result = value == 0 ? 0 : value; /* no negative zero */
    return true;
}

static int find_word(const char *const *words, const struct leit_scalar *scalar)
{
    for (int i = 0; words[i]; i++)
        if (is_word(words[i], scalar)) return i;
    return -1;
}

static const char *did_you_mean(leit_arena *arena, const char *near)
{
    const char *hint = near ? leit_arena_printf(arena, "; did you mean '%s'?", near) : "";
    return hint ? hint : "";
}

static const char *set_range(struct leit_recipe *recipe, const struct leit_recipe_key *key,
                             const struct leit_value *value)
{
    struct leit_recipe_range range = {.enabled = value->n_items > 0};
    if (value->n_items != 0 && value->n_items != 2)
        return or_short(leit_arena_printf(&recipe->arena, "a list of %zu", value->n_items));
    if (range.enabled) {
        double *ends[] = {&range.low, &range.high};
        for (size_t i = 0; i < 2; i++)
            if (!parse_float(&value->items[i], key, ends[i]))
                return leit_recipe_quote(&recipe->arena, value->items[i].text,
                                         value->items[i].length);
        if (!(range.low <= range.high)) return "a list whose low end is above its high end";
    }
    memcpy(field_of(recipe, key), &range, sizeof range);
    return NULL;
}

static const char *set_strings(struct leit_recipe *recipe, const struct leit_recipe_key *key,
                               const struct leit_value *value, const char **hint)
{
    const char **items = leit_arena_allocate(&recipe->arena, (value->n_items + 1) * sizeof *items);
    if (!items) return or_short(NULL);
    for (size_t i = 0; i < value->n_items; i++) {
        const struct leit_scalar *item = &value->items[i];
        const char *fault = item->length ? text_fault(item) : "a list with an empty item";
        if (fault) return fault;
        items[i] = item->text;
        if (key->words && find_word(key->words, item) < 0) {
            *hint = did_you_mean(&recipe->arena, leit_nearest_word(item->text, key->words));
            return or_short(
                leit_arena_printf(&recipe->arena, "a list with %s",
                                  leit_recipe_quote(&recipe->arena, item->text, item->length)));
        }
        for (size_t j = 0; j < i; j++)
            if (strcmp(items[j], items[i]) == 0)
                return or_short(
                    leit_arena_printf(&recipe->arena, "a list with %s twice",
                                      leit_recipe_quote(&recipe->arena, item->text, item->length)));
    }
    struct leit_recipe_strings strings = {.items = items, .count = (int)value->n_items};
    memcpy(field_of(recipe, key), &strings, sizeof strings);
    return NULL;
}

static const char *set_text(struct leit_recipe *recipe, const struct leit_recipe_key *key,
                            const struct leit_scalar *scalar)
{
    const char *text = is_null(scalar) ? "" : scalar->text;
    const char *fault = text_fault(scalar);
    if (!fault) memcpy(field_of(recipe, key), &text, sizeof text);
    return fault;
}

const char *leit_recipe_set(struct leit_recipe *recipe, const struct leit_recipe_key *key,
                            const struct leit_value *value, const char **hint)
{
    *hint = "";
    bool wants_list = key->type == LEIT_KEY_RANGE || key->type == LEIT_KEY_STRINGS;
    const struct leit_scalar *scalar = &value->scalar;
    if (wants_list && value->is_list)
        return key->type == LEIT_KEY_RANGE ? set_range(recipe, key, value)
                                           : set_strings(recipe, key, value, hint);
    if (value->is_list) return "a list";

    void *field = field_of(recipe, key);
    bool done = false;
    switch (key->type) {
    case LEIT_KEY_INT: done = parse_int(scalar, key->low, key->high, field); break;
    case LEIT_KEY_FLOAT: done = parse_float(scalar, key, field); break;
    case LEIT_KEY_BOOL: {
        bool yes = is_word("true", scalar);
        done = !scalar->quoted && (yes || is_word("false", scalar));
        if (done) memcpy(field, &yes, sizeof yes);
        break;
    }
    case LEIT_KEY_ENUM: {
        int word = find_word(key->words, scalar);
        done = word >= 0;
        if (done)
            memcpy(field, &word, sizeof word);
        else
            *hint = did_you_mean(&recipe->arena, leit_nearest_word(scalar->text, key->words));
        break;
    }
    case LEIT_KEY_STRING:
    case LEIT_KEY_PATH: return set_text(recipe, key, scalar);
    case LEIT_KEY_RANGE:
    case LEIT_KEY_STRINGS: break;
    }
    if (done) return NULL;
    if (is_null(scalar)) return "empty";
    if (scalar->quoted && key->type < LEIT_KEY_STRING) *hint = "; drop the quotes";
    return leit_recipe_quote(&recipe->arena, scalar->text, scalar->length);
}

static leit_status write_text(const char *text, leit_buffer *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    struct leit_scalar scalar = {.text = text, .length = strlen(text)};
    if (!is_null(&scalar) && text[0] != '-' && strspn(text, plain) == scalar.length)
        return leit_buffer_puts(out, text);
    LEIT_TRY(leit_buffer_puts(out, "\""));
    for (const char *at = text; *at; at++)
        LEIT_TRY(leit_buffer_printf(out, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at));
    return leit_buffer_puts(out, "\"");
}

leit_status leit_recipe_write_value(const struct leit_recipe *recipe,
                                    const struct leit_recipe_key *key, leit_buffer *out)
{
    const void *field = (const char *)recipe + key->offset;
    char low[32], high[32];
    switch (key->type) {
    case LEIT_KEY_INT: return leit_buffer_printf(out, "%d", *(const int *)field);
    case LEIT_KEY_FLOAT:
        leit_format_shortest(*(const double *)field, low);
        return leit_buffer_puts(out, low);
    case LEIT_KEY_BOOL: return leit_buffer_puts(out, *(const bool *)field ? "true" : "false");
    case LEIT_KEY_STRING:
    case LEIT_KEY_PATH: return write_text(*(const char *const *)field, out);
    case LEIT_KEY_ENUM: {
        int word;
        memcpy(&word, field, sizeof word);
        return leit_buffer_puts(out, key->words[word]);
    }
    case LEIT_KEY_RANGE: {
        const struct leit_recipe_range *range = field;
        if (!range->enabled) return leit_buffer_puts(out, "[]");
        leit_format_shortest(range->low, low);
        leit_format_shortest(range->high, high);
        return leit_buffer_printf(out, "[%s, %s]", low, high);
    }
    case LEIT_KEY_STRINGS: {
        const struct leit_recipe_strings *strings = field;
        LEIT_TRY(leit_buffer_puts(out, "["));
        for (int i = 0; i < strings->count; i++) {
            LEIT_TRY(leit_buffer_puts(out, i ? ", " : ""));
            LEIT_TRY(write_text(strings->items[i], out));
        }
        return leit_buffer_puts(out, "]");
    }
    }
    return LEIT_OK;
}

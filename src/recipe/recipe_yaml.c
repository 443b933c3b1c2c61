#include "recipe/recipe_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"
#include "recipe/yaml_tree.h"

/* The way through the tree of a document. */
struct walk {
    const char *text;
    size_t size_bytes;
    leit_arena *arena;
    struct leit_recipe_errors *errors;
    struct leit_recipe_document *document;
    unsigned seen_sections; /* a bit for each of the schema */
};

leit_status leit_recipe_note(struct leit_recipe_errors *errors, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (errors->count == LEIT_RECIPE_ERRORS) return LEIT_USAGE;
    const char *copy = leit_arena_strdup(&errors->arena, sentence);
    errors->sentences[errors->count++] = copy ? copy : "out of memory";
    LEIT_FAIL_IF(errors->count == LEIT_RECIPE_ERRORS, LEIT_USAGE, "%s", sentence);
    return LEIT_OK;
}

/* Notes a mistake at a value, or at its key. */
#define NOTE(walk, node, format, ...)                                                              \
    leit_recipe_note((walk)->errors, "%s:%d:%d: " format, (node)->label, (node)->line,             \
                     (node)->column, __VA_ARGS__)
#define NOTE_KEY(walk, node, format, ...)                                                          \
    leit_recipe_note((walk)->errors, "%s:%d:%d: " format, (node)->label, (node)->key_line,         \
                     (node)->key_column, __VA_ARGS__)

static struct leit_scalar scalar_of(const leit_yaml_node *node)
{
    return (struct leit_scalar){node->text, node->length, node->quoted};
}

static bool is_empty(const leit_yaml_node *node)
{
    return node->kind == LEIT_YAML_SCALAR && node->length == 0 && !node->quoted;
}

static leit_status note_item(struct leit_recipe_errors *errors, const char *place, const char *what,
                             const leit_yaml_node *item)
{
    if (item->kind == LEIT_YAML_SCALAR)
        return leit_recipe_note(errors, "%s: %s: more than %d items", place, what,
                                LEIT_RECIPE_LIST_ITEMS);
    return leit_recipe_note(errors, "%s: %s: an item is %s, expected single values", place, what,
                            leit_yaml_kind_text(item));
}

/* The scalars of a list. A mistake is noted at `place`, or at its item when that is NULL. */
static leit_status read_list(struct leit_recipe_errors *errors, const char *place,
                             const leit_yaml_node *list, const char *what, leit_arena *arena,
                             struct leit_value *value)
{
    value->is_list = true;
    value->items = leit_arena_allocate(arena, LEIT_RECIPE_LIST_ITEMS * sizeof *value->items);
    if (!value->items) return LEIT_INTERNAL;
    for (const leit_yaml_node *item = list->first; item; item = item->next) {
        if (item->kind == LEIT_YAML_MISSING) return LEIT_OK;
        const bool is_full = value->n_items == LEIT_RECIPE_LIST_ITEMS;
        if (item->kind == LEIT_YAML_SCALAR && !is_full) {
            value->items[value->n_items++] = scalar_of(item);
            continue;
        }
        const char *here =
            place ? place
                  : leit_arena_printf(arena, "%s:%d:%d", item->label, item->line, item->column);
        if (!here) return LEIT_INTERNAL;
        LEIT_TRY(note_item(errors, here, what, item));
        if (is_full) return LEIT_OK;
    }
    return LEIT_OK;
}

static leit_status read_value(struct walk *walk, const leit_yaml_node *node, int index)
{
    const struct leit_recipe_key *key = &leit_recipe_keys[index];
    struct leit_recipe_stated *stated = &walk->document->values[index];
    if (stated->is_set)
        return NOTE_KEY(walk, node, "'%s' is given twice, first in line %d", key->path,
                        stated->line);
    stated->line = node->line;
    stated->column = node->column;
    if (node->kind == LEIT_YAML_MAP) {
        leit_buffer expected = {0};
        leit_status status = leit_recipe_expected(key, &expected);
        if (status == LEIT_OK)
            status = NOTE(walk, node, "%s is a map, expected %s", key->path,
                          leit_buffer_text(&expected));
        leit_buffer_clear(&expected);
        stated->is_bad = true;
        return status;
    }
    stated->is_set = true;
    stated->value.scalar = scalar_of(node);
    if (node->kind == LEIT_YAML_SCALAR) return LEIT_OK;
    const size_t n_errors = walk->errors->count;
    leit_status status =
        read_list(walk->errors, NULL, node, key->path, walk->arena, &stated->value);
    stated->is_bad = walk->errors->count > n_errors;
    return status;
}

/* libyaml counts characters, without the byte order mark; whoever cuts the text needs bytes. The
 * text is UTF-8, so a character's bytes after the first are 10xxxxxx. */
static size_t byte_of(const struct walk *walk, size_t character)
{
    size_t at = strncmp(walk->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t seen = 0; at < walk->size_bytes; at++) {
        bool starts = ((unsigned char)walk->text[at] & 0xC0) != 0x80;
        if (starts && seen++ == character) break;
    }
    return at;
}

static leit_status read_base(struct walk *walk, const leit_yaml_node *node)
{
    struct leit_recipe_document *document = walk->document;
    if (document->base)
        return NOTE_KEY(walk, node, "'base' is given twice, first in line %d", document->base_line);
    if (node->kind != LEIT_YAML_SCALAR || node->length == 0)
        return NOTE(walk, node, "base is %s, expected the path of a recipe",
                    node->kind == LEIT_YAML_SCALAR ? "empty" : leit_yaml_kind_text(node));
    document->base = node->text;
    document->base_line = node->line;
    document->base_column = node->column;
    document->base_start = byte_of(walk, node->start);
    document->base_end = byte_of(walk, node->end);
    return LEIT_OK;
}

static leit_status read_map(struct walk *walk, const leit_yaml_node *map, const char *prefix);

static leit_status read_section(struct walk *walk, const leit_yaml_node *node, int index)
{
    const char *path = leit_recipe_sections[index].path;
    if (walk->seen_sections >> index & 1)
        return NOTE_KEY(walk, node, "'%s' is given twice, join the two", path);
    walk->seen_sections |= 1U << index;
    if (node->kind == LEIT_YAML_MAP) return read_map(walk, node, path);
    if (is_empty(node)) return LEIT_OK;
    return NOTE(walk, node, "'%s' is %s, expected keys below it", path, leit_yaml_kind_text(node));
}

static leit_status note_unknown(struct walk *walk, const leit_yaml_node *node, const char *path)
{
    const char *near = leit_recipe_nearest(path, strlen(path));
    const char *written = leit_recipe_quote(&walk->errors->arena, node->key, strlen(node->key));
    if (strcmp(node->key, "<<") == 0)
        return NOTE_KEY(walk, node, "merge keys (%s) are refused, use 'base: other.yaml'",
                        node->key);
    if (near) return NOTE_KEY(walk, node, "unknown key %s, did you mean '%s'?", written, near);
    return NOTE_KEY(walk, node, "unknown key %s, docs/recipes.md lists them all", written);
}

static leit_status read_map(struct walk *walk, const leit_yaml_node *map, const char *prefix)
{
    for (const leit_yaml_node *node = map->first; node; node = node->next) {
        const char *path =
            leit_arena_printf(walk->arena, "%s%s%s", prefix, prefix[0] ? "." : "", node->key);
        if (!path) return LEIT_INTERNAL;
        const int key = leit_recipe_find_key(path, strlen(path));
        const int section = leit_recipe_find_section(path, strlen(path));
        const bool is_base = strcmp(path, "base") == 0;
        if (key < 0 && section < 0 && !is_base)
            LEIT_TRY(note_unknown(walk, node, path));
        else if (node->kind == LEIT_YAML_MISSING)
            return LEIT_OK;
        else if (key >= 0)
            LEIT_TRY(read_value(walk, node, key));
        else if (section >= 0)
            LEIT_TRY(read_section(walk, node, section));
        else
            LEIT_TRY(read_base(walk, node));
    }
    return LEIT_OK;
}

static leit_status check_text(const char *label, const char *text, size_t size_bytes,
                              struct leit_recipe_errors *errors)
{
    const size_t n_good = leit_utf8_span(text, size_bytes);
    const char *nul = memchr(text, '\0', size_bytes);
    if (size_bytes > LEIT_YAML_MAX_BYTES)
        leit_recipe_note(errors, "%s: is %zu bytes, a recipe has at most %d", label, size_bytes,
                         LEIT_YAML_MAX_BYTES);
    else if (nul)
        leit_recipe_note(errors, "%s: has a NUL byte at byte %zu, expected text", label,
                         (size_t)(nul - text));
    else if (n_good < size_bytes)
        leit_recipe_note(errors, "%s: is not UTF-8 at byte %zu", label, n_good);
    else
        return LEIT_OK;
    return LEIT_USAGE;
}

leit_status leit_recipe_read_yaml(const char *label, const char *text, size_t size_bytes,
                                  leit_arena *arena, struct leit_recipe_errors *errors,
                                  struct leit_recipe_document *document)
{
    struct walk walk = {.text = text,
                        .size_bytes = size_bytes,
                        .arena = arena,
                        .errors = errors,
                        .document = document};
    LEIT_TRY(check_text(label, text, size_bytes, errors));
    document->values = leit_arena_allocate(arena, leit_recipe_n_keys * sizeof *document->values);
    if (!document->values) return LEIT_INTERNAL;
    const leit_yaml_node *root = NULL;
    const leit_status status = leit_yaml_read(label, text, size_bytes, arena, &root);
    const char *stop = status == LEIT_OK ? "" : leit_arena_strdup(arena, leit_error_message());
    if (!stop) return LEIT_INTERNAL;
    if (root && root->kind == LEIT_YAML_MAP) {
        LEIT_TRY(read_map(&walk, root, ""));
    } else if (root && root->kind != LEIT_YAML_MISSING) {
        NOTE(&walk, root, "the recipe is %s, expected keys such as 'strategy: metric3'",
             leit_yaml_kind_text(root));
        return LEIT_USAGE;
    } else if (status == LEIT_OK) {
        leit_recipe_note(errors, "%s: is empty, expected keys such as 'strategy: metric3'", label);
        return LEIT_USAGE;
    }
    if (status == LEIT_USAGE) leit_recipe_note(errors, "%s", stop);
    return status;
}

leit_status leit_recipe_read_value(const char *label, const char *text, leit_arena *arena,
                                   struct leit_recipe_errors *errors, struct leit_value *value)
{
    const size_t size_bytes = strlen(text);
    *value = (struct leit_value){.scalar = {.text = text, .length = size_bytes}};
    if (text[0] == '\0' || !strchr("[\"'", text[0])) return LEIT_OK;
    LEIT_TRY(check_text(label, text, size_bytes, errors));
    const leit_yaml_node *root = NULL;
    const leit_status status = leit_yaml_read("", text, size_bytes, arena, &root);
    if (status == LEIT_USAGE) /* ":1:5: YAML: ..."; in one word the label is place enough */
        leit_recipe_note(errors, "%s%s", label, strstr(leit_error_message(), ": "));
    LEIT_TRY(status);
    if (root->kind == LEIT_YAML_LIST)
        return read_list(errors, label, root, "the list", arena, value);
    value->scalar = scalar_of(root);
    if (root->kind == LEIT_YAML_SCALAR) return LEIT_OK;
    leit_recipe_note(errors, "%s: the value is a map, expected a single value or a list", label);
    return LEIT_USAGE;
}

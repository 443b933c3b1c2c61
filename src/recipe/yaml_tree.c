#include "recipe/yaml_tree.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/number.h"
#include "recipe/schema.h"

typedef struct reader {
    const char *label;
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; deleted by the next */
    bool has_event;
    leit_arena *arena;
    int n_nodes;
} reader;

#define FAIL_AT(mark, ...) return fail_at(read, (mark), __VA_ARGS__)

static leit_status __attribute__((format(printf, 3, 4)))
fail_at(const reader *read, yaml_mark_t mark, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return leit_fail(LEIT_USAGE, "leit_yaml_parse", "%s:%zu:%zu: %s", read->label, mark.line + 1,
                     mark.column + 1, sentence);
}

static leit_status syntax_error(const reader *read)
{
    const yaml_parser_t *parser = &read->parser;
    const char *problem = parser->problem == NULL ? "out of memory" : parser->problem;
    if (parser->error == YAML_READER_ERROR)
        LEIT_FAIL(LEIT_USAGE, "%s: YAML: %s at byte %zu", read->label, problem,
                  parser->problem_offset);
    FAIL_AT(parser->problem_mark, "YAML: %s%s%s", problem, parser->context == NULL ? "" : ", ",
            parser->context == NULL ? "" : parser->context);
}

static leit_status next_event(reader *read)
{
    if (read->has_event) yaml_event_delete(&read->event);
    read->has_event = yaml_parser_parse(&read->parser, &read->event);
    return read->has_event ? LEIT_OK : syntax_error(read);
}

static leit_status new_node(reader *read, leit_yaml_node **node)
{
    if (read->n_nodes++ >= LEIT_YAML_MAX_NODES)
        FAIL_AT(read->event.start_mark, "more than %d values", LEIT_YAML_MAX_NODES);
    *node = leit_arena_allocate(read->arena, sizeof **node);
    if (*node == NULL) return LEIT_INTERNAL;
    (*node)->label = read->label;
    return LEIT_OK;
}

/* A name as it may be shown: short, one line, printable. */
static const char *quoted(const reader *read, const void *text)
{
    return leit_recipe_quote(read->arena, text, strlen(text));
}

/* Refuses what nobody here has use for and strangers' files do harm with. */
static leit_status refuse_decoration(const reader *read, const unsigned char *anchor,
                                     const unsigned char *tag)
{
    if (anchor != NULL)
        FAIL_AT(read->event.start_mark, "anchor %s: anchors are refused, write the value out",
                quoted(read, anchor));
    if (tag != NULL)
        FAIL_AT(read->event.start_mark, "tag %s: tags are refused, write the plain value",
                quoted(read, tag));
    return LEIT_OK;
}

static leit_status read_scalar(reader *read, const char **text, size_t *length)
{
    const yaml_event_t *event = &read->event;
    LEIT_TRY(refuse_decoration(read, event->data.scalar.anchor, event->data.scalar.tag));
    *length = event->data.scalar.length;
    *text = leit_arena_strndup(read->arena, (const char *)event->data.scalar.value, *length);
    return *text == NULL ? LEIT_INTERNAL : LEIT_OK;
}

/* Reads the key of a map entry and moves to its value. */
static leit_status read_key(reader *read, leit_yaml_node *node)
{
    const yaml_mark_t mark = read->event.start_mark;
    if (read->event.type == YAML_ALIAS_EVENT)
        FAIL_AT(mark, "alias %s: aliases are refused, write the value out",
                quoted(read, read->event.data.alias.anchor));
    if (read->event.type != YAML_SCALAR_EVENT)
        FAIL_AT(mark, "a key is %s, expected a word",
                read->event.type == YAML_MAPPING_START_EVENT ? "a map" : "a list");
    const char *key = NULL;
    size_t length = 0;
    LEIT_TRY(read_scalar(read, &key, &length));
    if (strlen(key) != length) FAIL_AT(mark, "a NUL inside a key, expected a word");
    node->key = key;
    node->key_line = (int)mark.line + 1;
    node->key_column = (int)mark.column + 1;
    return next_event(read);
}

static leit_status read_value(reader *read, int depth, leit_yaml_node *node);

/* The children of a map or list, up to its end event. */
static leit_status read_children(reader *read, int depth, leit_yaml_node *parent)
{
    const bool is_map = parent->kind == LEIT_YAML_MAP;
    const yaml_event_type_t end = is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    if (depth >= LEIT_YAML_MAX_DEPTH)
        FAIL_AT(read->event.start_mark, "nested deeper than %d levels", LEIT_YAML_MAX_DEPTH);
    const leit_yaml_node **place = &parent->first;
    LEIT_TRY(next_event(read));
    while (read->event.type != end) {
        leit_yaml_node *child = NULL;
        LEIT_TRY(new_node(read, &child));
        if (is_map) LEIT_TRY(read_key(read, child));
        *place = child;
        place = &child->next;
        parent->count++;
        LEIT_TRY(read_value(read, depth + 1, child));
        LEIT_TRY(next_event(read));
    }
    return LEIT_OK;
}

/* The value that the current event starts; afterwards the current event is its last. */
static leit_status read_value(reader *read, int depth, leit_yaml_node *node)
{
    const yaml_event_t *event = &read->event;
    node->line = (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        LEIT_TRY(read_scalar(read, &node->text, &node->length));
        node->kind = LEIT_YAML_SCALAR;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        node->start = event->start_mark.index;
        node->end = event->end_mark.index;
        return LEIT_OK;
    case YAML_SEQUENCE_START_EVENT:
        LEIT_TRY(refuse_decoration(read, event->data.sequence_start.anchor,
                                   event->data.sequence_start.tag));
        node->kind = LEIT_YAML_LIST;
        return read_children(read, depth, node);
    case YAML_MAPPING_START_EVENT:
        LEIT_TRY(refuse_decoration(read, event->data.mapping_start.anchor,
                                   event->data.mapping_start.tag));
        node->kind = LEIT_YAML_MAP;
        return read_children(read, depth, node);
    case YAML_ALIAS_EVENT:
        FAIL_AT(event->start_mark, "alias %s: aliases are refused, write the value out",
                quoted(read, event->data.alias.anchor));
    default: FAIL_AT(event->start_mark, "no value");
    }
}

static leit_status read_document(reader *read, const leit_yaml_node **root)
{
    LEIT_TRY(next_event(read)); /* stream start */
    LEIT_TRY(next_event(read));
    if (read->event.type == YAML_STREAM_END_EVENT) return LEIT_OK;
    LEIT_TRY(next_event(read));
    leit_yaml_node *node = NULL;
    LEIT_TRY(new_node(read, &node));
    *root = node;
    LEIT_TRY(read_value(read, 0, node));
    LEIT_TRY(next_event(read)); /* document end */
    LEIT_TRY(next_event(read));
    if (read->event.type != YAML_STREAM_END_EVENT)
        FAIL_AT(read->event.start_mark, "a second document begins here, expected one");
    return LEIT_OK;
}

leit_status leit_yaml_read(const char *label, const char *text, size_t size_bytes,
                           leit_arena *arena, const leit_yaml_node **root)
{
    *root = NULL;
    LEIT_FAIL_IF(size_bytes > LEIT_YAML_MAX_BYTES, LEIT_USAGE, "%s: %zu bytes, expected at most %d",
                 label, size_bytes, LEIT_YAML_MAX_BYTES);
    reader read = {.arena = arena, .label = leit_arena_strdup(arena, label)};
    if (read.label == NULL) return LEIT_INTERNAL;
    LEIT_FAIL_IF(!yaml_parser_initialize(&read.parser), LEIT_INTERNAL, "out of memory");
    yaml_parser_set_encoding(&read.parser, YAML_UTF8_ENCODING);
    if (size_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark */
        text += 3;
        size_bytes -= 3;
    }
    yaml_parser_set_input_string(&read.parser, (const unsigned char *)text, size_bytes);
    leit_status status = read_document(&read, root);
    if (read.has_event) yaml_event_delete(&read.event);
    yaml_parser_delete(&read.parser);
    return status;
}

/* ---- without a schema ---- */

static leit_status fail_at_key(const leit_yaml_node *node, const char *sentence)
{
    return leit_fail(LEIT_USAGE, "leit_yaml_parse", "%s:%d:%d: key '%.80s' %s", node->label,
                     node->key_line, node->key_column, node->key, sentence);
}

/* What only a schema could make sense of. */
static leit_status check_plain(const leit_yaml_node *node)
{
    if (node->kind == LEIT_YAML_SCALAR && strlen(node->text) != node->length)
        return leit_yaml_fail(node, "a NUL inside a value, expected text");
    for (const leit_yaml_node *child = node->first; child != NULL; child = child->next) {
        if (child->key != NULL && strcmp(child->key, "<<") == 0)
            return fail_at_key(child, "merges, expected plain values; write the keys out");
        if (child->key != NULL && leit_yaml_find(node, child->key) != child)
            return fail_at_key(child, "twice; leave one out");
        LEIT_TRY(check_plain(child));
    }
    return LEIT_OK;
}

leit_status leit_yaml_parse(const char *label, const char *text, size_t size_bytes,
                            leit_arena *arena, const leit_yaml_node **root)
{
    leit_status status = leit_yaml_read(label, text, size_bytes, arena, root);
    if (status == LEIT_OK && *root == NULL)
        status = leit_fail(LEIT_USAGE, __func__, "%s:1:1: empty file, expected lines of key: value",
                           label);
    if (status == LEIT_OK) status = check_plain(*root);
    if (status != LEIT_OK) *root = NULL;
    return status;
}

const leit_yaml_node *leit_yaml_find(const leit_yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != LEIT_YAML_MAP) return NULL;
    for (const leit_yaml_node *child = map->first; child != NULL; child = child->next)
        if (strcmp(child->key, key) == 0) return child;
    return NULL;
}

leit_status leit_yaml_fail(const leit_yaml_node *node, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return leit_fail(LEIT_USAGE, __func__, "%s:%d:%d: %s%s%s", node->label, node->line,
                     node->column, node->key == NULL ? "" : node->key,
                     node->key == NULL ? "" : ": ", sentence);
}

const char *leit_yaml_kind_text(const leit_yaml_node *node)
{
    static const char *const texts[] = {"nothing", "a single value", "a list", "a map"};
    return texts[node->kind];
}

leit_status leit_yaml_check_keys(const leit_yaml_node *map, const char *const *keys)
{
    if (map->kind != LEIT_YAML_MAP)
        return leit_yaml_fail(map, "%s, expected a map", leit_yaml_kind_text(map));
    for (const leit_yaml_node *child = map->first; child != NULL; child = child->next) {
        bool known = false;
        char list[400] = "";
        size_t used = 0;
        for (size_t i = 0; keys[i] != NULL; i++) {
            known = known || strcmp(keys[i], child->key) == 0;
            if (used < sizeof list)
                used += (size_t)snprintf(list + used, sizeof list - used, i == 0 ? "%s" : ", %s",
                                         keys[i]);
        }
        if (!known) return leit_yaml_fail(child, "unknown key, expected one of %s", list);
    }
    return LEIT_OK;
}

leit_status leit_yaml_text(const leit_yaml_node *node, const char **text)
{
    if (node->kind != LEIT_YAML_SCALAR)
        return leit_yaml_fail(node, "%s, expected a single value", leit_yaml_kind_text(node));
    *text = node->text;
    return LEIT_OK;
}

leit_status leit_yaml_i64(const leit_yaml_node *node, int64_t low, int64_t high, int64_t *value)
{
    const char *text = NULL;
    LEIT_TRY(leit_yaml_text(node, &text));
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (node->quoted || *text == '\0' || *end != '\0' || errno != 0 || number < low ||
        number > high)
        return leit_yaml_fail(node, "'%.80s', expected a whole number from %lld to %lld", text,
                              (long long)low, (long long)high);
    *value = number;
    return LEIT_OK;
}

leit_status leit_yaml_f64(const leit_yaml_node *node, double low, double high, double *value)
{
    const char *text = NULL;
    LEIT_TRY(leit_yaml_text(node, &text));
    char *end = NULL;
    double number = leit_parse_f64(text, &end);
    if (node->quoted || *text == '\0' || *end != '\0' || !(number >= low && number <= high))
        return leit_yaml_fail(node, "'%.80s', expected a number from %g to %g", text, low, high);
    *value = number;
    return LEIT_OK;
}

leit_status leit_yaml_strings(const leit_yaml_node *node, leit_arena *arena, int64_t *n,
                              const char *const **strings)
{
    if (node->kind != LEIT_YAML_LIST)
        return leit_yaml_fail(node, "%s, expected a list", leit_yaml_kind_text(node));
    const char **texts = leit_arena_allocate(arena, ((size_t)node->count + 1) * sizeof *texts);
    if (texts == NULL) return LEIT_INTERNAL;
    int64_t count = 0;
    for (const leit_yaml_node *item = node->first; item != NULL; item = item->next)
        LEIT_TRY(leit_yaml_text(item, &texts[count++]));
    *n = count;
    *strings = texts;
    return LEIT_OK;
}

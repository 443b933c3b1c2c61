#include "recipe/recipe_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
    int depth;
    const char *label, *text;
    size_t size_bytes;
    leit_arena *arena;
    struct leit_recipe_errors *errors;
    struct leit_recipe_document *document;
    struct leit_value *value; /* of an override */
    unsigned seen_sections;   /* a bit for each of the schema */
};

leit_status leit_recipe_note(struct leit_recipe_errors *errors, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (errors->count == LEIT_RECIPE_ERRORS) return LEIT_USAGE;
    const char *copy = leit_arena_strdup(&errors->arena, sentence);
    errors->sentences[errors->count++] = copy ? copy : "out of memory";
    LEIT_FAIL_IF(errors->count == LEIT_RECIPE_ERRORS, LEIT_USAGE, "%s", sentence);
    return LEIT_OK;
}

static int line_of(yaml_mark_t mark)
{
    return (int)mark.line + 1;
}

static int column_of(yaml_mark_t mark)
{
    return (int)mark.column + 1;
}

/* "r.yaml:3:7"; an override is one word, its label is place enough. */
static const char *place_of(struct reader *reader, yaml_mark_t mark)
{
    if (reader->value) return reader->label;
    struct leit_recipe_origin origin = {LEIT_FROM_FILE, reader->label, (int)mark.line + 1,
                                        (int)mark.column + 1, false};
    return leit_recipe_place(&origin, &reader->errors->arena);
}

/* Notes a mistake at the current event. */
#define NOTE(reader, format, ...)                                                                  \
    leit_recipe_note((reader)->errors, "%s: " format,                                              \
                     place_of((reader), (reader)->event.start_mark), __VA_ARGS__)
/* The same where reading cannot go on. */
#define STOP(reader, ...)                                                                          \
    do {                                                                                           \
        NOTE(reader, __VA_ARGS__);                                                                 \
        return LEIT_USAGE;                                                                         \
    } while (0)

static leit_status syntax_error(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "out of memory";
    if (parser->error == YAML_READER_ERROR)
        leit_recipe_note(reader->errors, "%s: YAML: %s at byte %zu", reader->label, problem,
                         parser->problem_offset);
    else
        leit_recipe_note(reader->errors, "%s: YAML: %s%s%s", place_of(reader, parser->problem_mark),
                         problem, parser->context ? ", " : "",
                         parser->context ? parser->context : "");
    return LEIT_USAGE;
}

static const char *quoted(struct reader *reader, const void *text)
{
    return leit_recipe_quote(&reader->errors->arena, text, strlen(text));
}

/* Refuses what recipes have no use for and strangers' files do harm with. */
static leit_status check_event(struct reader *reader)
{
    const yaml_event_t *event = &reader->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        STOP(reader, "alias %s: aliases are refused, write the value out",
             quoted(reader, event->data.alias.anchor));
    case YAML_SCALAR_EVENT: anchor = event->data.scalar.anchor, tag = event->data.scalar.tag; break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor, tag = event->data.sequence_start.tag;
        reader->depth++;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor, tag = event->data.mapping_start.tag;
        reader->depth++;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: reader->depth--; break;
    default: break;
    }
    if (anchor)
        STOP(reader, "anchor %s: anchors are refused, write the value out", quoted(reader, anchor));
    if (tag) STOP(reader, "tag %s: tags are refused, write the plain value", quoted(reader, tag));
    if (reader->depth > LEIT_RECIPE_DEPTH)
        STOP(reader, "nested deeper than %d levels", LEIT_RECIPE_DEPTH);
    return LEIT_OK;
}

static leit_status next(struct reader *reader)
{
    if (reader->has_event) yaml_event_delete(&reader->event);
    reader->has_event = yaml_parser_parse(&reader->parser, &reader->event);
    return reader->has_event ? check_event(reader) : syntax_error(reader);
}

/* Leaves the value that begins at the current event, on its last event. */
static leit_status skip(struct reader *reader)
{
    int outside = reader->depth;
    if (reader->event.type != YAML_SEQUENCE_START_EVENT &&
        reader->event.type != YAML_MAPPING_START_EVENT)
        return LEIT_OK;
    while (reader->depth >= outside) LEIT_TRY(next(reader));
    return LEIT_OK;
}

static leit_status read_scalar(struct reader *reader, struct leit_scalar *scalar)
{
    const yaml_event_t *event = &reader->event;
    scalar->length = event->data.scalar.length;
    scalar->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    scalar->text =
        leit_arena_strndup(reader->arena, (const char *)event->data.scalar.value, scalar->length);
    return scalar->text ? LEIT_OK : LEIT_INTERNAL;
}

static bool is_empty(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static const char *kind_of(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_START_EVENT    ? "a map"
           : event->type == YAML_SEQUENCE_START_EVENT ? "a list"
                                                      : "a single value";
}

/* A list of scalars, from its start to its end. */
static leit_status read_list(struct reader *reader, const char *what, struct leit_value *value)
{
    value->is_list = true;
    value->items =
        leit_arena_allocate(reader->arena, LEIT_RECIPE_LIST_ITEMS * sizeof *value->items);
    if (!value->items) return LEIT_INTERNAL;
    for (;;) {
        LEIT_TRY(next(reader));
        if (reader->event.type == YAML_SEQUENCE_END_EVENT) return LEIT_OK;
        if (reader->event.type != YAML_SCALAR_EVENT) {
            LEIT_TRY(NOTE(reader, "%s: an item is %s, expected single values", what,
                          kind_of(&reader->event)));
            LEIT_TRY(skip(reader));
        } else if (value->n_items == LEIT_RECIPE_LIST_ITEMS) {
            STOP(reader, "%s: more than %d items", what, LEIT_RECIPE_LIST_ITEMS);
        } else {
            LEIT_TRY(read_scalar(reader, &value->items[value->n_items++]));
        }
    }
}

static leit_status read_key_value(struct reader *reader, int index)
{
    const struct leit_recipe_key *key = &leit_recipe_keys[index];
    struct leit_recipe_stated *stated = &reader->document->values[index];
    if (stated->is_set) {
        LEIT_TRY(NOTE(reader, "'%s' is given twice, first in line %d", key->path, stated->line));
        LEIT_TRY(next(reader));
        return skip(reader);
    }
    LEIT_TRY(next(reader));
    stated->line = line_of(reader->event.start_mark);
    stated->column = column_of(reader->event.start_mark);
    if (reader->event.type == YAML_MAPPING_START_EVENT) {
        leit_buffer expected = {0};
        leit_status status = leit_recipe_expected(key, &expected);
        if (status == LEIT_OK)
            status =
                NOTE(reader, "%s is a map, expected %s", key->path, leit_buffer_text(&expected));
        leit_buffer_clear(&expected);
        stated->is_bad = true;
        LEIT_TRY(status);
        return skip(reader);
    }
    stated->is_set = true;
    if (reader->event.type == YAML_SCALAR_EVENT) return read_scalar(reader, &stated->value.scalar);
    size_t n_errors = reader->errors->count;
    LEIT_TRY(read_list(reader, key->path, &stated->value));
    stated->is_bad = reader->errors->count > n_errors;
    return LEIT_OK;
}

/* libyaml counts characters, without the byte order mark; whoever cuts the text needs bytes. The
 * text is UTF-8, so a character's bytes after the first are 10xxxxxx. */
static size_t byte_of(const struct reader *reader, size_t character)
{
    size_t at = strncmp(reader->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t seen = 0; at < reader->size_bytes; at++) {
        bool starts = ((unsigned char)reader->text[at] & 0xC0) != 0x80;
        if (starts && seen++ == character) break;
    }
    return at;
}

static leit_status read_base(struct reader *reader)
{
    struct leit_recipe_document *document = reader->document;
    bool twice = document->base != NULL;
    if (twice)
        LEIT_TRY(NOTE(reader, "'base' is given twice, first in line %d", document->base_line));
    LEIT_TRY(next(reader));
    if (twice) return skip(reader);
    if (reader->event.type != YAML_SCALAR_EVENT || reader->event.data.scalar.length == 0) {
        LEIT_TRY(NOTE(reader, "base is %s, expected the path of a recipe",
                      reader->event.type == YAML_SCALAR_EVENT ? "empty" : kind_of(&reader->event)));
        return skip(reader);
    }
    struct leit_scalar scalar = {0};
    LEIT_TRY(read_scalar(reader, &scalar));
    document->base = scalar.text;
    document->base_line = line_of(reader->event.start_mark);
    document->base_column = column_of(reader->event.start_mark);
    document->base_start = byte_of(reader, reader->event.start_mark.index);
    document->base_end = byte_of(reader, reader->event.end_mark.index);
    return LEIT_OK;
}

static leit_status read_map(struct reader *reader, const char *prefix);

static leit_status read_section(struct reader *reader, int index)
{
    const char *path = leit_recipe_sections[index].path;
    bool twice = reader->seen_sections >> index & 1;
    if (twice) LEIT_TRY(NOTE(reader, "'%s' is given twice, join the two", path));
    reader->seen_sections |= 1U << index;
    LEIT_TRY(next(reader));
    if (reader->event.type == YAML_MAPPING_START_EVENT && !twice) return read_map(reader, path);
    if (reader->event.type != YAML_MAPPING_START_EVENT && !is_empty(&reader->event))
        LEIT_TRY(NOTE(reader, "'%s' is %s, expected keys below it", path, kind_of(&reader->event)));
    return skip(reader);
}

static leit_status read_unknown(struct reader *reader, const char *path, const char *written)
{
    const char *near = leit_recipe_nearest(path, strlen(path));
    if (strcmp(written, "<<") == 0)
        LEIT_TRY(NOTE(reader, "merge keys (%s) are refused, use 'base: other.yaml'", written));
    else if (near)
        LEIT_TRY(NOTE(reader, "unknown key %s, did you mean '%s'?", quoted(reader, written), near));
    else
        LEIT_TRY(NOTE(reader, "unknown key %s, docs/recipes.md lists them all",
                      quoted(reader, written)));
    LEIT_TRY(next(reader));
    return skip(reader);
}

/* The keys of a map whose start is the current event, to its end. */
static leit_status read_map(struct reader *reader, const char *prefix)
{
    for (;;) {
        LEIT_TRY(next(reader));
        if (reader->event.type == YAML_MAPPING_END_EVENT) return LEIT_OK;
        if (reader->event.type != YAML_SCALAR_EVENT)
            STOP(reader, "a key is %s, expected a word", kind_of(&reader->event));

        struct leit_scalar word = {0};
        LEIT_TRY(read_scalar(reader, &word));
        const char *path =
            leit_arena_printf(reader->arena, "%s%s%s", prefix, prefix[0] ? "." : "", word.text);
        if (!path) return LEIT_INTERNAL;
        bool whole = strlen(word.text) == word.length; /* no NUL written as "\0" */
        int key = whole ? leit_recipe_find_key(path, strlen(path)) : -1;
        int section = whole ? leit_recipe_find_section(path, strlen(path)) : -1;
        if (key >= 0)
            LEIT_TRY(read_key_value(reader, key));
        else if (section >= 0)
            LEIT_TRY(read_section(reader, section));
        else if (strcmp(path, "base") == 0)
            LEIT_TRY(read_base(reader));
        else
            LEIT_TRY(read_unknown(reader, path, word.text));
    }
}

static leit_status read_stream(struct reader *reader)
{
    LEIT_TRY(next(reader)); /* the stream */
    LEIT_TRY(next(reader)); /* the document */
    if (reader->event.type == YAML_STREAM_END_EVENT) {
        leit_recipe_note(reader->errors, "%s: is empty, expected keys such as 'strategy: metric3'",
                         reader->label);
        return LEIT_USAGE;
    }
    LEIT_TRY(next(reader));
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        STOP(reader, "the recipe is %s, expected keys such as 'strategy: metric3'",
             kind_of(&reader->event));
    LEIT_TRY(read_map(reader, ""));
    LEIT_TRY(next(reader)); /* the document's end */
    LEIT_TRY(next(reader));
    if (reader->event.type != YAML_STREAM_END_EVENT)
        STOP(reader, "%s begins here, expected one", "a second document");
    return LEIT_OK;
}

static leit_status check_text(const char *label, const char *text, size_t size_bytes,
                              struct leit_recipe_errors *errors)
{
    size_t bad = 0;
    const char *nul = memchr(text, '\0', size_bytes);
    if (size_bytes > LEIT_RECIPE_FILE_BYTES)
        leit_recipe_note(errors, "%s: is %zu bytes, a recipe has at most %d", label, size_bytes,
                         LEIT_RECIPE_FILE_BYTES);
    else if (nul)
        leit_recipe_note(errors, "%s: has a NUL byte at byte %zu, expected text", label,
                         (size_t)(nul - text));
    else if (!leit_recipe_is_utf8(text, size_bytes, &bad))
        leit_recipe_note(errors, "%s: is not UTF-8 at byte %zu", label, bad);
    else
        return LEIT_OK;
    return LEIT_USAGE;
}

/* Runs `read` over a text. */
static leit_status with_parser(struct reader *reader, leit_status (*read)(struct reader *))
{
    LEIT_FAIL_IF(!yaml_parser_initialize(&reader->parser), LEIT_INTERNAL, "libyaml: out of memory");
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text,
                                 reader->size_bytes);
    leit_status status = read(reader);
    if (reader->has_event) yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
    return status;
}

leit_status leit_recipe_read_yaml(const char *label, const char *text, size_t size_bytes,
                                  leit_arena *arena, struct leit_recipe_errors *errors,
                                  struct leit_recipe_document *document)
{
    struct reader reader = {.label = label,
                            .text = text,
                            .size_bytes = size_bytes,
                            .arena = arena,
                            .errors = errors,
                            .document = document};
    LEIT_TRY(check_text(label, text, size_bytes, errors));
    document->values = leit_arena_allocate(arena, leit_recipe_n_keys * sizeof *document->values);
    if (!document->values) return LEIT_INTERNAL;
    return with_parser(&reader, read_stream);
}

/* A document that is one value. */
static leit_status read_lone_value(struct reader *reader)
{
    for (int i = 0; i < 3; i++) LEIT_TRY(next(reader)); /* stream, document, value */
    if (reader->event.type == YAML_SCALAR_EVENT)
        LEIT_TRY(read_scalar(reader, &reader->value->scalar));
    else if (reader->event.type == YAML_SEQUENCE_START_EVENT)
        LEIT_TRY(read_list(reader, "the list", reader->value));
    else
        STOP(reader, "the value is %s, expected a single value or a list", kind_of(&reader->event));
    LEIT_TRY(next(reader)); /* the document's end */
    LEIT_TRY(next(reader));
    if (reader->event.type != YAML_STREAM_END_EVENT)
        STOP(reader, "%s after the value", "more text");
    return LEIT_OK;
}

leit_status leit_recipe_read_value(const char *label, const char *text, leit_arena *arena,
                                   struct leit_recipe_errors *errors, struct leit_value *value)
{
    struct reader reader = {.label = label,
                            .text = text,
                            .size_bytes = strlen(text),
                            .arena = arena,
                            .errors = errors,
                            .value = value};
    *value = (struct leit_value){.scalar = {.text = text, .length = reader.size_bytes}};
    if (text[0] == '\0' || !strchr("[\"'", text[0])) return LEIT_OK;
    LEIT_TRY(check_text(label, text, reader.size_bytes, errors));
    return with_parser(&reader, read_lone_value);
}

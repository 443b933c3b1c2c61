#include "corpus/corpus_draft.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/utf8.h"

enum { MAX_EXPECTED = 1000 };

static leit_status push(leit_draft *draft, leit_strings *list, const char *text)
{
    LEIT_TRY(LEIT_GROW(list->items, list->count, list->capacity));
    const char *copy = leit_arena_strdup(&draft->arena, text);
    if (copy == NULL) return LEIT_INTERNAL;
    list->items[list->count++] = copy;
    return LEIT_OK;
}

static leit_status read_expected(const leit_manifest *manifest, leit_draft *draft)
{
    const leit_yaml_node *expect = leit_manifest_find(manifest, "expect");
    if (expect == NULL) return LEIT_OK;
    if (expect->kind != LEIT_YAML_MAP || expect->count > MAX_EXPECTED)
        return leit_yaml_fail(expect, "expected a map of counts");
    for (const leit_yaml_node *child = expect->first; child != NULL; child = child->next) {
        size_t i = draft->expected_names.count;
        LEIT_TRY(LEIT_GROW(draft->expected_counts, i, draft->expected_capacity));
        LEIT_TRY(leit_yaml_i64(child, 0, INT64_MAX, &draft->expected_counts[i]));
        LEIT_TRY(push(draft, &draft->expected_names, child->key));
    }
    return LEIT_OK;
}

leit_status leit_draft_start(leit_manifest *manifest, leit_draft *draft)
{
    *draft = (leit_draft){0};
    leit_status status = leit_manifest_text(manifest, "name", NULL, &draft->name);
    draft->split = "given";
    if (status == LEIT_OK) status = read_expected(manifest, draft);
    if (status != LEIT_OK) leit_draft_clear(draft);
    return status;
}

void leit_draft_clear(leit_draft *draft)
{
    leit_free(draft->sources.items);
    leit_free(draft->sums.items);
    leit_free(draft->ledger.items);
    leit_free(draft->expected_names.items);
    leit_free(draft->expected_counts);
    leit_arena_clear(&draft->arena);
    *draft = (leit_draft){0};
}

leit_status leit_draft_source(leit_draft *draft, const char *stated, const char *path)
{
    uint64_t sum = 0;
    int64_t size_bytes = 0;
    LEIT_TRY(leit_file_sum(path, &sum, &size_bytes));
    const char *digits = leit_arena_printf(&draft->arena, "%016llx", (unsigned long long)sum);
    if (digits == NULL) return LEIT_INTERNAL;
    LEIT_TRY(push(draft, &draft->sums, digits));
    return push(draft, &draft->sources, stated);
}

/* The name as a line of the ledger has it. */
static const char *quote_name(leit_arena *arena, const char *name)
{
    if (*name != '"' && strstr(name, ": ") == NULL) return name;
    char *quoted = leit_arena_allocate(arena, 2 * strlen(name) + 3), *to = quoted;
    if (quoted == NULL) return NULL;
    *to++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"') *to++ = '"';
        *to++ = *name;
    }
    *to = '"';
    return quoted;
}

const char *leit_ledger_reason(const char *line)
{
    static const char two_words[] = "warned about "; /* every other action is one */
    const bool has_two = strncmp(line, two_words, sizeof two_words - 1) == 0;
    const char *at = has_two ? line + sizeof two_words - 1 : strchr(line, ' ');
    if (at == NULL) return "";
    if (!has_two) at++;
    if (*at == '"')
        for (at++; *at != '\0' && (*at != '"' || at[1] == '"'); at++)
            if (*at == '"') at++;
    const char *colon = strstr(at, ": ");
    return colon == NULL ? "" : colon + 2;
}

leit_status leit_draft_note(leit_draft *draft, const char *action, const char *where,
                            const char *reason)
{
    where = quote_name(&draft->arena, where);
    if (where == NULL) return LEIT_INTERNAL;
    const char *line = leit_arena_printf(&draft->arena, "%s %s: %s", action, where, reason);
    return line == NULL ? LEIT_INTERNAL : push(draft, &draft->ledger, line);
}

leit_corpus_about leit_draft_about(const leit_draft *draft)
{
    return (leit_corpus_about){.name = draft->name,
                               .split = draft->split,
                               .n_sources = (int64_t)draft->sources.count,
                               .sources = draft->sources.items,
                               .source_sums = draft->sums.items,
                               .n_ledger = (int64_t)draft->ledger.count,
                               .ledger = draft->ledger.items,
                               .n_expected = (int64_t)draft->expected_names.count,
                               .expected_names = draft->expected_names.items,
                               .expected_counts = draft->expected_counts};
}

uint8_t leit_split_parse(const char *text)
{
    static const enum leit_split splits[] = {LEIT_SPLIT_TRAIN, LEIT_SPLIT_VALID, LEIT_SPLIT_TEST};
    uint8_t mask = 0;
    for (;;) {
        size_t length = strcspn(text, "+");
        uint8_t bit = 0;
        for (int i = 0; i < 3; i++) {
            const char *name = leit_split_name(splits[i]);
            if (strlen(name) == length && strncmp(name, text, length) == 0)
                bit = (uint8_t)splits[i];
        }
        if (bit == 0) return 0;
        mask = (uint8_t)(mask | bit);
        if (text[length] == '\0') return mask;
        text += length + 1;
    }
}

static leit_status check_lines(const leit_table *table)
{
    const char *line = leit_buffer_text(&table->content);
    const char *end = line + table->content.size_bytes;
    for (int number = 1; line < end; number++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) stop = end;
        LEIT_FAIL_IF(!leit_is_utf8(line, (size_t)(stop - line)), LEIT_DATA,
                     "%s:%d: not UTF-8; convert the file first", table->path, number);
        line = stop + 1;
    }
    return LEIT_OK;
}

leit_status leit_table_open(const char *path, size_t limit_bytes, leit_table *table)
{
    static const char mark[] = "\xef\xbb\xbf";
    *table = (leit_table){.path = path, .next_line = 1};
    leit_status status = leit_file_read(path, limit_bytes, &table->content);
    if (status == LEIT_OK) status = check_lines(table);
    if (status == LEIT_OK && table->content.size_bytes == 0)
        status = leit_fail(LEIT_DATA, __func__,
                           "%s is empty, expected lines of text; fetch it again", path);
    if (status != LEIT_OK) {
        leit_table_close(table);
        return status;
    }
    table->cursor = table->content.data;
    if (strncmp(table->cursor, mark, 3) == 0) table->cursor += 3;
    return LEIT_OK;
}

void leit_table_close(leit_table *table)
{
    leit_buffer_clear(&table->content);
    *table = (leit_table){0};
}

char *leit_table_line(leit_table *table)
{
    char *line = table->cursor;
    if (*line == '\0') return NULL;
    size_t length = strcspn(line, "\n");
    table->cursor = line + length + (line[length] == '\n');
    line[length] = '\0';
    if (length > 0 && line[length - 1] == '\r') line[length - 1] = '\0';
    table->line = table->next_line++;
    return line;
}

int leit_table_split(char *line, char separator, char **fields, int max_fields)
{
    int n = 0;
    for (char *field = line; field != NULL; n++) {
        char *stop = strchr(field, separator);
        if (n < max_fields) fields[n] = field;
        if (stop != NULL) *stop++ = '\0';
        field = stop;
    }
    return n;
}

/* Unquotes a field in place; the cursor stops behind its closing quote. */
static leit_status unquote(leit_table *table, char **field)
{
    char *from = table->cursor + 1, *to = from;
    *field = to;
    for (;; from++) {
        LEIT_FAIL_IF(*from == '\0', LEIT_DATA, "%s:%d: a quote is not closed", table->path,
                     table->line);
        if (*from == '"' && from[1] == '"')
            from++;
        else if (*from == '"')
            break;
        if (*from == '\n') table->next_line++;
        *to++ = *from;
    }
    *to = '\0';
    table->cursor = from + 1;
    return LEIT_OK;
}

/* Reads one field; *more is whether a comma follows. */
static leit_status csv_field(leit_table *table, char **field, bool *more)
{
    bool quoted = *table->cursor == '"';
    if (quoted)
        LEIT_TRY(unquote(table, field));
    else
        *field = table->cursor;
    size_t length = strcspn(table->cursor, ",\n");
    bool return_only = length == 1 && table->cursor[0] == '\r';
    LEIT_FAIL_IF(quoted && length > 0 && !return_only, LEIT_DATA,
                 "%s:%d: text behind a closing quote", table->path, table->line);
    char *stop = table->cursor + length;
    *more = *stop == ',';
    if (*stop == '\n') {
        table->next_line++;
        if (!quoted && length > 0 && stop[-1] == '\r') stop[-1] = '\0';
    }
    table->cursor = stop + (*stop != '\0');
    if (!quoted) *stop = '\0';
    return LEIT_OK;
}

leit_status leit_table_csv_row(leit_table *table, char **fields, int max_fields, int *n_fields)
{
    *n_fields = 0;
    while (*table->cursor == '\n' || *table->cursor == '\r') {
        if (*table->cursor == '\n') table->next_line++;
        table->cursor++;
    }
    table->line = table->next_line;
    if (*table->cursor == '\0') return LEIT_OK;
    for (bool more = true; more; ++*n_fields) {
        LEIT_FAIL_IF(*n_fields >= max_fields, LEIT_DATA, "%s:%d: more than %d columns", table->path,
                     table->line, max_fields);
        LEIT_TRY(csv_field(table, &fields[*n_fields], &more));
    }
    return LEIT_OK;
}

/* Text corpora in the layouts they are handed out in. */
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "corpus/corpus_builders.h"

static const char *const split_kinds[] = {"paper", "strict", NULL};
enum { PAPER, STRICT };

leit_status leit_text_rows_add(leit_text_rows *rows, leit_draft *draft, const leit_text_row *row)
{
    if (row->text[strspn(row->text, " \t\r")] == '\0')
        return leit_draft_note(draft, "skipped", row->id, "empty text");
    LEIT_TRY(LEIT_GROW(rows->rows, rows->count, rows->capacity));
    leit_arena *arena = &draft->arena;
    leit_text_row copy = {.id = leit_arena_strdup(arena, row->id),
                          .label = leit_arena_strdup(arena, row->label),
                          .text = leit_arena_strdup(arena, row->text),
                          .group = leit_arena_strdup(arena, row->group),
                          .split = row->split};
    if (copy.id == NULL || copy.label == NULL || copy.text == NULL || copy.group == NULL)
        return LEIT_INTERNAL;
    rows->rows[rows->count++] = copy;
    return LEIT_OK;
}

/* ---- etude_text: id TAB label TAB split TAB text ------------------------------------------- */

static leit_status read_etude_rows(leit_table *table, leit_draft *draft, leit_text_rows *rows)
{
    for (char *line; (line = leit_table_line(table)) != NULL;) {
        if (*line == '\0') continue;
        char *fields[4];
        int n_fields = leit_table_split(line, '\t', fields, 4);
        LEIT_FAIL_IF(n_fields != 4, LEIT_DATA,
                     "%s:%d: %d columns, expected id, label, split and text with tabs between",
                     table->path, table->line, n_fields);
        uint8_t split = leit_split_parse(fields[2]);
        LEIT_FAIL_IF(split == 0, LEIT_DATA, "%s:%d: split '%.40s', expected train, valid or test",
                     table->path, table->line, fields[2]);
        leit_text_row row = {
            .id = fields[0], .label = fields[1], .text = fields[3], .group = "", .split = split};
        LEIT_TRY(leit_text_rows_add(rows, draft, &row));
    }
    return LEIT_OK;
}

leit_status leit_read_etude_text(leit_manifest *manifest, leit_draft *draft, leit_text_rows *rows)
{
    const char *stated = NULL, *path = NULL;
    leit_table table = {0};
    int kind = 0;
    LEIT_TRY(leit_manifest_word(manifest, "split", (const char *const[]){"given", NULL}, "given",
                                &kind));
    LEIT_TRY(leit_manifest_path(manifest, "source", true, &stated, &path));
    LEIT_TRY(leit_draft_source(draft, stated, path));
    LEIT_TRY(leit_table_open(path, LEIT_TEXT_SOURCE_BYTES, &table));
    leit_status status = read_etude_rows(&table, draft, rows);
    leit_table_close(&table);
    return status;
}

/* ---- alm: sentences on whose feeling all four annotators agreed --------------------------- */

/* SentID@code@text below a header line "story.agree". */
static leit_status read_alm_rows(leit_table *table, const char *author, uint8_t split,
                                 leit_draft *draft, leit_text_rows *rows)
{
    static const char *const labels[] = {
        [2] = "anger", [3] = "fearful", [4] = "happy", [6] = "sad", [7] = "surprised"};
    const int n_labels = (int)(sizeof labels / sizeof *labels);
    const char *story = "first";
    leit_arena *arena = &draft->arena;
    for (char *line; (line = leit_table_line(table)) != NULL;) {
        static const char ending[] = ".agree";
        size_t length = strlen(line), tail = strlen(ending);
        if (length == 0) continue;
        if (strchr(line, '@') == NULL && length > tail &&
            strcmp(line + length - tail, ending) == 0) {
            line[length - tail] = '\0';
            story = leit_path_name(line);
            continue;
        }
        char *code = strchr(line, '@');
        char *text = code == NULL ? NULL : strchr(code + 1, '@');
        LEIT_FAIL_IF(text == NULL || text != code + 2, LEIT_DATA,
                     "%s:%d: expected SentID@code@text or a line ending in .agree", table->path,
                     table->line);
        int index = code[1] - '0';
        bool known = index >= 0 && index < n_labels && labels[index] != NULL;
        LEIT_FAIL_IF(
            !known, LEIT_DATA,
            "%s:%d: code '%c' is outside the taxonomy: 2 anger, 3 fearful, 4 happy, 6 sad, "
            "7 surprised",
            table->path, table->line, code[1]);
        *code = '\0';
        leit_text_row row = {.id = leit_arena_printf(arena, "%s:%s:%s", author, story, line),
                             .label = labels[index],
                             .text = text + 1,
                             .group = leit_arena_printf(arena, "%s:%s", author, story),
                             .split = split};
        if (row.id == NULL || row.group == NULL) return LEIT_INTERNAL;
        LEIT_TRY(leit_text_rows_add(rows, draft, &row));
    }
    return LEIT_OK;
}

/* Whole stories of the training authors, in an order drawn from the seed, as long as they fit into
 * 15 % of the sentences, become validation. Rows of a story lie side by side. */
static leit_status hold_out_stories(uint64_t seed, leit_text_rows *rows)
{
    size_t n_train = 0, n_stories = 0;
    int32_t *starts = NULL, *order = NULL;
    leit_status status = LEIT_ALLOC(starts, rows->count + 1);
    if (status == LEIT_OK) status = LEIT_ALLOC(order, rows->count + 1);
    for (size_t i = 0; status == LEIT_OK && i < rows->count; i++) {
        if (rows->rows[i].split != LEIT_SPLIT_TRAIN) continue;
        n_train++;
        if (i == 0 || strcmp(rows->rows[i].group, rows->rows[i - 1].group) != 0) {
            order[n_stories] = (int32_t)n_stories;
            starts[n_stories++] = (int32_t)i;
        }
    }
    leit_rng rng = leit_rng_start(seed, LEIT_STREAM_SPLIT, 0, 0);
    if (status == LEIT_OK) leit_rng_shuffle(&rng, order, (uint32_t)n_stories);
    const size_t room = n_train * 15 / 100;
    for (size_t i = 0, held = 0; status == LEIT_OK && i < n_stories; i++) {
        size_t start = (size_t)starts[order[i]], end = start;
        const char *story = rows->rows[start].group;
        while (end < rows->count && strcmp(rows->rows[end].group, story) == 0) end++;
        if (held + (end - start) > room) continue;
        for (size_t j = start; j < end; j++) rows->rows[j].split = LEIT_SPLIT_VALID;
        held += end - start;
    }
    leit_free(starts);
    leit_free(order);
    return status;
}

leit_status leit_read_alm(leit_manifest *manifest, leit_draft *draft, leit_text_rows *rows)
{
    static const struct {
        const char *file, *author;
        bool is_test;
    } files[] = {{"GrimmsAll4labsagree.txt", "Grimm", false},
                 {"hcand460All4labsagree.txt", "Andersen", false},
                 {"Potter167All4labsagree.txt", "Potter", true}};
    const char *stated = NULL, *folder = NULL;
    int kind = 0;
    int64_t seed = 0;
    LEIT_TRY(leit_manifest_path(manifest, "source", true, &stated, &folder));
    LEIT_TRY(leit_manifest_word(manifest, "split", split_kinds, "paper", &kind));
    LEIT_TRY(leit_manifest_i64(manifest, "seed", 0, INT64_MAX, 2021, &seed));
    draft->split = split_kinds[kind];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        leit_table table = {0};
        const char *path = leit_path_join(&draft->arena, folder, files[i].file);
        if (path == NULL) return LEIT_INTERNAL;
        uint8_t split = !files[i].is_test ? LEIT_SPLIT_TRAIN
                        : kind == PAPER   ? LEIT_SPLIT_VALID | LEIT_SPLIT_TEST
                                          : LEIT_SPLIT_TEST;
        LEIT_TRY(leit_draft_source(draft, files[i].file, path));
        LEIT_TRY(leit_table_open(path, LEIT_TEXT_SOURCE_BYTES, &table));
        leit_status status = read_alm_rows(&table, files[i].author, split, draft, rows);
        leit_table_close(&table);
        LEIT_TRY(status);
    }
    return kind == STRICT ? hold_out_stories((uint64_t)seed, rows) : LEIT_OK;
}

/* ---- isear ---------------------------------------------------------------------------------- */

/* Every "á" of the file is a line break of the questionnaire, turned into a letter: it becomes a
 * space, and runs of spaces become one. Returns whether there was one. */
static bool strip_breaks(char *text)
{
    static const char mark[] = "\xc3\xa1";
    bool found = false;
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        bool is_mark = strncmp(from, mark, 2) == 0;
        found = found || is_mark;
        if (is_mark) from++;
        bool is_space = is_mark || *from == ' ' || *from == '\t';
        if (is_space && (to == text || to[-1] == ' ')) continue;
        *to++ = is_space ? ' ' : *from;
    }
    if (to > text && to[-1] == ' ') to--;
    *to = '\0';
    return found;
}

/* "[ No response.]", "NO RESPONSE", and one misspelled: compared by letters alone. */
static bool is_no_response(const char *text)
{
    char letters[16];
    size_t n = 0;
    for (; *text != '\0'; text++) {
        char letter = (char)(*text | 0x20);
        if (letter < 'a' || letter > 'z') continue;
        if (n + 1 == sizeof letters) return false;
        letters[n++] = letter;
    }
    letters[n] = '\0';
    return strcmp(letters, "noresponse") == 0 || strcmp(letters, "noreponse") == 0;
}

typedef struct isear_columns {
    int label, key, text, count;
} isear_columns;

enum { MAX_ISEAR_FIELDS = 128 };

static leit_status read_isear_header(leit_table *table, isear_columns *columns)
{
    char *fields[MAX_ISEAR_FIELDS];
    char *line = leit_table_line(table);
    int n = line == NULL ? 0 : leit_table_split(line, '|', fields, MAX_ISEAR_FIELDS);
    *columns = (isear_columns){.label = -1, .key = -1, .text = -1, .count = n};
    for (int i = 0; i < n && i < MAX_ISEAR_FIELDS; i++) {
        if (strcmp(fields[i], "Field1") == 0) columns->label = i;
        if (strcmp(fields[i], "MYKEY") == 0) columns->key = i;
        if (strcmp(fields[i], "SIT") == 0) columns->text = i;
    }
    LEIT_FAIL_IF(
        columns->label < 0 || columns->key < 0 || columns->text < 0 ||
            columns->text < columns->label || columns->text < columns->key || n > MAX_ISEAR_FIELDS,
        LEIT_DATA, "%s:1: expected a header with Field1, MYKEY and SIT, '|' between", table->path);
    return LEIT_OK;
}

/* A text with a line break inside was cut there by whoever exported the file, so its row has more
 * fields than the header: the surplus belongs to the text. */
static void join_surplus(char **fields, int first, int n_surplus)
{
    for (int i = 0; i < n_surplus; i++) {
        char *end = fields[first] + strlen(fields[first]);
        size_t length = strlen(fields[first + 1 + i]);
        *end++ = ' ';
        memmove(end, fields[first + 1 + i], length + 1);
    }
}

static leit_status add_isear_row(const leit_table *table, const isear_columns *columns,
                                 char **fields, int n_fields, bool keep_no_response,
                                 leit_draft *draft, leit_text_rows *rows)
{
    char *text = fields[columns->text];
    const char *id =
        leit_arena_printf(&draft->arena, "isear:%d:%s", table->line, fields[columns->key]);
    if (id == NULL) return LEIT_INTERNAL;
    if (n_fields > columns->count) {
        join_surplus(fields, columns->text, n_fields - columns->count);
        LEIT_TRY(leit_draft_note(draft, "altered", id, "pieces of a text put together again"));
    }
    if (strip_breaks(text))
        LEIT_TRY(leit_draft_note(draft, "altered", id, "stray line-break letters removed"));
    if (is_no_response(text) && !keep_no_response)
        return leit_draft_note(draft, "skipped", id, "no response");
    leit_text_row row = {.id = id, .label = fields[columns->label], .text = text, .group = ""};
    return leit_text_rows_add(rows, draft, &row);
}

static leit_status read_isear_rows(leit_table *table, bool keep_no_response, leit_draft *draft,
                                   leit_text_rows *rows)
{
    isear_columns columns;
    LEIT_TRY(read_isear_header(table, &columns));
    for (char *line; (line = leit_table_line(table)) != NULL;) {
        char *fields[MAX_ISEAR_FIELDS];
        if (*line == '\0') continue;
        int n_fields = leit_table_split(line, '|', fields, MAX_ISEAR_FIELDS);
        LEIT_FAIL_IF(n_fields < columns.count || n_fields > MAX_ISEAR_FIELDS, LEIT_DATA,
                     "%s:%d: %d fields, the header has %d", table->path, table->line, n_fields,
                     columns.count);
        LEIT_TRY(add_isear_row(table, &columns, fields, n_fields, keep_no_response, draft, rows));
    }
    return LEIT_OK;
}

/* 15 % of each label become validation and 15 % test, rounded, in an order drawn from the seed. */
static leit_status split_stratified(uint64_t seed, leit_text_rows *rows)
{
    int32_t *members = NULL;
    LEIT_TRY(LEIT_ALLOC(members, rows->count));
    uint32_t stratum = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].split != 0) continue;
        uint32_t n = 0;
        for (size_t j = i; j < rows->count; j++)
            if (strcmp(rows->rows[j].label, rows->rows[i].label) == 0) members[n++] = (int32_t)j;
        leit_rng rng = leit_rng_start(seed, LEIT_STREAM_SPLIT, 0, stratum++);
        leit_rng_shuffle(&rng, members, n);
        uint32_t held = (15 * n + 50) / 100;
        for (uint32_t k = 0; k < n; k++)
            rows->rows[members[k]].split = k < held       ? LEIT_SPLIT_VALID
                                           : k < 2 * held ? LEIT_SPLIT_TEST
                                                          : LEIT_SPLIT_TRAIN;
    }
    leit_free(members);
    return LEIT_OK;
}

leit_status leit_read_isear(leit_manifest *manifest, leit_draft *draft, leit_text_rows *rows)
{
    const char *stated = NULL, *path = NULL;
    int kind = 0;
    int64_t seed = 0;
    leit_table table = {0};
    LEIT_TRY(leit_manifest_path(manifest, "source", true, &stated, &path));
    LEIT_TRY(leit_manifest_word(manifest, "split", split_kinds, "paper", &kind));
    LEIT_TRY(leit_manifest_i64(manifest, "seed", 0, INT64_MAX, 2021, &seed));
    draft->split = split_kinds[kind];
    LEIT_TRY(leit_draft_source(draft, stated, path));
    LEIT_TRY(leit_table_open(path, LEIT_TEXT_SOURCE_BYTES, &table));
    leit_status status = read_isear_rows(&table, kind == PAPER, draft, rows);
    leit_table_close(&table);
    return status == LEIT_OK ? split_stratified((uint64_t)seed, rows) : status;
}

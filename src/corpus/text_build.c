/* Text sources become token ids. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "corpus/corpus_builders.h"
#include "corpus/mapping.h"
#include "text/wordpiece.h"

static const struct format {
    const char *name;
    leit_text_reader *read;
    const char *const *labels; /* when the manifest states none */
} formats[] = {{"etude_text", leit_read_etude_text, NULL},
               {"alm", leit_read_alm, leit_taxonomy_alm},
               {"isear", leit_read_isear, leit_taxonomy_isear}};

static const char *const format_names[] = {"etude_text", "alm", "isear", NULL};

static const char *const keys[] = {"kind", "name",       "format",     "source", "labels", "split",
                                   "seed", "vocabulary", "max_tokens", "expect", NULL};

typedef struct text_build {
    leit_manifest *manifest;
    leit_draft draft;
    leit_text_rows rows;
    leit_text_corpus corpus;
    leit_buffer vocabulary;
    leit_wordpiece *tokenizer;
    int32_t *tokens, *label;
    size_t token_capacity;
    int64_t *offsets;
    uint8_t *split;
    const char **ids, **texts;
} text_build;

static int compare_words(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The labels of the manifest, of the format's taxonomy, or those that occur, in byte order. */
static leit_status choose_labels(text_build *build, const struct format *format)
{
    int64_t n = 0;
    const char *const *labels = NULL;
    LEIT_TRY(leit_manifest_strings(build->manifest, "labels", &n, &labels));
    if (n == 0 && format->labels != NULL) {
        labels = format->labels;
        while (labels[n] != NULL) n++;
    }
    if (n == 0) {
        const leit_text_rows *rows = &build->rows;
        const char **found =
            leit_arena_allocate(&build->draft.arena, (rows->count + 1) * sizeof *found);
        if (found == NULL) return LEIT_INTERNAL;
        for (size_t i = 0; i < rows->count; i++) found[i] = rows->rows[i].label;
        if (rows->count > 0) qsort(found, rows->count, sizeof *found, compare_words);
        for (size_t i = 0; i < rows->count; i++)
            if (n == 0 || strcmp(found[n - 1], found[i]) != 0) found[n++] = found[i];
        labels = found;
    }
    LEIT_FAIL_IF(n > INT32_MAX, LEIT_DATA, "%lld labels", (long long)n);
    build->corpus.n_labels = (int32_t)n;
    build->corpus.labels = labels;
    return LEIT_OK;
}

static leit_status find_class(const text_build *build, const leit_text_row *row, int32_t *class)
{
    const leit_text_corpus *corpus = &build->corpus;
    for (int32_t i = 0; i < corpus->n_labels; i++)
        if (strcmp(corpus->labels[i], row->label) == 0) {
            *class = i;
            return LEIT_OK;
        }
    leit_arena arena = {0};
    char *list = leit_arena_strdup(&arena, "");
    for (int32_t i = 0; i < corpus->n_labels && list != NULL; i++)
        list = leit_arena_printf(&arena, i == 0 ? "%s%s" : "%s, %s", list, corpus->labels[i]);
    leit_status status = leit_fail(
        LEIT_DATA, __func__,
        "%s: label '%.80s' of %.80s is outside the taxonomy: %s; add it to labels or correct "
        "the row",
        build->manifest->path, row->label, row->id, list ? list : "");
    leit_arena_clear(&arena);
    return status;
}

static leit_status open_vocabulary(text_build *build)
{
    const char *stated = NULL, *path = NULL;
    LEIT_TRY(leit_manifest_path(build->manifest, "vocabulary", true, &stated, &path));
    LEIT_TRY(leit_draft_source(&build->draft, stated, path));
    LEIT_TRY(leit_file_read(path, LEIT_WORDPIECE_MAX_VOCABULARY_BYTES, &build->vocabulary));
    LEIT_TRY(leit_wordpiece_create(leit_buffer_text(&build->vocabulary),
                                   build->vocabulary.size_bytes, path, &build->tokenizer));
    build->corpus.vocabulary = leit_buffer_text(&build->vocabulary);
    build->corpus.vocabulary_bytes = build->vocabulary.size_bytes;
    build->corpus.vocabulary_size = leit_wordpiece_size(build->tokenizer);
    return LEIT_OK;
}

/* Encodes with room for one more token than allowed, to see whether the text is longer. */
static leit_status encode(text_build *build, const leit_text_row *row, int64_t *n_tokens)
{
    const int max_tokens = build->corpus.max_tokens;
    size_t needed = (size_t)*n_tokens + (size_t)max_tokens + 1;
    if (build->token_capacity < needed) {
        int32_t *grown =
            leit_reallocate(build->tokens, (size_t)*n_tokens, 2 * needed, sizeof *build->tokens);
        if (grown == NULL) return LEIT_INTERNAL;
        build->tokens = grown;
        build->token_capacity = 2 * needed;
    }
    int32_t *ids = build->tokens + *n_tokens;
    int n = 0;
    LEIT_TRY(leit_wordpiece_encode(build->tokenizer, row->text, strlen(row->text), max_tokens + 1,
                                   ids, &n));
    if (n > max_tokens) {
        ids[max_tokens - 1] = ids[max_tokens]; /* [SEP] */
        n = max_tokens;
        LEIT_TRY(leit_draft_note(&build->draft, "altered", row->id, "cut at max_tokens"));
    }
    *n_tokens += n;
    return LEIT_OK;
}

static leit_status fill_corpus(text_build *build)
{
    const size_t n = build->rows.count;
    LEIT_FAIL_IF(n == 0, LEIT_DATA,
                 "%s: no texts: every row of its source is empty; name a source with texts",
                 build->manifest->path);
    LEIT_TRY(LEIT_ALLOC(build->label, n));
    LEIT_TRY(LEIT_ALLOC(build->split, n));
    LEIT_TRY(LEIT_ALLOC(build->offsets, n + 1));
    LEIT_TRY(LEIT_ALLOC(build->ids, n));
    LEIT_TRY(LEIT_ALLOC(build->texts, n));
    int64_t n_tokens = 0;
    for (size_t i = 0; i < n; i++) {
        const leit_text_row *row = &build->rows.rows[i];
        LEIT_TRY(find_class(build, row, &build->label[i]));
        LEIT_TRY(encode(build, row, &n_tokens));
        build->offsets[i + 1] = n_tokens;
        build->split[i] = row->split;
        build->ids[i] = row->id;
        build->texts[i] = row->text;
    }
    leit_text_corpus *corpus = &build->corpus;
    corpus->n_texts = (int64_t)n;
    corpus->tokens = build->tokens;
    corpus->offsets = build->offsets;
    corpus->label = build->label;
    corpus->split = build->split;
    corpus->ids = build->ids;
    corpus->texts = build->texts;
    return LEIT_OK;
}

static leit_status note_taken(leit_draft *draft, size_t n_rows)
{
    const char *count = leit_arena_printf(&draft->arena, "%zu texts", n_rows);
    return count == NULL ? LEIT_INTERNAL : leit_draft_note(draft, "took", count, "as they are");
}

static leit_status build_text(text_build *build, const char *output_path)
{
    leit_manifest *manifest = build->manifest;
    int index = 0;
    int64_t max_tokens = 0;
    LEIT_TRY(leit_manifest_check_keys(manifest, keys));
    LEIT_TRY(leit_manifest_word(manifest, "format", format_names, NULL, &index));
    LEIT_TRY(leit_manifest_i64(manifest, "max_tokens", 3, 65536, 512, &max_tokens));
    LEIT_TRY(leit_draft_start(manifest, &build->draft));
    build->corpus.max_tokens = (int32_t)max_tokens;
    LEIT_TRY(open_vocabulary(build));
    LEIT_TRY(formats[index].read(manifest, &build->draft, &build->rows));
    LEIT_TRY(choose_labels(build, &formats[index]));
    LEIT_TRY(fill_corpus(build));
    LEIT_TRY(note_taken(&build->draft, build->rows.count));
    build->corpus.about = leit_draft_about(&build->draft);
    return leit_text_corpus_write(&build->corpus, output_path);
}

leit_status leit_text_build(leit_manifest *manifest, const char *output_path)
{
    text_build build = {.manifest = manifest};
    leit_status status = build_text(&build, output_path);
    leit_wordpiece_free(build.tokenizer);
    leit_buffer_clear(&build.vocabulary);
    leit_free(build.tokens);
    leit_free(build.label);
    leit_free(build.split);
    leit_free(build.offsets);
    leit_free(build.ids);
    leit_free(build.texts);
    leit_free(build.rows.rows);
    leit_draft_clear(&build.draft);
    return status;
}

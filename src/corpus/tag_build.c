/* Tags: which words both taxonomies hold, where they lie in valence and arousal, and their word
 * vectors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"
#include "corpus/corpus_builders.h"
#include "corpus/word_vectors.h"

enum { ETUDE_TAGS, NRC_VAD, WORD_VECTORS };
static const char *const format_names[] = {"etude_tags", "nrc_vad", "word_vectors", NULL};

static const char *const keys[] = {"kind",    "name",         "format",  "source",
                                   "range",   "text_labels",  "vectors", "vectors_format",
                                   "lexicon", "music_labels", "expect",  NULL};

typedef struct tag_build {
    leit_manifest *manifest;
    leit_draft draft;
    const char **names;
    uint8_t *modality;
    float *valence, *arousal, *vectors;
    bool *placed; /* whether the lexicon has given valence and arousal */
    size_t n_tags, name_capacity, modality_capacity, valence_capacity, arousal_capacity;
    leit_tag_corpus corpus;
} tag_build;

static leit_status add_tag(tag_build *build, const char *name, enum leit_modality modality,
                           double valence, double arousal)
{
    const size_t i = build->n_tags;
    LEIT_TRY(LEIT_GROW(build->names, i, build->name_capacity));
    LEIT_TRY(LEIT_GROW(build->modality, i, build->modality_capacity));
    LEIT_TRY(LEIT_GROW(build->valence, i, build->valence_capacity));
    LEIT_TRY(LEIT_GROW(build->arousal, i, build->arousal_capacity));
    build->names[i] = leit_arena_strdup(&build->draft.arena, name);
    if (build->names[i] == NULL) return LEIT_INTERNAL;
    build->modality[i] = (uint8_t)modality;
    build->valence[i] = (float)valence;
    build->arousal[i] = (float)arousal;
    build->n_tags++;
    return LEIT_OK;
}

static leit_status parse_number(const leit_table *table, const char *text, double *value)
{
    char *end = NULL;
    *value = leit_parse_f64(text, &end);
    LEIT_FAIL_IF(*text == '\0' || *end != '\0' || !isfinite(*value), LEIT_DATA,
                 "%s:%d: '%.40s' is no number, expected one as 0.5", table->path, table->line,
                 text);
    return LEIT_OK;
}

/* tag TAB text|music TAB valence TAB arousal */
static leit_status read_etude_rows(tag_build *build, leit_table *table)
{
    for (char *line; (line = leit_table_line(table)) != NULL;) {
        char *fields[4];
        double valence = 0, arousal = 0;
        if (*line == '\0') continue;
        int n_fields = leit_table_split(line, '\t', fields, 4);
        LEIT_FAIL_IF(n_fields != 4, LEIT_DATA,
                     "%s:%d: %d columns, expected tag, modality, valence and arousal with tabs "
                     "between",
                     table->path, table->line, n_fields);
        bool is_text = strcmp(fields[1], "text") == 0;
        LEIT_FAIL_IF(!is_text && strcmp(fields[1], "music") != 0, LEIT_DATA,
                     "%s:%d: modality '%.40s', expected text or music", table->path, table->line,
                     fields[1]);
        LEIT_TRY(parse_number(table, fields[2], &valence));
        LEIT_TRY(parse_number(table, fields[3], &arousal));
        LEIT_TRY(add_tag(build, fields[0], is_text ? LEIT_MODALITY_TEXT : LEIT_MODALITY_MUSIC,
                         valence, arousal));
    }
    return LEIT_OK;
}

/* The tags of the manifest's two lists, not placed yet. */
static leit_status add_listed_tags(tag_build *build)
{
    static const struct {
        const char *key;
        enum leit_modality modality;
    } lists[] = {{"text_labels", LEIT_MODALITY_TEXT}, {"music_labels", LEIT_MODALITY_MUSIC}};
    for (int i = 0; i < 2; i++) {
        int64_t n = 0;
        const char *const *labels = NULL;
        LEIT_TRY(leit_manifest_strings(build->manifest, lists[i].key, &n, &labels));
        LEIT_FAIL_IF(n == 0, LEIT_USAGE, "%s: %s is missing: the tags to take",
                     build->manifest->path, lists[i].key);
        for (int64_t j = 0; j < n; j++)
            LEIT_TRY(add_tag(build, labels[j], lists[i].modality, 0, 0));
    }
    return LEIT_OK;
}

/* word TAB valence TAB arousal TAB dominance; a first line of column names is passed over. Only the
 * numbers that are taken are looked at: version 1 of the lexicon has a dominance of "0.445z". */
static leit_status read_lexicon_rows(tag_build *build, leit_table *table)
{
    for (char *line; (line = leit_table_line(table)) != NULL;) {
        char *fields[4];
        if (*line == '\0') continue;
        int n_fields = leit_table_split(line, '\t', fields, 4);
        LEIT_FAIL_IF(n_fields != 4, LEIT_DATA,
                     "%s:%d: %d columns, expected word, valence, arousal and dominance with tabs "
                     "between",
                     table->path, table->line, n_fields);
        if (table->line == 1 && strcmp(fields[0], "Word") == 0) continue;
        for (size_t i = 0; i < build->n_tags; i++) {
            double valence = 0, arousal = 0;
            if (strcmp(build->names[i], fields[0]) != 0) continue;
            LEIT_FAIL_IF(build->placed[i], LEIT_DATA, "%s:%d: '%s' twice", table->path, table->line,
                         fields[0]);
            LEIT_TRY(parse_number(table, fields[1], &valence));
            LEIT_TRY(parse_number(table, fields[2], &arousal));
            build->valence[i] = (float)valence;
            build->arousal[i] = (float)arousal;
            build->placed[i] = true;
        }
    }
    for (size_t i = 0; i < build->n_tags; i++)
        LEIT_FAIL_IF(
            !build->placed[i], LEIT_DATA,
            "%s has no entry for the tag '%s'; name a lexicon that has it or take the tag out",
            table->path, build->names[i]);
    return LEIT_OK;
}

static leit_status read_table(tag_build *build, const char *key,
                              leit_status (*read_rows)(tag_build *build, leit_table *table))
{
    const char *stated = NULL, *path = NULL;
    leit_table table = {0};
    LEIT_TRY(leit_manifest_path(build->manifest, key, true, &stated, &path));
    LEIT_TRY(leit_draft_source(&build->draft, stated, path));
    LEIT_TRY(leit_table_open(path, LEIT_TEXT_SOURCE_BYTES, &table));
    leit_status status = read_rows(build, &table);
    leit_table_close(&table);
    return status;
}

static leit_status read_lexicon(tag_build *build, const char *key)
{
    LEIT_TRY(LEIT_ALLOC(build->placed, build->n_tags));
    return read_table(build, key, read_lexicon_rows);
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static leit_status read_vectors(tag_build *build, const char *key)
{
    static const char *const formats[] = {"auto", "text", "binary", NULL};
    const char *stated = NULL, *path = NULL;
    int format = 0;
    LEIT_TRY(leit_manifest_word(build->manifest, "vectors_format", formats, "auto", &format));
    LEIT_TRY(leit_manifest_path(build->manifest, key, false, &stated, &path));
    if (path == NULL) return LEIT_OK;
    LEIT_TRY(leit_draft_source(&build->draft, stated, path));
    bool is_binary = format == 0 ? ends_with(path, ".bin") : format == 2;
    return leit_word_vectors_read(path, is_binary, (int64_t)build->n_tags, build->names,
                                  &build->corpus.vector_width, &build->vectors);
}

/* range: [low, high] */
static leit_status read_range(tag_build *build)
{
    leit_tag_corpus *corpus = &build->corpus;
    const leit_yaml_node *range = leit_manifest_find(build->manifest, "range");
    corpus->range_low = 0;
    corpus->range_high = 1;
    if (range == NULL) return LEIT_OK;
    if (range->kind != LEIT_YAML_LIST || range->count != 2)
        return leit_yaml_fail(range, "expected [low, high]");
    LEIT_TRY(leit_yaml_f64(range->first, -1e6, 1e6, &corpus->range_low));
    return leit_yaml_f64(range->first->next, -1e6, 1e6, &corpus->range_high);
}

static leit_status build_tags(tag_build *build, const char *output_path)
{
    leit_manifest *manifest = build->manifest;
    int format = 0;
    bool has_place = true;
    LEIT_TRY(leit_manifest_check_keys(manifest, keys));
    LEIT_TRY(leit_manifest_word(manifest, "format", format_names, NULL, &format));
    LEIT_TRY(leit_draft_start(manifest, &build->draft));
    LEIT_TRY(read_range(build));
    if (format == ETUDE_TAGS) {
        LEIT_TRY(read_table(build, "source", read_etude_rows));
        LEIT_TRY(read_vectors(build, "vectors"));
    } else if (format == NRC_VAD) {
        LEIT_TRY(add_listed_tags(build));
        LEIT_TRY(read_lexicon(build, "source"));
        LEIT_TRY(read_vectors(build, "vectors"));
    } else {
        LEIT_TRY(add_listed_tags(build));
        LEIT_TRY(read_vectors(build, "source"));
        has_place = leit_manifest_find(manifest, "lexicon") != NULL;
        if (has_place) LEIT_TRY(read_lexicon(build, "lexicon"));
        LEIT_FAIL_IF(build->vectors == NULL, LEIT_USAGE, "%s: source is missing", manifest->path);
    }
    const char *count = leit_arena_printf(&build->draft.arena, "%zu tags", build->n_tags);
    if (count == NULL) return LEIT_INTERNAL;
    LEIT_TRY(leit_draft_note(&build->draft, "took", count, "as they are"));
    leit_tag_corpus *corpus = &build->corpus;
    corpus->about = leit_draft_about(&build->draft);
    corpus->n_tags = (int64_t)build->n_tags;
    corpus->names = build->names;
    corpus->modality = build->modality;
    corpus->valence = has_place ? build->valence : NULL;
    corpus->arousal = has_place ? build->arousal : NULL;
    corpus->vectors = build->vectors;
    return leit_tag_corpus_write(corpus, output_path);
}

leit_status leit_tag_build(leit_manifest *manifest, const char *output_path)
{
    tag_build build = {.manifest = manifest};
    leit_status status = build_tags(&build, output_path);
    leit_free(build.names);
    leit_free(build.modality);
    leit_free(build.valence);
    leit_free(build.arousal);
    leit_free(build.vectors);
    leit_free(build.placed);
    leit_draft_clear(&build.draft);
    return status;
}

/* Audio files named by a table become one run of 16 kHz mono PCM. Clips are decoded side by side
 * and put down in the order of the table, first into a file aside (an HDF5 array must know its
 * length before its first sample), then into the corpus. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audio/decode.h"
#include "audio/loudness.h"
#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/threads.h"
#include "corpus/corpus_builders.h"

enum { SAMPLE_RATE_HZ = 16000, MAX_COLUMNS = 64, BATCH = 32, MAX_TAGS = 512 };

static const char *const format_names[] = {"clips_csv", "taffc_mood7", NULL};

static const char *const keys[] = {
    "kind",        "name",        "format",      "source",     "folder", "labels", "group",
    "multi_label", "min_seconds", "max_seconds", "skip_share", "expect", NULL};

typedef struct clip {
    const char *path, *full_path, *group;
    const char *labels; /* one label, or several with '|' between */
    uint8_t split;
    int line; /* of the table */
} clip;

typedef struct music_build {
    leit_manifest *manifest;
    leit_draft draft;
    const char *table_path, *folder, *group_column;
    double min_seconds, max_seconds, skip_share;
    bool multi_label;
    clip *clips;
    size_t n_clips, clip_capacity;
    leit_threads *threads;

    /* What was taken; room for all clips. */
    leit_music_corpus corpus;
    int64_t *offsets;
    int32_t *label;
    uint8_t *tags, *split;
    double *duration_s;
    const char **paths, **groups;

    char *spool_path;
    int spool;
    void *mapping;
} music_build;

/* ---- The table ------------------------------------------------------------------------------ */

typedef struct columns {
    int path, label, split, group, count;
} columns;

static int find_column(char **fields, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(fields[i], name) == 0) return i;
    return -1;
}

static leit_status read_header(const music_build *build, leit_table *table, columns *found)
{
    char *fields[MAX_COLUMNS];
    LEIT_TRY(leit_table_csv_row(table, fields, MAX_COLUMNS, &found->count));
    found->path = find_column(fields, found->count, "path");
    found->label = find_column(fields, found->count, "label");
    found->split = find_column(fields, found->count, "split");
    const char *group = build->group_column;
    found->group = find_column(fields, found->count, *group == '\0' ? "group" : group);
    LEIT_FAIL_IF(found->path < 0 || found->label < 0 || found->split < 0, LEIT_DATA,
                 "%s:1: expected a header with path, label and split, commas between", table->path);
    LEIT_FAIL_IF(found->group < 0 && *group != '\0', LEIT_DATA, "%s:1: no column '%s' (group)",
                 table->path, group);
    return LEIT_OK;
}

static leit_status add_clip(music_build *build, const leit_table *table, const columns *where,
                            char **fields)
{
    LEIT_TRY(LEIT_GROW(build->clips, build->n_clips, build->clip_capacity));
    uint8_t split = leit_split_parse(fields[where->split]);
    LEIT_FAIL_IF(split == 0, LEIT_DATA, "%s:%d: split '%.40s', expected train, valid or test",
                 table->path, table->line, fields[where->split]);
    LEIT_FAIL_IF(*fields[where->path] == '\0', LEIT_DATA, "%s:%d: no path", table->path,
                 table->line);
    leit_arena *arena = &build->draft.arena;
    clip one = {.path = leit_arena_strdup(arena, fields[where->path]),
                .full_path = leit_path_join(arena, build->folder, fields[where->path]),
                .labels = leit_arena_strdup(arena, fields[where->label]),
                .group = leit_arena_strdup(arena, where->group < 0 ? "" : fields[where->group]),
                .split = split,
                .line = table->line};
    if (one.path == NULL || one.full_path == NULL || one.labels == NULL || one.group == NULL)
        return LEIT_INTERNAL;
    build->clips[build->n_clips++] = one;
    return LEIT_OK;
}

static leit_status read_rows(music_build *build, leit_table *table)
{
    columns where;
    LEIT_TRY(read_header(build, table, &where));
    for (;;) {
        char *fields[MAX_COLUMNS];
        int n_fields = 0;
        LEIT_TRY(leit_table_csv_row(table, fields, MAX_COLUMNS, &n_fields));
        if (n_fields == 0) break;
        LEIT_FAIL_IF(n_fields != where.count, LEIT_DATA, "%s:%d: %d columns, the header has %d",
                     table->path, table->line, n_fields, where.count);
        LEIT_TRY(add_clip(build, table, &where, fields));
    }
    LEIT_FAIL_IF(build->n_clips == 0, LEIT_DATA,
                 "%s: no clips below its header; name a table with clips", table->path);
    return LEIT_OK;
}

static int compare_paths(const void *left, const void *right)
{
    const clip *a = *(const clip *const *)left, *b = *(const clip *const *)right;
    int order = strcmp(a->path, b->path);
    return order != 0 ? order : a->line - b->line;
}

static int compare_groups(const void *left, const void *right)
{
    const clip *a = *(const clip *const *)left, *b = *(const clip *const *)right;
    int order = strcmp(a->group, b->group);
    return order != 0 ? order : a->line - b->line;
}

/* A clip named twice is an error; a group in several splits leaks, and the ledger says so. */
static leit_status check_clips(music_build *build)
{
    const clip **sorted = NULL;
    const size_t n = build->n_clips;
    leit_status status = LEIT_ALLOC(sorted, n);
    for (size_t i = 0; status == LEIT_OK && i < n; i++) sorted[i] = &build->clips[i];
    if (status == LEIT_OK) qsort(sorted, n, sizeof *sorted, compare_paths);
    for (size_t i = 1; status == LEIT_OK && i < n; i++)
        if (strcmp(sorted[i]->path, sorted[i - 1]->path) == 0)
            status =
                leit_fail(LEIT_DATA, __func__, "%s:%d: '%s' is in line %d already",
                          build->table_path, sorted[i]->line, sorted[i]->path, sorted[i - 1]->line);
    if (status == LEIT_OK) qsort(sorted, n, sizeof *sorted, compare_groups);
    for (size_t i = 0, end = 0; status == LEIT_OK && i < n; i = end) {
        bool several = false;
        for (end = i + 1; end < n && strcmp(sorted[end]->group, sorted[i]->group) == 0; end++)
            several = several || sorted[end]->split != sorted[i]->split;
        if (several && sorted[i]->group[0] != '\0')
            status = leit_draft_note(&build->draft, "warned about", sorted[i]->group,
                                     "group in more than one split");
    }
    leit_free(sorted);
    return status;
}

/* ---- Labels --------------------------------------------------------------------------------- */

static leit_status find_label(const music_build *build, const clip *one, const char *label,
                              size_t length, int32_t *class)
{
    const leit_music_corpus *corpus = &build->corpus;
    for (int32_t i = 0; i < corpus->n_labels; i++)
        if (strlen(corpus->labels[i]) == length && strncmp(corpus->labels[i], label, length) == 0) {
            *class = i;
            return LEIT_OK;
        }
    LEIT_FAIL(
        LEIT_DATA,
        "%s:%d: label '%.*s' is outside the taxonomy of %s; add it to labels or correct the row",
        build->table_path, one->line, (int)(length > 80 ? 80 : length), label,
        build->manifest->path);
}

/* All labels are looked up before the first file is decoded. */
static leit_status check_labels(music_build *build)
{
    for (size_t i = 0; i < build->n_clips; i++) {
        int32_t class = 0;
        const char *label = build->clips[i].labels;
        while (true) {
            size_t length = build->multi_label ? strcspn(label, "|") : strlen(label);
            LEIT_TRY(find_label(build, &build->clips[i], label, length, &class));
            if (label[length] == '\0') break;
            label += length + 1;
        }
    }
    return LEIT_OK;
}

static leit_status store_labels(music_build *build, const clip *one, int64_t row)
{
    const char *label = one->labels;
    while (true) {
        int32_t class = 0;
        size_t length = build->multi_label ? strcspn(label, "|") : strlen(label);
        LEIT_TRY(find_label(build, one, label, length, &class));
        if (build->multi_label)
            build->tags[row * build->corpus.n_labels + class] = 1;
        else
            build->label[row] = class;
        if (label[length] == '\0') return LEIT_OK;
        label += length + 1;
    }
}

/* ---- Decoding ------------------------------------------------------------------------------- */

/* One clip in the hands of a worker. The reason why it cannot be used is kept here, for sentences
 * belong to the worker's thread. */
typedef struct decoded {
    int16_t *pcm;
    int64_t n_samples;
    bool cut;
    leit_status status;
    leit_buffer reason;
} decoded;

typedef struct batch {
    const music_build *build;
    size_t first;
    decoded clips[BATCH];
} batch;

/* The sentence of a failure, in which the file has the name that the table gives it: a corpus tells
 * nothing of the folders it was made in. */
static leit_status put_sentence(const clip *one, leit_buffer *reason)
{
    const char *rest = leit_error_message();
    LEIT_TRY(leit_buffer_puts(reason, "unreadable: "));
    for (const char *at; (at = strstr(rest, one->full_path)) != NULL;) {
        LEIT_TRY(leit_buffer_append(reason, rest, (size_t)(at - rest)));
        LEIT_TRY(leit_buffer_puts(reason, one->path));
        rest = at + strlen(one->full_path);
    }
    return leit_buffer_puts(reason, rest);
}

static void decode_clip(void *context, int64_t task, int worker)
{
    (void)worker;
    batch *work = context;
    const music_build *build = work->build;
    const clip *one = &build->clips[work->first + (size_t)task];
    decoded *result = &work->clips[task];
    leit_audio audio = {0};
    result->status = leit_audio_decode(one->full_path, SAMPLE_RATE_HZ, build->max_seconds, &audio);
    if (result->status != LEIT_OK) {
        if (put_sentence(one, &result->reason) != LEIT_OK) result->status = LEIT_INTERNAL;
    } else if ((double)audio.n_samples < build->min_seconds * SAMPLE_RATE_HZ) {
        result->status =
            leit_buffer_printf(&result->reason, "shorter than %g s", build->min_seconds);
    } else if (leit_is_silent(audio.samples, audio.n_samples)) {
        result->status = leit_buffer_puts(&result->reason, "silent");
    } else {
        result->status = LEIT_ALLOC(result->pcm, audio.n_samples);
        if (result->status == LEIT_OK) {
            leit_audio_to_int16(audio.samples, audio.n_samples, result->pcm);
            result->n_samples = audio.n_samples;
            result->cut = audio.cut;
        }
    }
    leit_audio_clear(&audio);
}

static leit_status spool_write(const music_build *build, const void *data, size_t size_bytes)
{
    const char *bytes = data;
    while (size_bytes > 0) {
        ssize_t put = write(build->spool, bytes, size_bytes);
        if (put < 0 && errno == EINTR) continue;
        LEIT_FAIL_IF(put <= 0, LEIT_DATA, "cannot write %s: %s", build->spool_path,
                     leit_error_reason(errno));
        bytes += put;
        size_bytes -= (size_t)put;
    }
    return LEIT_OK;
}

static leit_status take_clip(music_build *build, const clip *one, const decoded *result)
{
    leit_draft *draft = &build->draft;
    const char *reason = leit_buffer_text(&result->reason);
    LEIT_FAIL_IF(result->status == LEIT_INTERNAL, LEIT_INTERNAL, "%s: out of memory; %s", one->path,
                 reason);
    if (result->pcm == NULL) return leit_draft_note(draft, "skipped", one->path, reason);
    if (result->cut) LEIT_TRY(leit_draft_note(draft, "altered", one->path, "cut at max_seconds"));
    LEIT_TRY(leit_draft_source(draft, one->path, one->full_path));
    LEIT_TRY(spool_write(build, result->pcm, (size_t)result->n_samples * sizeof *result->pcm));
    const int64_t row = build->corpus.n_clips++;
    LEIT_TRY(store_labels(build, one, row));
    build->offsets[row + 1] = build->offsets[row] + result->n_samples;
    build->duration_s[row] = (double)result->n_samples / SAMPLE_RATE_HZ;
    build->split[row] = one->split;
    build->paths[row] = one->path;
    build->groups[row] = one->group;
    return LEIT_OK;
}

static leit_status decode_all(music_build *build, batch *work)
{
    for (size_t first = 0; first < build->n_clips; first += BATCH) {
        size_t left = build->n_clips - first, n = left < BATCH ? left : BATCH;
        memset(work, 0, sizeof *work);
        work->build = build;
        work->first = first;
        leit_threads_run(build->threads, (int64_t)n, decode_clip, work);
        leit_status status = LEIT_OK;
        for (size_t i = 0; i < n; i++) {
            if (status == LEIT_OK)
                status = take_clip(build, &build->clips[first + i], &work->clips[i]);
            leit_free(work->clips[i].pcm);
            leit_buffer_clear(&work->clips[i].reason);
        }
        LEIT_TRY(status);
        leit_log(LEIT_LOG_PROGRESS, "decoded %zu of %zu clips", first + n, build->n_clips);
    }
    return LEIT_OK;
}

static leit_status check_skipped(const music_build *build)
{
    size_t n_taken = (size_t)build->corpus.n_clips, n_skipped = build->n_clips - n_taken;
    if ((double)n_skipped <= build->skip_share * (double)build->n_clips && n_taken > 0)
        return LEIT_OK;
    const char *first = "";
    for (size_t i = build->draft.ledger.count; i > 0; i--)
        if (strncmp(build->draft.ledger.items[i - 1], "skipped ", 8) == 0)
            first = build->draft.ledger.items[i - 1];
    LEIT_FAIL(
        LEIT_DATA,
        "%s: %zu of %zu clips cannot be used, more than skip_share: %g allows; mend them, take "
        "them out of the table or raise it; the first: %s",
        build->table_path, n_skipped, build->n_clips, build->skip_share, first);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static leit_status read_manifest(music_build *build)
{
    leit_manifest *manifest = build->manifest;
    int format = 0, multi_label = 0;
    const char *stated = NULL, *fallback = NULL;
    int64_t n_labels = 0;
    static const char *const truth[] = {"false", "true", NULL};
    LEIT_TRY(leit_manifest_check_keys(manifest, keys));
    LEIT_TRY(leit_manifest_word(manifest, "format", format_names, NULL, &format));
    LEIT_TRY(leit_manifest_path(manifest, "source", true, &stated, &build->table_path));
    fallback = leit_path_directory(&manifest->arena, build->table_path);
    if (fallback == NULL) return LEIT_INTERNAL;
    LEIT_TRY(leit_draft_source(&build->draft, stated, build->table_path));
    LEIT_TRY(leit_manifest_path(manifest, "folder", false, &stated, &build->folder));
    if (build->folder == NULL) build->folder = fallback;
    LEIT_TRY(leit_manifest_strings(manifest, "labels", &n_labels, &build->corpus.labels));
    LEIT_FAIL_IF(n_labels < 1 || n_labels > MAX_TAGS, LEIT_USAGE,
                 "%s: %lld labels, expected 1 to %d", manifest->path, (long long)n_labels,
                 MAX_TAGS);
    build->corpus.n_labels = (int32_t)n_labels;
    LEIT_TRY(leit_manifest_f64(manifest, "min_seconds", 0.032, 3600, 1, &build->min_seconds));
    LEIT_TRY(leit_manifest_f64(manifest, "max_seconds", 1, LEIT_AUDIO_MAX_SECONDS, 600,
                               &build->max_seconds));
    LEIT_FAIL_IF(build->min_seconds > build->max_seconds, LEIT_USAGE,
                 "%s: min_seconds is %g, max_seconds %g: no clip could be used", manifest->path,
                 build->min_seconds, build->max_seconds);
    LEIT_TRY(leit_manifest_f64(manifest, "skip_share", 0, 1, 0.05, &build->skip_share));
    LEIT_TRY(leit_manifest_word(manifest, "multi_label", truth, "false", &multi_label));
    build->multi_label = multi_label == 1;
    /* format 1 is taffc_mood7, whose groups are artists */
    if (leit_manifest_find(manifest, "group") == NULL) {
        build->group_column = format == 1 ? "artist" : "";
        return LEIT_OK;
    }
    return leit_manifest_text(manifest, "group", NULL, &build->group_column);
}

static leit_status make_room(music_build *build, const char *output_path)
{
    const size_t n = build->n_clips;
    LEIT_TRY(LEIT_ALLOC(build->offsets, n + 1));
    LEIT_TRY(LEIT_ALLOC(build->label, n));
    LEIT_TRY(LEIT_ALLOC(build->split, n));
    LEIT_TRY(LEIT_ALLOC(build->duration_s, n));
    LEIT_TRY(LEIT_ALLOC(build->paths, n));
    LEIT_TRY(LEIT_ALLOC(build->groups, n));
    if (build->multi_label) LEIT_TRY(LEIT_ALLOC(build->tags, n * (size_t)build->corpus.n_labels));
    build->spool_path = leit_arena_printf(&build->draft.arena, "%s.pcm.writing", output_path);
    if (build->spool_path == NULL) return LEIT_INTERNAL;
    build->spool = leit_file_create_aside(build->spool_path);
    LEIT_FAIL_IF(build->spool < 0, LEIT_DATA, "cannot write %s: %s", build->spool_path,
                 leit_error_reason(errno));
    return leit_threads_create(0, &build->threads);
}

static leit_status write_corpus(music_build *build, const char *output_path)
{
    leit_music_corpus *corpus = &build->corpus;
    size_t pcm_bytes = (size_t)build->offsets[corpus->n_clips] * sizeof *corpus->pcm;
    build->mapping = mmap(NULL, pcm_bytes, PROT_READ, MAP_SHARED, build->spool, 0);
    LEIT_FAIL_IF(build->mapping == MAP_FAILED, LEIT_DATA, "cannot map %s: %s", build->spool_path,
                 leit_error_reason(errno));
    const char *count =
        leit_arena_printf(&build->draft.arena, "%lld clips", (long long)corpus->n_clips);
    if (count == NULL) return LEIT_INTERNAL;
    LEIT_TRY(leit_draft_note(&build->draft, "took", count, "decoded, mono, 16 kHz"));
    corpus->about = leit_draft_about(&build->draft);
    corpus->pcm = build->mapping;
    corpus->offsets = build->offsets;
    corpus->label = build->multi_label ? NULL : build->label;
    corpus->tags = build->tags;
    corpus->split = build->split;
    corpus->paths = build->paths;
    corpus->groups = build->groups;
    corpus->duration_s = build->duration_s;
    corpus->sample_rate_hz = SAMPLE_RATE_HZ;
    leit_status status = leit_music_corpus_write(corpus, output_path);
    munmap(build->mapping, pcm_bytes);
    return status;
}

static leit_status build_music(music_build *build, const char *output_path)
{
    leit_table table = {0};
    batch *work = NULL;
    LEIT_TRY(leit_draft_start(build->manifest, &build->draft));
    LEIT_TRY(read_manifest(build));
    LEIT_TRY(leit_table_open(build->table_path, LEIT_TEXT_SOURCE_BYTES, &table));
    leit_status status = read_rows(build, &table);
    leit_table_close(&table);
    if (status == LEIT_OK) status = check_clips(build);
    if (status == LEIT_OK) status = check_labels(build);
    if (status == LEIT_OK) status = make_room(build, output_path);
    if (status == LEIT_OK) status = LEIT_ALLOC(work, 1);
    if (status == LEIT_OK) status = decode_all(build, work);
    leit_free(work);
    if (status == LEIT_OK) status = check_skipped(build);
    return status == LEIT_OK ? write_corpus(build, output_path) : status;
}

leit_status leit_music_build(leit_manifest *manifest, const char *output_path)
{
    music_build build = {.manifest = manifest, .spool = -1};
    leit_status status = build_music(&build, output_path);
    if (build.spool >= 0) {
        close(build.spool);
        unlink(build.spool_path);
    }
    leit_threads_free(build.threads);
    leit_free(build.clips);
    leit_free(build.offsets);
    leit_free(build.label);
    leit_free(build.tags);
    leit_free(build.split);
    leit_free(build.duration_s);
    leit_free(build.paths);
    leit_free(build.groups);
    leit_draft_clear(&build.draft);
    return status;
}

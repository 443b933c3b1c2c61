#include "corpus/corpus_file.h"

#include <string.h>
#include <xxhash.h>

#include "core/file.h"
#include "core/memory.h"

const char leit_text_corpus_format[] = "leitmotif text corpus";
const char leit_music_corpus_format[] = "leitmotif music corpus";
const char leit_tag_corpus_format[] = "leitmotif tag corpus";

enum { MAX_LABELS = 4096 };

const char *leit_split_name(enum leit_split split)
{
    switch (split) {
    case LEIT_SPLIT_TRAIN: return "train";
    case LEIT_SPLIT_VALID: return "valid";
    case LEIT_SPLIT_TEST: return "test";
    }
    return "unknown";
}

int64_t leit_split_rows(const uint8_t *split, int64_t n, int splits, int64_t *rows)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if ((split[i] & splits) != 0) {
            if (rows != NULL) rows[count] = i;
            count++;
        }
    return count;
}

leit_status leit_corpus_memory_open(const char *path, const char *format,
                                    struct leit_corpus_memory **memory)
{
    LEIT_TRY(LEIT_ALLOC(*memory, 1));
    leit_status status =
        leit_container_open(path, format, LEIT_CORPUS_VERSION, &(*memory)->container);
    if (status != LEIT_OK) {
        leit_corpus_memory_close(*memory);
        *memory = NULL;
    }
    return status;
}

leit_status leit_corpus_cannot_read(const char *path, leit_status status)
{
    if (status != LEIT_DATA) return status;
    const bool is_there = leit_file_exists(path);
    return leit_fail(
        status, leit_error_function(), "%s; %s: leitmotif corpus build MANIFEST.yaml -o %s%s",
        leit_error_message(), is_there ? "name another corpus or build this one again" : "build it",
        path, is_there ? "" : ", or the built-in one: leitmotif corpus build etude -o FOLDER");
}

void leit_corpus_memory_close(struct leit_corpus_memory *memory)
{
    if (memory == NULL) return;
    for (int i = 0; i < memory->n_arrays; i++) leit_free(memory->arrays[i]);
    leit_container_close(memory->container);
    leit_arena_clear(&memory->arena);
    leit_free(memory);
}

leit_status leit_corpus_load(struct leit_corpus_memory *memory, const char *name, leit_dtype dtype,
                             int rank, int64_t *shape, void *pointer)
{
    int n_room = (int)(sizeof memory->arrays / sizeof *memory->arrays);
    LEIT_FAIL_IF(memory->n_arrays >= n_room, LEIT_INTERNAL, "more than %d arrays", n_room);
    void *array = NULL;
    LEIT_TRY(leit_container_load(memory->container, name, dtype, rank, shape, &array));
    memory->arrays[memory->n_arrays++] = array;
    memcpy(pointer, &array, sizeof array);
    return LEIT_OK;
}

leit_status leit_corpus_load_strings(struct leit_corpus_memory *memory, const char *name,
                                     int64_t *n, const char *const **strings)
{
    const char **found = NULL;
    int64_t n_found = 0;
    LEIT_TRY(
        leit_container_read_strings(memory->container, name, &memory->arena, &n_found, &found));
    LEIT_FAIL_IF(*n != -1 && *n != n_found, LEIT_DATA, "%s: %lld %s, expected %lld",
                 leit_container_path(memory->container), (long long)n_found, name, (long long)*n);
    *n = n_found;
    *strings = found;
    return LEIT_OK;
}

leit_status leit_corpus_fold_sums(const struct leit_corpus_memory *memory, const char *const *names,
                                  uint64_t *sum)
{
    leit_arena arena = {0};
    leit_status status = LEIT_OK;
    for (; status == LEIT_OK && *names != NULL; names++) {
        const char *stored = NULL;
        status = leit_container_text(memory->container, *names, "xxh3", &arena, &stored);
        if (status == LEIT_OK) *sum = XXH3_64bits_withSeed(stored, strlen(stored), *sum);
    }
    leit_arena_clear(&arena);
    return status;
}

leit_status leit_corpus_about_read(struct leit_corpus_memory *memory, leit_corpus_about *about)
{
    leit_container *file = memory->container;
    about->n_sources = about->n_ledger = about->n_expected = -1;
    LEIT_TRY(leit_container_text(file, "", "name", &memory->arena, &about->name));
    LEIT_TRY(leit_container_text(file, "", "split", &memory->arena, &about->split));
    LEIT_TRY(leit_corpus_load_strings(memory, "about/sources", &about->n_sources, &about->sources));
    LEIT_TRY(leit_corpus_load_strings(memory, "about/source_sums", &about->n_sources,
                                      &about->source_sums));
    LEIT_TRY(leit_corpus_load_strings(memory, "about/ledger", &about->n_ledger, &about->ledger));
    LEIT_TRY(leit_corpus_load_strings(memory, "about/expected_names", &about->n_expected,
                                      &about->expected_names));
    return leit_corpus_load(memory, "about/expected_counts", LEIT_I64, 1, &about->n_expected,
                            &about->expected_counts);
}

leit_status leit_corpus_about_write(const leit_corpus_about *about, leit_container_writer *writer)
{
    LEIT_TRY(leit_container_set_text(writer, "", "name", about->name ? about->name : ""));
    LEIT_TRY(leit_container_set_text(writer, "", "split", about->split ? about->split : "given"));
    LEIT_TRY(
        leit_container_write_strings(writer, "about/sources", about->n_sources, about->sources));
    LEIT_TRY(leit_container_write_strings(writer, "about/source_sums", about->n_sources,
                                          about->source_sums));
    LEIT_TRY(leit_container_write_strings(writer, "about/ledger", about->n_ledger, about->ledger));
    LEIT_TRY(leit_container_write_strings(writer, "about/expected_names", about->n_expected,
                                          about->expected_names));
    return leit_container_write(writer, "about/expected_counts", LEIT_I64, 1, &about->n_expected,
                                about->expected_counts);
}

leit_status leit_check_labels(const char *what, int64_t n_labels, const char *const *labels)
{
    LEIT_FAIL_IF(n_labels < 1 || n_labels > MAX_LABELS, LEIT_DATA,
                 "%s: %lld labels, expected 1 to %d", what, (long long)n_labels, MAX_LABELS);
    for (int64_t i = 0; i < n_labels; i++) {
        LEIT_FAIL_IF(labels[i][0] == '\0', LEIT_DATA, "%s: label %lld is empty", what,
                     (long long)i);
        for (int64_t j = 0; j < i; j++)
            LEIT_FAIL_IF(strcmp(labels[i], labels[j]) == 0, LEIT_DATA, "%s: label '%s' twice", what,
                         labels[i]);
    }
    return LEIT_OK;
}

leit_status leit_check_classes(const char *what, int64_t n, const int32_t *label, int32_t n_labels)
{
    for (int64_t i = 0; i < n; i++)
        LEIT_FAIL_IF(label[i] < 0 || label[i] >= n_labels, LEIT_DATA,
                     "%s: row %lld has class %d, expected 0 to %d", what, (long long)i, label[i],
                     n_labels - 1);
    return LEIT_OK;
}

leit_status leit_check_splits(const char *what, int64_t n, const uint8_t *split)
{
    const int all = LEIT_SPLIT_TRAIN | LEIT_SPLIT_VALID | LEIT_SPLIT_TEST;
    for (int64_t i = 0; i < n; i++)
        LEIT_FAIL_IF(split[i] == 0 || (split[i] & ~all) != 0, LEIT_DATA,
                     "%s: row %lld has split %d, expected 1 to %d", what, (long long)i, split[i],
                     all);
    return LEIT_OK;
}

leit_status leit_check_offsets(const char *what, int64_t n, const int64_t *offsets, int64_t total,
                               int64_t shortest, int64_t longest)
{
    LEIT_FAIL_IF(offsets[0] != 0 || offsets[n] != total, LEIT_DATA,
                 "%s: offsets run from %lld to %lld, expected 0 to %lld", what,
                 (long long)offsets[0], (long long)offsets[n], (long long)total);
    for (int64_t i = 0; i < n; i++) {
        bool ascends = offsets[i] >= 0 && offsets[i] <= offsets[i + 1] && offsets[i + 1] <= total;
        int64_t length = ascends ? offsets[i + 1] - offsets[i] : -1;
        LEIT_FAIL_IF(length < shortest || length > longest, LEIT_DATA,
                     "%s: row %lld has length %lld, expected %lld to %lld", what, (long long)i,
                     (long long)length, (long long)shortest, (long long)longest);
    }
    return LEIT_OK;
}

leit_status leit_corpus_kind(const char *path, const char **kind)
{
    static const struct {
        const char *format, *kind;
    } kinds[] = {{leit_text_corpus_format, "text"},
                 {leit_music_corpus_format, "music"},
                 {leit_tag_corpus_format, "tags"}};
    leit_container *file = NULL;
    leit_arena arena = {0};
    const char *format = NULL;
    *kind = NULL;
    leit_status status = leit_container_open(path, LEIT_CONTAINER_ANY, 0, &file);
    if (status == LEIT_OK) status = leit_container_text(file, "", "format", &arena, &format);
    for (size_t i = 0; status == LEIT_OK && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(format, kinds[i].format) == 0) *kind = kinds[i].kind;
    if (status == LEIT_OK && *kind == NULL)
        status = leit_fail(LEIT_DATA, __func__, "%s holds a %s, expected a corpus", path, format);
    leit_container_close(file);
    leit_arena_clear(&arena);
    return leit_corpus_cannot_read(path, status);
}

#include <string.h>

#include "core/memory.h"
#include "corpus/corpus_file.h"

/* What an opened and a written corpus must satisfy. */
static leit_status check(const char *what, const leit_text_corpus *corpus, int64_t n_tokens)
{
    LEIT_TRY(leit_check_labels(what, corpus->n_labels, corpus->labels));
    LEIT_FAIL_IF(corpus->n_texts < 1, LEIT_DATA, "%s: no texts", what);
    LEIT_FAIL_IF(corpus->max_tokens < 2 || corpus->vocabulary_size < 1, LEIT_DATA,
                 "%s: max_tokens %d, vocabulary of %d, expected at least 2 and 1", what,
                 corpus->max_tokens, corpus->vocabulary_size);
    LEIT_FAIL_IF(strlen(corpus->vocabulary) != corpus->vocabulary_bytes, LEIT_DATA,
                 "%s: the vocabulary has a NUL inside", what);
    LEIT_TRY(leit_check_offsets(what, corpus->n_texts, corpus->offsets, n_tokens, 2,
                                corpus->max_tokens));
    LEIT_TRY(leit_check_classes(what, corpus->n_texts, corpus->label, corpus->n_labels));
    LEIT_TRY(leit_check_splits(what, corpus->n_texts, corpus->split));
    for (int64_t i = 0; i < n_tokens; i++)
        LEIT_FAIL_IF(corpus->tokens[i] < 0 || corpus->tokens[i] >= corpus->vocabulary_size,
                     LEIT_DATA, "%s: token %lld is %d, expected 0 to %d", what, (long long)i,
                     corpus->tokens[i], corpus->vocabulary_size - 1);
    return LEIT_OK;
}

/* The vocabulary with a NUL behind it. */
static leit_status read_vocabulary(leit_text_corpus *corpus)
{
    int64_t n_bytes = -1;
    char *bytes = NULL;
    LEIT_TRY(leit_container_load(corpus->memory->container, "vocabulary", LEIT_U8, 1, &n_bytes,
                                 (void **)&bytes));
    corpus->vocabulary = leit_arena_strndup(&corpus->memory->arena, bytes, (size_t)n_bytes);
    corpus->vocabulary_bytes = (size_t)n_bytes;
    leit_free(bytes);
    return corpus->vocabulary == NULL ? LEIT_INTERNAL : LEIT_OK;
}

static leit_status read_i32(const leit_container *file, const char *name, int32_t *value)
{
    int64_t wide = 0;
    LEIT_TRY(leit_container_i64(file, "", name, &wide));
    LEIT_FAIL_IF(wide < 0 || wide > INT32_MAX, LEIT_DATA, "%s: %s is %lld, expected 0 to %d",
                 leit_container_path(file), name, (long long)wide, INT32_MAX);
    *value = (int32_t)wide;
    return LEIT_OK;
}

static leit_status read_text_corpus(leit_text_corpus *corpus)
{
    struct leit_corpus_memory *memory = corpus->memory;
    const leit_container *file = memory->container;
    int64_t n_labels = -1, n_tokens = -1, n_offsets = -1, n = -1;
    LEIT_TRY(leit_corpus_about_read(memory, &corpus->about));
    LEIT_TRY(leit_corpus_load_strings(memory, "labels", &n_labels, &corpus->labels));
    LEIT_TRY(leit_check_labels(leit_container_path(file), n_labels, corpus->labels));
    corpus->n_labels = (int32_t)n_labels;
    LEIT_TRY(leit_corpus_load(memory, "label", LEIT_I32, 1, &n, &corpus->label));
    corpus->n_texts = n;
    n_offsets = n + 1;
    LEIT_TRY(leit_corpus_load(memory, "split", LEIT_U8, 1, &n, &corpus->split));
    LEIT_TRY(leit_corpus_load(memory, "offsets", LEIT_I64, 1, &n_offsets, &corpus->offsets));
    LEIT_TRY(leit_corpus_load(memory, "tokens", LEIT_I32, 1, &n_tokens, &corpus->tokens));
    LEIT_TRY(leit_corpus_load_strings(memory, "ids", &n, &corpus->ids));
    LEIT_TRY(leit_corpus_load_strings(memory, "texts", &n, &corpus->texts));
    LEIT_TRY(read_vocabulary(corpus));
    LEIT_TRY(read_i32(file, "vocabulary_size", &corpus->vocabulary_size));
    LEIT_TRY(read_i32(file, "max_tokens", &corpus->max_tokens));
    return check(leit_container_path(file), corpus, n_tokens);
}

leit_status leit_text_corpus_open(const char *path, leit_text_corpus **corpus)
{
    *corpus = NULL;
    leit_text_corpus *opened = NULL;
    LEIT_TRY(LEIT_ALLOC(opened, 1));
    leit_status status = leit_corpus_memory_open(path, leit_text_corpus_format, &opened->memory);
    if (status == LEIT_OK) status = read_text_corpus(opened);
    if (status != LEIT_OK) {
        leit_text_corpus_close(opened);
        return leit_corpus_cannot_read(path, status);
    }
    *corpus = opened;
    return LEIT_OK;
}

void leit_text_corpus_close(leit_text_corpus *corpus)
{
    if (corpus == NULL) return;
    leit_corpus_memory_close(corpus->memory);
    leit_free(corpus);
}

static leit_status write_text_corpus(const leit_text_corpus *corpus, leit_container_writer *writer)
{
    const int64_t n = corpus->n_texts, n_tokens = corpus->offsets[n];
    LEIT_TRY(leit_corpus_about_write(&corpus->about, writer));
    LEIT_TRY(leit_container_set_i64(writer, "", "max_tokens", corpus->max_tokens));
    LEIT_TRY(leit_container_set_i64(writer, "", "vocabulary_size", corpus->vocabulary_size));
    LEIT_TRY(leit_container_write_strings(writer, "labels", corpus->n_labels, corpus->labels));
    LEIT_TRY(leit_container_write(writer, "label", LEIT_I32, 1, &n, corpus->label));
    LEIT_TRY(leit_container_write(writer, "split", LEIT_U8, 1, &n, corpus->split));
    LEIT_TRY(
        leit_container_write(writer, "offsets", LEIT_I64, 1, &(int64_t){n + 1}, corpus->offsets));
    LEIT_TRY(leit_container_write(writer, "tokens", LEIT_I32, 1, &n_tokens, corpus->tokens));
    LEIT_TRY(leit_container_write_strings(writer, "ids", n, corpus->ids));
    LEIT_TRY(leit_container_write_strings(writer, "texts", n, corpus->texts));
    return leit_container_write(writer, "vocabulary", LEIT_U8, 1,
                                &(int64_t){(int64_t)corpus->vocabulary_bytes}, corpus->vocabulary);
}

leit_status leit_text_corpus_write(const leit_text_corpus *corpus, const char *path)
{
    LEIT_FAIL_IF(corpus->n_texts < 1, LEIT_DATA, "%s: no texts", path);
    LEIT_TRY(check(path, corpus, corpus->offsets[corpus->n_texts]));
    leit_container_writer *writer = NULL;
    LEIT_TRY(leit_container_create(path, leit_text_corpus_format, LEIT_CORPUS_VERSION, &writer));
    leit_status status = write_text_corpus(corpus, writer);
    if (status == LEIT_OK) return leit_container_commit(writer);
    leit_container_abort(writer);
    return status;
}

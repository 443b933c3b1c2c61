/* What the three kinds of corpus share: memory, the part `about`, labels, checks. Room-internal. */
#ifndef LEIT_CORPUS_CORPUS_FILE_H
#define LEIT_CORPUS_CORPUS_FILE_H

#include "container/container.h"
#include "core/arena.h"
#include "corpus/corpus.h"

/* What an opened corpus owns. */
struct leit_corpus_memory {
    leit_arena arena;
    leit_container *container; /* kept open while something is mapped */
    void *arrays[16];          /* leit_free */
    int n_arrays;
};

extern const char leit_text_corpus_format[], leit_music_corpus_format[], leit_tag_corpus_format[];

leit_status leit_corpus_memory_open(const char *path, const char *format,
                                    struct leit_corpus_memory **memory);
void leit_corpus_memory_close(struct leit_corpus_memory *memory);

/* Adds the cure to the sentence of a corpus that cannot be read; returns `status`. */
leit_status leit_corpus_cannot_read(const char *path, leit_status status);

/* Loads an array into memory that dies with the corpus; shape as in leit_container_load. */
leit_status leit_corpus_load(struct leit_corpus_memory *memory, const char *name, leit_dtype dtype,
                             int rank, int64_t *shape, void *pointer);
/* A list of strings; -1 in n takes any number. */
leit_status leit_corpus_load_strings(struct leit_corpus_memory *memory, const char *name,
                                     int64_t *n, const char *const **strings);

leit_status leit_corpus_about_read(struct leit_corpus_memory *memory, leit_corpus_about *about);
leit_status leit_corpus_about_write(const leit_corpus_about *about, leit_container_writer *writer);

/* Folds the stored sums of arrays and lists of strings (NULL-terminated) into `sum`: what they hold,
 * without reading them again. */
leit_status leit_corpus_fold_sums(const struct leit_corpus_memory *memory, const char *const *names,
                                  uint64_t *sum);

/* Checks that read and write share; `what` names the file in sentences. */
leit_status leit_check_labels(const char *what, int64_t n_labels, const char *const *labels);
leit_status leit_check_classes(const char *what, int64_t n, const int32_t *label, int32_t n_labels);
leit_status leit_check_splits(const char *what, int64_t n, const uint8_t *split);
leit_status leit_check_offsets(const char *what, int64_t n, const int64_t *offsets, int64_t total,
                               int64_t shortest, int64_t longest);

#endif

/* Word vectors in the two formats of word2vec: text ("N E" and then one word and E numbers a line)
 * and binary (the same header, then word, space and E little-endian float32, optionally a line
 * end). Room-internal. */
#ifndef LEIT_CORPUS_WORD_VECTORS_H
#define LEIT_CORPUS_WORD_VECTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/check.h"

enum { LEIT_WORD_VECTORS_MAX_WIDTH = 4096 };

/* Reads the whole file and keeps the vectors of `words` (n): *vectors becomes (n, *width), in new
 * memory (leit_free). A file that says one thing and holds another (number of words, width,
 * truncated, more behind the end, not a number) is LEIT_DATA with its place; so is a word that is
 * not there. The first of a word's vectors counts. */
leit_status leit_word_vectors_read(const char *path, bool is_binary, int64_t n,
                                   const char *const *words, int32_t *width, float **vectors);

#endif

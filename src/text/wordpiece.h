/* WordPiece, as BertTokenizer (uncased) of Hugging Face transformers does it: the same ids for the
 * same text. A text that is not valid UTF-8 is read as Python's bytes.decode("utf-8", "replace")
 * reads it.
 *
 * Where the slow tokenizer (Python: BertTokenizer until transformers 4, BertTokenizerLegacy since)
 * and the fast one (Rust) differ, this one follows the slow one. They differ in the capital sigma
 * at the end of a word (slow: final sigma), in characters newer than the tables of the Rust
 * library, and in special tokens with invisible characters inside. Characters that Unicode has not
 * assigned are dropped; which ones those are is decided by the Unicode version of utf8proc, as it
 * is by the version of Python there.
 *
 * Thread rule: a handle holds a cache of words and belongs to one thread at a time; make one for
 * each thread.
 */
#ifndef LEIT_TEXT_WORDPIECE_H
#define LEIT_TEXT_WORDPIECE_H

#include <stddef.h>
#include <stdint.h>

#include "core/check.h"

typedef struct leit_wordpiece leit_wordpiece;

enum { LEIT_WORDPIECE_MAX_VOCABULARY_BYTES = 6 << 20 };

/* `vocabulary` is the text of a vocab.txt: one token per line, id = line number from 0. It is
 * copied. `name` stands for it in messages. LEIT_DATA when it is empty, larger than
 * LEIT_WORDPIECE_MAX_VOCABULARY_BYTES, not UTF-8, has an empty line or a token twice, or lacks
 * [PAD], [UNK], [CLS] or [SEP]. */
leit_status leit_wordpiece_create(const char *vocabulary, size_t size_bytes, const char *name,
                                  leit_wordpiece **tokenizer);
void leit_wordpiece_free(leit_wordpiece *tokenizer);

/* Writes [CLS], the pieces of the text and [SEP] to ids (max_tokens); a longer text loses its end,
 * never [SEP]. n_tokens <= size_bytes + 2 whatever the text. An empty text gives [CLS] [SEP].
 * LEIT_USAGE when max_tokens < 2. */
leit_status leit_wordpiece_encode(leit_wordpiece *tokenizer, const char *text, size_t size_bytes,
                                  int max_tokens, int32_t *ids, int *n_tokens);

/* Ids of the special tokens; mask is -1 when the vocabulary has no [MASK] (its name in a text is
 * then plain text). */
typedef struct leit_wordpiece_special {
    int32_t padding, unknown, classification, separator, mask;
} leit_wordpiece_special;
leit_wordpiece_special leit_wordpiece_special_ids(const leit_wordpiece *tokenizer);

/* Number of tokens V; ids lie in [0, V). */
int32_t leit_wordpiece_size(const leit_wordpiece *tokenizer);

/* The vocabulary as it was given; valid as long as the tokenizer. */
const char *leit_wordpiece_vocabulary(const leit_wordpiece *tokenizer, size_t *size_bytes);

#endif

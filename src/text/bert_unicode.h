/* What BertTokenizer (uncased) asks of Unicode, for one word at a time: which characters it drops,
 * which stand alone, and a word in lower case and decomposed. utf8proc knows the categories. */
#ifndef LEIT_TEXT_BERT_UNICODE_H
#define LEIT_TEXT_BERT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/check.h"

enum { LEIT_BERT_MAX_WORD = 100 }; /* code points; longer words are [UNK] */

typedef struct leit_code_points {
    int32_t *list; /* leit_free */
    size_t count, capacity;
} leit_code_points;

leit_status leit_code_points_append(leit_code_points *text, int32_t code_point);

/* Controls, what is not assigned, U+FFFD. */
bool leit_bert_drops(int32_t code_point);
/* The blocks that BERT calls Chinese characters: each is a word. */
bool leit_bert_is_cjk(int32_t code_point);
/* Category P, and every ASCII character that is no letter, digit, space or control. */
bool leit_bert_is_punctuation(int32_t code_point);
/* Category Mn. */
bool leit_bert_is_mark(int32_t code_point);

/* A word in lower case, with the final sigma of Greek, then NFD, into `lowered` (replaced). Marks
 * (Mn) are left out, but for those of combining class 0, which no other mark moves across: the
 * caller drops them. NFC before it, as BERT has it, would change nothing: lower case commutes with
 * composition. */
leit_status leit_bert_lower(const leit_code_points *word, leit_code_points *lowered);

#endif

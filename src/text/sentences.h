/* Sentences of English prose, as byte spans. */
#ifndef LEIT_TEXT_SENTENCES_H
#define LEIT_TEXT_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/check.h"

/* The bytes [start, end) of a text. */
typedef struct leit_span {
    size_t start, end;
} leit_span;

typedef struct leit_span_list {
    leit_span *spans;
    size_t count, capacity;
} leit_span_list;

/* A zero-initialised list is empty and ready; so is one after clear. */
void leit_span_list_clear(leit_span_list *list);

/* Appends the sentences of the text to `sentences`, in order, without the white space around them;
 * every byte that is not white space is in exactly one. A sentence ends
 *
 *   - at a blank line or the end of the text;
 *   - at . ! ? or an ellipsis, with the quotes and brackets that close after it, when white space
 *     follows and what comes next does not start in lower case ("Go away!" he said. is one);
 *   - at the full stops of Chinese and Japanese, whatever follows;
 *
 * but not at the dot of a title (Mr.), an initial (J. R.), an abbreviation (e.g.), a number (No. 5,
 * 3.14) or a list mark (1. or IV. at its start). Abbreviations that can end a sentence (etc., U.S.,
 * Jr.) do so when a word follows that often starts one (He, The, But).
 *
 * LEIT_DATA when the text is empty or only white space; bytes that are not UTF-8 count as letters.
 */
leit_status leit_sentences_split(const char *text, size_t size_bytes, leit_span_list *sentences);

/* The span without the white space around it. */
leit_span leit_span_trim(const char *text, leit_span span);

/* True when the text holds nothing but white space (or nothing). */
bool leit_text_is_blank(const char *text, size_t size_bytes);

#endif

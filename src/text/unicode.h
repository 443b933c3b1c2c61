/* UTF-8 that may be broken, one code point at a time. */
#ifndef LEIT_TEXT_UNICODE_H
#define LEIT_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEIT_REPLACEMENT_CHARACTER = 0xFFFD };

/* Reads the code point at `text` < `end` and returns how many bytes it takes, at least 1. A byte
 * that starts no valid sequence is one U+FFFD of one byte: its continuation bytes, invalid alone,
 * give further U+FFFD, so that a reader who drops U+FFFD sees what Python's "replace" leaves. */
size_t leit_utf8_decode(const char *text, const char *end, int32_t *code_point);

/* Writes 1 to 4 bytes and returns their number. `code_point` is a scalar value. */
size_t leit_utf8_encode(int32_t code_point, char bytes[4]);

/* True for what Python's str.isspace calls space. */
bool leit_unicode_is_space(int32_t code_point);
/* True for the categories Lu and Lt; for Ll. */
bool leit_unicode_is_upper(int32_t code_point);
bool leit_unicode_is_lower(int32_t code_point);

#endif

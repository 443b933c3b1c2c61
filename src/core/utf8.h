/* What is UTF-8 and what is not, in one place (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF). */
#ifndef LEIT_CORE_UTF8_H
#define LEIT_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code point at `text` < `end`: returns how many bytes it takes, 0 when they are not UTF-8. */
size_t leit_utf8_read(const char *text, const char *end, int32_t *code_point);

/* How many bytes from the start are UTF-8 and not NUL. */
size_t leit_utf8_span(const char *bytes, size_t size_bytes);

/* What every string and name of a file must be: UTF-8 without NUL. */
bool leit_is_utf8(const char *bytes, size_t size_bytes);

#endif

/* A growing byte string, always NUL-terminated: tables, JSON lines, HTML, file contents. */
#ifndef LEIT_CORE_BUFFER_H
#define LEIT_CORE_BUFFER_H

#include <stddef.h>

#include "core/check.h"

typedef struct leit_buffer {
    char *data; /* NULL while empty; read leit_buffer_text() instead where "" is wanted */
    size_t size_bytes, capacity_bytes;
} leit_buffer;

/* A zero-initialised leit_buffer is empty and ready. */
leit_status leit_buffer_append(leit_buffer *buffer, const void *bytes, size_t size_bytes);
leit_status leit_buffer_puts(leit_buffer *buffer, const char *text);
leit_status leit_buffer_printf(leit_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The contents as a string, "" when empty. */
const char *leit_buffer_text(const leit_buffer *buffer);

/* Frees the memory; the buffer is empty and ready again. */
void leit_buffer_clear(leit_buffer *buffer);

#endif

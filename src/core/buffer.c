#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"

static leit_status reserve(leit_buffer *buffer, size_t more_bytes)
{
    size_t needed = buffer->size_bytes + more_bytes + 1;
    if (needed <= buffer->capacity_bytes) return LEIT_OK;
    size_t capacity = buffer->capacity_bytes < 256 ? 256 : buffer->capacity_bytes;
    while (capacity < needed) capacity *= 2;
    char *grown = leit_reallocate(buffer->data, buffer->size_bytes, capacity, 1);
    if (grown == NULL) return LEIT_INTERNAL;
    buffer->data = grown;
    buffer->capacity_bytes = capacity;
    return LEIT_OK;
}

leit_status leit_buffer_append(leit_buffer *buffer, const void *bytes, size_t size_bytes)
{
    LEIT_TRY(reserve(buffer, size_bytes));
    if (size_bytes > 0) memcpy(buffer->data + buffer->size_bytes, bytes, size_bytes);
    buffer->size_bytes += size_bytes;
    buffer->data[buffer->size_bytes] = '\0';
    return LEIT_OK;
}

leit_status leit_buffer_puts(leit_buffer *buffer, const char *text)
{
    return leit_buffer_append(buffer, text, strlen(text));
}

leit_status leit_buffer_printf(leit_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = leit_vformat(NULL, 0, format, arguments);
    va_end(arguments);
    leit_status status = length < 0 ? leit_fail(LEIT_INTERNAL, __func__, "bad format '%s'", format)
                                    : reserve(buffer, (size_t)length);
    if (status == LEIT_OK) {
        leit_vformat(buffer->data + buffer->size_bytes, (size_t)length + 1, format, again);
        buffer->size_bytes += (size_t)length;
    }
    va_end(again);
    return status;
}

const char *leit_buffer_text(const leit_buffer *buffer)
{
    return buffer->data == NULL ? "" : buffer->data;
}

void leit_buffer_clear(leit_buffer *buffer)
{
    leit_free(buffer->data);
    *buffer = (leit_buffer){0};
}

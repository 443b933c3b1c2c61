#include "core/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"

enum { BLOCK_BYTES = 64 * 1024, OBJECT_ALIGNMENT = 16 };

struct leit_arena_block {
    struct leit_arena_block *next;
    size_t used_bytes, capacity_bytes;
    _Alignas(OBJECT_ALIGNMENT) unsigned char bytes[];
};

void *leit_arena_allocate(leit_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        leit_fail(LEIT_INTERNAL, __func__, "%zu bytes do not fit in memory", bytes);
        return NULL;
    }
    size_t needed = (bytes + OBJECT_ALIGNMENT - 1) / OBJECT_ALIGNMENT * OBJECT_ALIGNMENT;
    struct leit_arena_block *block = arena->block;
    if (block == NULL || block->capacity_bytes - block->used_bytes < needed) {
        size_t capacity = needed > BLOCK_BYTES ? needed : BLOCK_BYTES;
        block = leit_allocate(1, sizeof *block + capacity);
        if (block == NULL) return NULL;
        block->capacity_bytes = capacity;
        block->next = arena->block;
        arena->block = block;
    }
    void *object = block->bytes + block->used_bytes;
    block->used_bytes += needed;
    return object;
}

char *leit_arena_strndup(leit_arena *arena, const char *text, size_t length)
{
    char *copy = leit_arena_allocate(arena, length + 1);
    if (copy != NULL && length > 0) memcpy(copy, text, length);
    return copy;
}

char *leit_arena_strdup(leit_arena *arena, const char *text)
{
    return leit_arena_strndup(arena, text, strlen(text));
}

char *leit_arena_printf(leit_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = leit_vformat(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : leit_arena_allocate(arena, (size_t)length + 1);
    if (text != NULL) leit_vformat(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void leit_arena_clear(leit_arena *arena)
{
    for (struct leit_arena_block *block = arena->block, *next; block != NULL; block = next) {
        next = block->next;
        leit_free(block);
    }
    arena->block = NULL;
}

/* A bump allocator for many small objects that die together: strings of a recipe, rows of a
 * manifest. (The arenas of a training step are planned, not bumped: see plan/.)
 */
#ifndef LEIT_CORE_ARENA_H
#define LEIT_CORE_ARENA_H

#include <stddef.h>

#include "core/check.h"

typedef struct leit_arena {
    struct leit_arena_block *block; /* newest first; NULL while empty */
} leit_arena;

/* A zero-initialised leit_arena is empty and ready. Memory is zeroed and 16-byte aligned; NULL (and
 * a recorded sentence) when memory is short. */
void *leit_arena_allocate(leit_arena *arena, size_t bytes);
char *leit_arena_strndup(leit_arena *arena, const char *text, size_t length);
char *leit_arena_strdup(leit_arena *arena, const char *text);
char *leit_arena_printf(leit_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees everything; the arena is empty and ready again. */
void leit_arena_clear(leit_arena *arena);

#endif

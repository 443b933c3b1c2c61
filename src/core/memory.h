/* Heap memory that is always zeroed, aligned for vector loads, and checked.
 *
 *     float *rows = NULL;
 *     LEIT_TRY(LEIT_ALLOC(rows, n));     n elements of *rows, zeroed
 *     ...
 *     leit_free(rows);                   NULL is fine
 */
#ifndef LEIT_CORE_MEMORY_H
#define LEIT_CORE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "core/check.h"

enum { LEIT_ALIGNMENT_BYTES = 64 };

/* `count` elements of `element_bytes`, zeroed, 64-byte aligned; NULL (and a recorded sentence) when
 * the product overflows or memory is short. count 0 gives a valid pointer. */
void *leit_allocate(size_t count, size_t element_bytes);
void leit_free(void *memory);
/* The same for memory that may stay unused in part: a page is taken when it is first touched, not
 * now. */
void *leit_allocate_untouched(size_t count, size_t element_bytes);

/* `count` elements, the first `old_count` copied and the rest zeroed; `memory` is freed on success
 * and kept on failure. */
void *leit_reallocate(void *memory, size_t old_count, size_t count, size_t element_bytes);

/* A copy of a string, of its first `length` bytes in the second form. */
char *leit_strdup(const char *text);
char *leit_strndup(const char *text, size_t length);

/* Bytes of memory that this process holds now and that are no file's; 0 where the system does not
 * say. */
int64_t leit_memory_held_bytes(void);

#define LEIT_ALLOC(pointer, count)                                                                 \
    (((pointer) = leit_allocate((size_t)(count), sizeof *(pointer))) ? LEIT_OK : LEIT_INTERNAL)

/* Grows a dynamic array so that index `count` is valid: doubles `capacity` when it is reached. */
#define LEIT_GROW(pointer, count, capacity)                                                        \
    ((size_t)(count) < (size_t)(capacity)                                                          \
         ? LEIT_OK                                                                                 \
         : leit_grow_array((void **)&(pointer), (size_t)(count), &(capacity), sizeof *(pointer)))
leit_status leit_grow_array(void **array, size_t count, size_t *capacity, size_t element_bytes);

#endif

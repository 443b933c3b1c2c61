#include "core/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE_BYTES = 2 << 20 };

/* Memory of a whole number of alignments, with whatever is in it; *bytes says how much. Large
 * memory asks for huge pages, where the system gives them to those who ask: what streams through
 * the processor does so faster, and one fault stands for 512. */
static void *take(size_t count, size_t element_bytes, size_t *bytes)
{
    if (element_bytes != 0 && count > (SIZE_MAX - LEIT_ALIGNMENT_BYTES) / element_bytes) {
        leit_fail(LEIT_INTERNAL, __func__, "%zu elements of %zu bytes do not fit in memory", count,
                  element_bytes);
        return NULL;
    }
    *bytes = (count * element_bytes + LEIT_ALIGNMENT_BYTES - 1) / LEIT_ALIGNMENT_BYTES *
             LEIT_ALIGNMENT_BYTES;
    if (*bytes == 0) *bytes = LEIT_ALIGNMENT_BYTES;
    const bool is_large = *bytes >= HUGE_PAGE_BYTES;
    void *memory = NULL;
    if (posix_memalign(&memory, is_large ? HUGE_PAGE_BYTES : LEIT_ALIGNMENT_BYTES, *bytes) != 0) {
        leit_fail(LEIT_INTERNAL, __func__, "out of memory: %zu bytes were asked for",
                  count * element_bytes);
        return NULL;
    }
    if (is_large) (void)madvise(memory, *bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    return memory;
}

void *leit_allocate(size_t count, size_t element_bytes)
{
    size_t bytes = 0;
    void *memory = take(count, element_bytes, &bytes);
    if (memory != NULL) memset(memory, 0, bytes);
    return memory;
}

/* The kernel takes whole pages back and gives zeros for them when they are touched; the rest of the
 * first and the last page is cleared here. */
void *leit_allocate_untouched(size_t count, size_t element_bytes)
{
    size_t bytes = 0;
    unsigned char *memory = take(count, element_bytes, &bytes);
    if (memory == NULL) return NULL;
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    const size_t head = (page_bytes - (uintptr_t)memory % page_bytes) % page_bytes;
    const size_t pages = head < bytes ? (bytes - head) / page_bytes * page_bytes : 0;
    if (pages == 0 || madvise(memory + head, pages, MADV_DONTNEED) != 0) {
        memset(memory, 0, bytes);
    } else {
        memset(memory, 0, head);
        memset(memory + head + pages, 0, bytes - head - pages);
    }
    return memory;
}

void leit_free(void *memory)
{
    free(memory);
}

void *leit_reallocate(void *memory, size_t old_count, size_t count, size_t element_bytes)
{
    void *grown = leit_allocate(count, element_bytes);
    if (grown == NULL) return NULL;
    size_t kept = old_count < count ? old_count : count;
    if (memory != NULL && kept > 0) memcpy(grown, memory, kept * element_bytes);
    leit_free(memory);
    return grown;
}

int64_t leit_memory_held_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long long kib = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssAnon: %lld kB", &kib) == 1) break;
    if (file != NULL) fclose(file);
    return 1024 * (int64_t)kib;
}

char *leit_strdup(const char *text)
{
    return leit_strndup(text, strlen(text));
}

char *leit_strndup(const char *text, size_t length)
{
    char *copy = leit_allocate(length + 1, 1);
    if (copy != NULL) memcpy(copy, text, length);
    return copy;
}

leit_status leit_grow_array(void **array, size_t count, size_t *capacity, size_t element_bytes)
{
    size_t larger = count < 8 ? 16 : 2 * count;
    /* memcpy, not a cast: `array` points to a T *, whatever T is. */
    void *memory = NULL;
    memcpy(&memory, array, sizeof memory);
    void *grown = leit_reallocate(memory, count, larger, element_bytes);
    if (grown == NULL) return LEIT_INTERNAL;
    memcpy(array, &grown, sizeof grown);
    *capacity = larger;
    return LEIT_OK;
}

#include "support/fence.h"

#include <sys/mman.h>

#include "core/check.h"

enum { MAX_REGIONS = 256 };

static struct region {
    void *memory; /* NULL: free */
    size_t bytes;
} regions[MAX_REGIONS];

static void protect(int protection)
{
    for (int i = 0; i < MAX_REGIONS; i++)
        if (regions[i].memory != NULL) mprotect(regions[i].memory, regions[i].bytes, protection);
}

void leit_fence_open(void)
{
    protect(PROT_READ | PROT_WRITE);
}

void leit_fence_close(void)
{
    protect(PROT_NONE);
}

void *leit_fence_allocate(size_t bytes)
{
    for (int i = 0; i < MAX_REGIONS; i++) {
        if (regions[i].memory != NULL) continue;
        const size_t room = bytes + 1; /* a page even for nothing */
        void *memory = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) break;
        regions[i] = (struct region){memory, room};
        return memory;
    }
    leit_fail(LEIT_DEVICE, __func__, "no room for %zu bytes", bytes);
    return NULL;
}

void leit_fence_release(void *memory)
{
    for (int i = 0; memory != NULL && i < MAX_REGIONS; i++)
        if (regions[i].memory == memory) {
            munmap(memory, regions[i].bytes);
            regions[i].memory = NULL;
        }
}

int leit_fence_allocations(void)
{
    int count = 0;
    for (int i = 0; i < MAX_REGIONS; i++) count += regions[i].memory != NULL;
    return count;
}

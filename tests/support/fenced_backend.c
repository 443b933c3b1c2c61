#include "support/fenced_backend.h"

#include <string.h>
#include <sys/mman.h>

#include "kernels/ops.h"

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

static void open_fence(void)
{
    protect(PROT_READ | PROT_WRITE);
}

static void close_fence(void)
{
    protect(PROT_NONE);
}

static void *allocate(size_t bytes, bool at_once)
{
    (void)at_once;
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

static void release(void *memory)
{
    for (int i = 0; memory != NULL && i < MAX_REGIONS; i++)
        if (regions[i].memory == memory) {
            munmap(memory, regions[i].bytes);
            regions[i].memory = NULL;
        }
}

int leit_fenced_allocations(void)
{
    int count = 0;
    for (int i = 0; i < MAX_REGIONS; i++) count += regions[i].memory != NULL;
    return count;
}

static leit_status copy(void *to, const void *from, size_t bytes, void *stream)
{
    (void)stream;
    open_fence();
    memcpy(to, from, bytes);
    close_fence();
    return LEIT_OK;
}

static leit_status zero(void *memory, size_t bytes, void *stream)
{
    (void)stream;
    open_fence();
    memset(memory, 0, bytes);
    close_fence();
    return LEIT_OK;
}

#define LEIT_OP_FORWARD(op)                                                                        \
    static leit_status op##_forward(const leit_exec *exec, const void *args)                       \
    {                                                                                              \
        open_fence();                                                                              \
        const leit_status status = leit_backend_cpu()->ops[LEIT_OP_##op].forward(exec, args);      \
        close_fence();                                                                             \
        return status;                                                                             \
    }
#define LEIT_OP(op)                                                                                \
    LEIT_OP_FORWARD(op)                                                                            \
    static leit_status op##_backward(const leit_exec *exec, const void *args)                      \
    {                                                                                              \
        open_fence();                                                                              \
        const leit_status status = leit_backend_cpu()->ops[LEIT_OP_##op].backward(exec, args);     \
        close_fence();                                                                             \
        return status;                                                                             \
    }
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

const leit_backend *leit_backend_fenced(void)
{
    static leit_backend backend;
    backend = *leit_backend_cpu();
    backend.name = "fenced";
    backend.memory = (leit_device_memory){false, allocate, release, copy, copy, zero};
#define LEIT_OP_FORWARD(op) backend.ops[LEIT_OP_##op].forward = op##_forward;
#define LEIT_OP(op)                                                                                \
    LEIT_OP_FORWARD(op)                                                                            \
    backend.ops[LEIT_OP_##op].backward = op##_backward;
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
    return &backend;
}

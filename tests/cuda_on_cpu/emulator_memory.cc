#include <cstdlib>
#include <cstring>

#include "kernels/backend.h"

/* The emulated device's memory: the heap, apart from the program's only by who uses it. That the
 * program keeps to its own is shown on the fenced backend (tests/support/fenced_backend.h). */

enum { ALIGNMENT_BYTES = 256 }; /* as cudaMalloc */

static void *allocate(size_t bytes, bool at_once)
{
    (void)at_once;
    const size_t room = (bytes / ALIGNMENT_BYTES + 1) * ALIGNMENT_BYTES;
    void *memory = std::aligned_alloc(ALIGNMENT_BYTES, room);
    if (memory == nullptr)
        leit_fail(LEIT_DEVICE, __func__, "no room for %zu bytes", bytes);
    else
        std::memset(memory, 0, room);
    return memory;
}

static void release(void *memory)
{
    std::free(memory);
}

static leit_status copy(void *to, const void *from, size_t bytes, void *stream)
{
    (void)stream;
    std::memcpy(to, from, bytes);
    return LEIT_OK;
}

static leit_status zero(void *memory, size_t bytes, void *stream)
{
    (void)stream;
    std::memset(memory, 0, bytes);
    return LEIT_OK;
}

extern "C" const leit_device_memory leit_cuda_memory;
const leit_device_memory leit_cuda_memory = {false, allocate, release, copy, copy, zero};

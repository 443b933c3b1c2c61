#include <cstdlib>
#include <cstring>

#include "cuda_on_cpu.h"
#include "cuda_on_cpu/checker.h"
#include "cuda_on_cpu/emulator_parts.h"
#include "kernels/backend.h"
#include "support/fence.h"

/* The emulated device's memory: pages behind a fence that launches open (tests/support/fence.h), so that
 * the host's part of a kernel dies where it reads what only a device can. Under AddressSanitizer, which
 * is to see the ends of buffers, and in the check build, which watches each access, it is the heap. */

#if defined(__SANITIZE_ADDRESS__) || defined(LEIT_EMULATOR_CHECKS)
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
    if (memory != nullptr) checker::allocated(memory, bytes);
    return memory;
}

static void release(void *memory)
{
    checker::released(memory);
    std::free(memory);
}

namespace emulator {
void open_memory()
{
}
void close_memory()
{
}
} // namespace emulator

#else
static void *allocate(size_t bytes, bool at_once)
{
    (void)at_once;
    return leit_fence_allocate(bytes);
}

static void release(void *memory)
{
    leit_fence_release(memory);
}

namespace emulator {
void open_memory()
{
    leit_fence_open();
}
void close_memory()
{
    leit_fence_close();
}
} // namespace emulator
#endif

/* What passes between program and device is no part of a recorded step. */
static leit_status copy(void *to, const void *from, size_t bytes, void *stream)
{
    (void)stream;
    LEIT_FAIL_IF(emulator::is_recording(), LEIT_DEVICE,
                 "a copy of %zu bytes among recorded launches", bytes);
    emulator::open_memory();
    std::memcpy(to, from, bytes);
    emulator::close_memory();
    return LEIT_OK;
}

static leit_status zero(void *memory, size_t bytes, void *stream)
{
    (void)stream;
    if (emulator::is_recording()) {
        emulator::record_zero(memory, bytes);
        return LEIT_OK;
    }
    emulator::open_memory();
    std::memset(memory, 0, bytes);
    emulator::close_memory();
    return LEIT_OK;
}

/* What was there at the beginning: the launches before it have ended. */
struct leit_device_fetch {
    size_t bytes;
    unsigned char *copy;
};

static leit_status fetch_create(size_t bytes, leit_device_fetch **fetch)
{
    *fetch = new leit_device_fetch{bytes, new unsigned char[bytes]};
    return LEIT_OK;
}

static leit_status fetch_begin(leit_device_fetch *fetch, const void *from, void *stream)
{
    return copy(fetch->copy, from, fetch->bytes, stream);
}

static leit_status fetch_end(leit_device_fetch *fetch, void *to)
{
    std::memcpy(to, fetch->copy, fetch->bytes);
    std::memset(fetch->copy, 0xFF, fetch->bytes); /* NaN for who asks twice */
    return LEIT_OK;
}

static void fetch_free(leit_device_fetch *fetch)
{
    if (fetch != nullptr) delete[] fetch->copy;
    delete fetch;
}

static void *allocate_mapped(size_t bytes)
{
    return std::malloc(bytes > 0 ? bytes : 1);
}

extern "C" const leit_device_memory leit_cuda_memory;
const leit_device_memory leit_cuda_memory = {
    false, allocate, release,      nullptr,     allocate_mapped, std::free, copy,
    copy,  zero,     fetch_create, fetch_begin, fetch_end,       fetch_free};

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "cuda_on_cpu.h"
#include "cuda_on_cpu/emulator.h"
#include "kernels/backend.h"

/* Recorded launches: kept with the bytes of their arguments, and run from them again and again. An
 * argument that the program would change from step to step stays what it was, as in a CUDA graph. */

namespace {

struct kept {
    emulator::kernel_entry kernel; /* without a name: zeros, at `memory` */
    dim3 grid, block;
    size_t shared_bytes;
    void (*body)(void *closure);
    std::unique_ptr<void, decltype(&std::free)> closure;
    void *memory;
    size_t bytes;
};

} // namespace

extern "C" const leit_device_memory leit_cuda_memory;

struct leit_recording {
    std::vector<kept> list;
};

static leit_recording *open_recording;

namespace emulator {

bool is_recording()
{
    return open_recording != nullptr;
}

void record_launch(kernel_entry kernel, dim3 grid, dim3 block, size_t shared_bytes,
                   void (*body)(void *closure), const void *closure, size_t bytes)
{
    const size_t alignment = 64;
    void *copy = std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
    std::memcpy(copy, closure, bytes);
    open_recording->list.push_back(
        {kernel, grid, block, shared_bytes, body, {copy, std::free}, nullptr, bytes});
}

void record_zero(void *memory, size_t bytes)
{
    open_recording->list.push_back(
        {{nullptr, nullptr}, {}, {}, 0, nullptr, {nullptr, std::free}, memory, bytes});
}

} // namespace emulator

static leit_status begin(void *stream)
{
    (void)stream;
    LEIT_FAIL_IF(open_recording != nullptr, LEIT_DEVICE, "a recording inside of another");
    open_recording = new leit_recording;
    return LEIT_OK;
}

static leit_status end(void *stream, leit_recording **recording)
{
    (void)stream;
    *recording = open_recording;
    open_recording = nullptr;
    return LEIT_OK;
}

static leit_status launch(const leit_recording *recording, void *stream)
{
    for (const kept &one : recording->list) {
        if (one.kernel.name == nullptr)
            leit_cuda_memory.zero(one.memory, one.bytes, stream);
        else
            emulator::launch(one.kernel, one.grid, one.block, one.shared_bytes, one.body,
                             one.closure.get(), one.bytes);
    }
    return leit_launch_status("a recording");
}

static int64_t n_nodes(const leit_recording *recording)
{
    return static_cast<int64_t>(recording->list.size());
}

static void free_recording(leit_recording *recording)
{
    delete recording;
}

extern "C" const leit_recorder leit_cuda_recorder;
const leit_recorder leit_cuda_recorder = {begin, end, launch, n_nodes, free_recording};

const char *leit_emulator_recorded_name(const leit_recording *recording, int64_t i)
{
    const char *name = recording->list[static_cast<size_t>(i)].kernel.name;
    return name == nullptr ? "zeros" : name;
}

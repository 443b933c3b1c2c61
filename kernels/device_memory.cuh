/* The memory of a CUDA device, and recordings of what is launched there, for the table of the backend:
 * the runtime's under nvcc, the emulator's under g++. A stream of NULL is the calling thread's own
 * (nvcc --default-stream per-thread), where everything is in order and can be recorded. */
#ifndef LEIT_KERNELS_DEVICE_MEMORY_CUH
#define LEIT_KERNELS_DEVICE_MEMORY_CUH

#include <stdlib.h>
#include <string.h>

#include "kernels/backend.h"
#include "kernels/leit_cuda.h"

#ifdef __CUDACC__
#include <nvtx3/nvToolsExt.h>

static leit_status leit_cuda_done(cudaError_t error, const char *what, size_t bytes)
{
    LEIT_FAIL_IF(error != cudaSuccess, LEIT_DEVICE, "%s %zu bytes on the GPU: %s", what, bytes,
                 cudaGetErrorString(error));
    return LEIT_OK;
}

static leit_status leit_cuda_zero(void *memory, size_t bytes, void *stream)
{
    return leit_cuda_done(cudaMemsetAsync(memory, 0, bytes, (cudaStream_t)stream), "zeroing",
                          bytes);
}

static void leit_cuda_release(void *memory)
{
    cudaFree(memory);
}

static size_t leit_cuda_free_bytes(void)
{
    size_t free_bytes = 0, total_bytes = 0;
    return cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess ? free_bytes : 0;
}

/* Memory is taken at once whether or not it must be. */
static void *leit_cuda_allocate(size_t bytes, bool at_once)
{
    (void)at_once;
    void *memory = nullptr;
    const size_t room = bytes > 0 ? bytes : 1; /* 0 bytes would give NULL */
    const cudaError_t error = cudaMalloc(&memory, room);
    if (error != cudaSuccess) {
        size_t free_bytes = 0, total_bytes = 0;
        cudaGetLastError(); /* it would look like the next launch's */
        cudaMemGetInfo(&free_bytes, &total_bytes);
        leit_fail(LEIT_DEVICE, __func__,
                  "%.1f MiB of GPU memory are not to be had: %.1f of %.1f MiB are free (%s)",
                  (double)room / 1048576.0, (double)free_bytes / 1048576.0,
                  (double)total_bytes / 1048576.0, cudaGetErrorString(error));
        return nullptr;
    }
    if (leit_cuda_zero(memory, room, nullptr) == LEIT_OK) return memory;
    cudaFree(memory);
    return nullptr;
}

/* Addresses are one space: what the host has mapped, kernels find at the same place. */
static void *leit_cuda_allocate_mapped(size_t bytes)
{
    void *memory = nullptr;
    const cudaError_t error = cudaHostAlloc(&memory, bytes > 0 ? bytes : 1, cudaHostAllocMapped);
    if (error == cudaSuccess) return memory;
    cudaGetLastError();
    leit_cuda_done(error, "mapping", bytes);
    return nullptr;
}

static void leit_cuda_release_mapped(void *memory)
{
    cudaFreeHost(memory);
}

/* Pinned memory on the way to the device, in turns: a copy from pageable memory would wait for the
 * launches before it. */
struct leit_cuda_staging {
    void *memory;
    size_t bytes;
    cudaEvent_t is_free;
};
enum { LEIT_N_STAGINGS = 4, LEIT_STAGING_BYTES = 64 << 20 };

static cudaError_t leit_cuda_make_room(struct leit_cuda_staging *staging, size_t bytes)
{
    if (staging->is_free == nullptr) {
        const cudaError_t error =
            cudaEventCreateWithFlags(&staging->is_free, cudaEventDisableTiming);
        if (error != cudaSuccess) return error;
    }
    const cudaError_t error = cudaEventSynchronize(staging->is_free);
    if (error != cudaSuccess || staging->bytes >= bytes) return error;
    cudaFreeHost(staging->memory);
    staging->memory = nullptr;
    staging->bytes = 0;
    const cudaError_t failure = cudaMallocHost(&staging->memory, bytes);
    if (failure == cudaSuccess) staging->bytes = bytes;
    return failure;
}

static leit_status leit_cuda_write(void *to, const void *from, size_t bytes, void *stream)
{
    static thread_local struct leit_cuda_staging stagings[LEIT_N_STAGINGS];
    static thread_local int turn;
    struct leit_cuda_staging *staging = &stagings[turn];
    cudaError_t error = cudaSuccess;
    if (bytes <= LEIT_STAGING_BYTES) {
        turn = (turn + 1) % LEIT_N_STAGINGS;
        error = leit_cuda_make_room(staging, bytes);
        if (error != cudaSuccess) return leit_cuda_done(error, "pinning", bytes);
        from = memcpy(staging->memory, from, bytes);
    }
    error = cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, (cudaStream_t)stream);
    if (error == cudaSuccess && bytes <= LEIT_STAGING_BYTES)
        error = cudaEventRecord(staging->is_free, (cudaStream_t)stream);
    return leit_cuda_done(error, "writing", bytes);
}

static leit_status leit_cuda_read(void *to, const void *from, size_t bytes, void *stream)
{
    cudaError_t error =
        cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, (cudaStream_t)stream);
    if (error == cudaSuccess) error = cudaStreamSynchronize((cudaStream_t)stream);
    return leit_cuda_done(error, "reading", bytes);
}

struct leit_device_fetch {
    size_t bytes;
    void *pinned;
    cudaEvent_t has_arrived;
};

static void leit_cuda_fetch_free(leit_device_fetch *fetch)
{
    if (fetch == nullptr) return;
    cudaFreeHost(fetch->pinned);
    if (fetch->has_arrived != nullptr) cudaEventDestroy(fetch->has_arrived);
    free(fetch);
}

static leit_status leit_cuda_fetch_create(size_t bytes, leit_device_fetch **result)
{
    leit_device_fetch *fetch = static_cast<leit_device_fetch *>(calloc(1, sizeof *fetch));
    LEIT_FAIL_IF(fetch == nullptr, LEIT_INTERNAL, "out of memory");
    fetch->bytes = bytes;
    cudaError_t error = cudaMallocHost(&fetch->pinned, bytes > 0 ? bytes : 1);
    if (error == cudaSuccess)
        error = cudaEventCreateWithFlags(&fetch->has_arrived, cudaEventDisableTiming);
    *result = fetch;
    if (error == cudaSuccess) return LEIT_OK;
    leit_cuda_fetch_free(fetch);
    *result = nullptr;
    return leit_cuda_done(error, "pinning", bytes);
}

static leit_status leit_cuda_fetch_begin(leit_device_fetch *fetch, const void *from, void *stream)
{
    cudaError_t error = cudaMemcpyAsync(fetch->pinned, from, fetch->bytes, cudaMemcpyDeviceToHost,
                                        (cudaStream_t)stream);
    if (error == cudaSuccess) error = cudaEventRecord(fetch->has_arrived, (cudaStream_t)stream);
    return leit_cuda_done(error, "fetching", fetch->bytes);
}

static leit_status leit_cuda_fetch_end(leit_device_fetch *fetch, void *to)
{
    const cudaError_t error = cudaEventSynchronize(fetch->has_arrived);
    if (error == cudaSuccess) memcpy(to, fetch->pinned, fetch->bytes);
    return leit_cuda_done(error, "fetching", fetch->bytes);
}

static const leit_device_memory leit_cuda_memory = {false,
                                                    leit_cuda_allocate,
                                                    leit_cuda_release,
                                                    leit_cuda_free_bytes,
                                                    leit_cuda_allocate_mapped,
                                                    leit_cuda_release_mapped,
                                                    leit_cuda_write,
                                                    leit_cuda_read,
                                                    leit_cuda_zero,
                                                    leit_cuda_fetch_create,
                                                    leit_cuda_fetch_begin,
                                                    leit_cuda_fetch_end,
                                                    leit_cuda_fetch_free};

/* ---- ranges: NVTX, which does nothing where no profiler runs ---- */

static void leit_cuda_range_begin(const char *name)
{
    nvtxRangePushA(name);
}

static void leit_cuda_range_end(void)
{
    nvtxRangePop();
}

static const leit_ranges leit_cuda_nvtx = {leit_cuda_range_begin, leit_cuda_range_end};
static const leit_ranges *const leit_cuda_ranges = &leit_cuda_nvtx;

/* ---- recordings: CUDA graphs ---- */

struct leit_recording {
    cudaGraph_t graph;
    cudaGraphExec_t ready;
    size_t n_nodes;
};

static cudaStream_t leit_cuda_stream(void *stream)
{
    return stream == nullptr ? cudaStreamPerThread : (cudaStream_t)stream;
}

static leit_status leit_cuda_recorded(cudaError_t error, const char *what)
{
    LEIT_FAIL_IF(error != cudaSuccess, LEIT_DEVICE, "%s a CUDA graph: %s", what,
                 cudaGetErrorString(error));
    return LEIT_OK;
}

static void leit_cuda_recording_free(leit_recording *recording)
{
    if (recording == nullptr) return;
    if (recording->ready != nullptr) cudaGraphExecDestroy(recording->ready);
    if (recording->graph != nullptr) cudaGraphDestroy(recording->graph);
    free(recording);
}

static leit_status leit_cuda_record_begin(void *stream)
{
    return leit_cuda_recorded(
        cudaStreamBeginCapture(leit_cuda_stream(stream), cudaStreamCaptureModeThreadLocal),
        "beginning");
}

static leit_status leit_cuda_record_end(void *stream, leit_recording **result)
{
    leit_recording *recording = static_cast<leit_recording *>(calloc(1, sizeof *recording));
    *result = nullptr;
    LEIT_FAIL_IF(recording == nullptr, LEIT_INTERNAL, "out of memory");
    cudaError_t error = cudaStreamEndCapture(leit_cuda_stream(stream), &recording->graph);
    if (error == cudaSuccess)
        error = cudaGraphGetNodes(recording->graph, nullptr, &recording->n_nodes);
    if (error == cudaSuccess) error = cudaGraphInstantiate(&recording->ready, recording->graph, 0);
    if (error == cudaSuccess)
        *result = recording;
    else
        leit_cuda_recording_free(recording);
    return leit_cuda_recorded(error, "making");
}

static leit_status leit_cuda_record_launch(const leit_recording *recording, void *stream)
{
    return leit_cuda_recorded(cudaGraphLaunch(recording->ready, leit_cuda_stream(stream)),
                              "launching");
}

static int64_t leit_cuda_record_nodes(const leit_recording *recording)
{
    return (int64_t)recording->n_nodes;
}

static const leit_recorder leit_cuda_recorder = {leit_cuda_record_begin, leit_cuda_record_end,
                                                 leit_cuda_record_launch, leit_cuda_record_nodes,
                                                 leit_cuda_recording_free};

#else
LEIT_C const leit_device_memory leit_cuda_memory; /* tests/cuda_on_cpu/emulator_memory.cc */
LEIT_C const leit_recorder leit_cuda_recorder;    /* tests/cuda_on_cpu/recorder.cc */
static const leit_ranges *const leit_cuda_ranges = nullptr;
#endif

#endif

/* The memory of a CUDA device, for the table of the backend: the runtime's under nvcc, the
 * emulator's under g++. A stream of NULL is the default one, where everything is in order. */
#ifndef LEIT_KERNELS_DEVICE_MEMORY_CUH
#define LEIT_KERNELS_DEVICE_MEMORY_CUH

#include "kernels/backend.h"
#include "kernels/leit_cuda.h"

#ifdef __CUDACC__

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
                  "%.1f MiB of GPU memory are not to be had: %.1f of %.1f MiB are free; take a "
                  "smaller train.batch, or a GPU with more (%s)",
                  (double)room / 1048576.0, (double)free_bytes / 1048576.0,
                  (double)total_bytes / 1048576.0, cudaGetErrorString(error));
        return nullptr;
    }
    if (leit_cuda_zero(memory, room, nullptr) == LEIT_OK) return memory;
    cudaFree(memory);
    return nullptr;
}

/* Copies from pageable memory have left it when the call returns. */
static leit_status leit_cuda_write(void *to, const void *from, size_t bytes, void *stream)
{
    return leit_cuda_done(
        cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, (cudaStream_t)stream), "writing",
        bytes);
}

static leit_status leit_cuda_read(void *to, const void *from, size_t bytes, void *stream)
{
    cudaError_t error =
        cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, (cudaStream_t)stream);
    if (error == cudaSuccess) error = cudaStreamSynchronize((cudaStream_t)stream);
    return leit_cuda_done(error, "reading", bytes);
}

static const leit_device_memory leit_cuda_memory = {
    false, leit_cuda_allocate, leit_cuda_release, leit_cuda_write, leit_cuda_read, leit_cuda_zero};

#else
LEIT_C const leit_device_memory leit_cuda_memory; /* tests/cuda_on_cpu/emulator_memory.cc */
#endif

#endif

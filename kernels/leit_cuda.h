/* What a .cu file includes, and nothing else of CUDA. The same source is compiled twice: by nvcc
 * for the plugin, and by g++ against tests/cuda_on_cpu, where it runs on the CPU, one fiber per
 * CUDA thread. Both worlds agree on source that keeps these rules:
 *
 *   - Kernels are launched by LEIT_LAUNCH, never by <<<>>>, and call no cuda... function. After
 *     the last launch of an op comes `return leit_launch_status("op")`.
 *   - Shared memory is LEIT_SHARED(float, tile, [16][17]) or one LEIT_DYNAMIC_SHARED per kernel;
 *     it holds rubbish until written.
 *   - Warp functions take explicit masks; what another lane wrote is read after __syncwarp or
 *     __syncthreads, for a shuffle is no fence. Blocks are whole warps, at most 1024 threads.
 *   - Every thread of a block reaches the same __syncthreads: no return before the last barrier or
 *     warp function, predicates instead. No block waits for another one: a second launch does.
 *   - Sums have a fixed order: no floating-point atomics.
 *   - Sizes come from arguments, counts from device memory through leit_device_rows.
 *   - Mathematical functions are those below. They are libm on the CPU, so results agree within a
 *     tolerance and not bit for bit.
 */
#ifndef LEIT_KERNELS_LEIT_CUDA_H
#define LEIT_KERNELS_LEIT_CUDA_H

#include <math.h>
#include <stdint.h>

#include "core/check.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>

#define LEIT_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                \
    kernel<<<(grid), (block), (shared_bytes), (cudaStream_t)(stream)>>>(__VA_ARGS__)

#define LEIT_SHARED(type, name, dimensions) __shared__ __align__(16) type name dimensions

#define LEIT_DYNAMIC_SHARED(type, name)                                                            \
    extern __shared__ __align__(16) unsigned char leit_dynamic_shared[];                           \
    type *name = reinterpret_cast<type *>(leit_dynamic_shared)

/* LEIT_DEVICE when one of the launches before was refused. Errors inside a kernel come later, at
 * the synchronisation of the stream. */
static inline leit_status leit_launch_status(const char *op)
{
    const cudaError_t error = cudaGetLastError();
    LEIT_FAIL_IF(error != cudaSuccess, LEIT_DEVICE, "%s: a CUDA launch was refused: %s", op,
                 cudaGetErrorString(error));
    return LEIT_OK;
}

#else
#include <cuda_on_cpu.h> /* the same names, for the CPU */
#endif

enum { LEIT_WARP = 32 };
#define LEIT_ALL_LANES 0xFFFFFFFFu

static __device__ __forceinline__ float leit_sqrt(float x)
{
    return sqrtf(x);
}

/* The number of rows that hold data; n_rows is device memory or NULL. A count beyond its limits is
 * cut to them: a kernel cannot refuse. */
static __device__ __forceinline__ int64_t leit_device_rows(const int32_t *n_rows, int64_t capacity)
{
    if (n_rows == nullptr || *n_rows > capacity) return capacity;
    return *n_rows < 0 ? 0 : *n_rows;
}

/* The sum of `value` over the 32 lanes of a warp, the same bits in every lane. */
static __device__ __forceinline__ float leit_warp_sum(float value)
{
    for (int distance = LEIT_WARP / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(LEIT_ALL_LANES, value, distance);
    return value;
}

/* Pieces of `piece` that cover n. */
static inline int64_t leit_pieces(int64_t n, int64_t piece)
{
    return (n + piece - 1) / piece;
}

#endif

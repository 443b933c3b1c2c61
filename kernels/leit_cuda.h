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
 *     warp function, predicates instead. No block waits for another one: a second launch does, or
 *     the block that ends last (leit_is_last_block).
 *   - Sums have a fixed order: no floating-point atomics. Atomics of integers are there.
 *   - Sizes come from arguments, counts from device memory through leit_device_rows. The host
 *     checks what it can see, with leit_<op>_check of the op's header, and never reads device memory;
 *     a label, id or offset that leads outside its array makes leit_nan() of what a forward makes of
 *     it. That reaches the loss, and with it the gradients; a backward adds nothing for such an index.
 *   - Mathematical functions are those below. They are libm on the CPU, so results agree within a
 *     tolerance and not bit for bit.
 */
#ifndef LEIT_KERNELS_LEIT_CUDA_H
#define LEIT_KERNELS_LEIT_CUDA_H

#include <math.h>
#include <stdint.h>

#include "core/check.h"
#include "core/rng.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>

#define LEIT_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                \
    kernel<<<(grid), (block), (shared_bytes), (cudaStream_t)(stream)>>>(__VA_ARGS__)

/* Before a loop whose array has to stay in registers. */
#define LEIT_UNROLL _Pragma("unroll")

#define LEIT_SHARED(type, name, dimensions) __shared__ __align__(16) type name dimensions

#define LEIT_DYNAMIC_SHARED(type, name)                                                            \
    extern __shared__ __align__(16) unsigned char leit_dynamic_shared[];                           \
    type *name = reinterpret_cast<type *>(leit_dynamic_shared)

/* The bytes of shared memory that a block of this device can ask for: 99 KiB at compute capability 8.6,
 * 8.9 and 12, 163 at 8.0, 227 at 9.0. */
static inline size_t leit_most_shared_bytes()
{
    int device = 0, bytes = 0;
    if (cudaGetDevice(&device) == cudaSuccess)
        (void)cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    return (size_t)bytes;
}

/* Before a launch that asks for more than 48 KiB of shared memory: the kernel may have all that there is. Not
 * what this launch needs: the next launch may need more, and another thread may be about to launch. A
 * refusal is the launch's own: it comes out of leit_launch_status. */
#define LEIT_ALLOW_SHARED(kernel) leit_allow_shared(reinterpret_cast<const void *>(kernel))

static inline void leit_allow_shared(const void *kernel)
{
    cudaFuncAttributes own = {};
    if (cudaFuncGetAttributes(&own, kernel) == cudaSuccess)
        (void)cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   (int)(leit_most_shared_bytes() - own.sharedSizeBytes));
}

/* Whether this block is the last of n that take the ticket, which is zero again then. */
static __device__ __forceinline__ bool leit_take_ticket(unsigned *ticket, unsigned n)
{
    return atomicInc(ticket, n - 1) == n - 1;
}

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

#define LEIT_DEVICE_FUNCTION static __device__ __forceinline__

LEIT_DEVICE_FUNCTION float leit_sqrt(float x)
{
    return sqrtf(x);
}

/* a b + c, rounded once. */
LEIT_DEVICE_FUNCTION float leit_multiply_add(float a, float b, float c)
{
    return fmaf(a, b, c);
}

LEIT_DEVICE_FUNCTION double leit_sqrt_double(double x)
{
    return sqrt(x);
}

LEIT_DEVICE_FUNCTION double leit_exp_double(double x)
{
    return exp(x);
}

LEIT_DEVICE_FUNCTION double leit_log_double(double x)
{
    return log(x);
}

LEIT_DEVICE_FUNCTION float leit_exp(float x)
{
    return expf(x);
}

LEIT_DEVICE_FUNCTION float leit_log(float x)
{
    return logf(x);
}

LEIT_DEVICE_FUNCTION float leit_log10(float x)
{
    return log10f(x);
}

/* cos(2 pi u) and sin(2 pi u), u in [0, 1): without the table, in local memory, that cosf of a large
 * number needs. */
LEIT_DEVICE_FUNCTION float leit_cos_of_turn(float u)
{
#ifdef __CUDACC__
    return cospif(2.0f * u);
#else
    return cosf(6.28318531f * u);
#endif
}

LEIT_DEVICE_FUNCTION float leit_sin_of_turn(float u)
{
#ifdef __CUDACC__
    return sinpif(2.0f * u);
#else
    return sinf(6.28318531f * u);
#endif
}

LEIT_DEVICE_FUNCTION float leit_log1p(float x)
{
    return log1pf(x);
}

LEIT_DEVICE_FUNCTION float leit_pow(float x, float y)
{
    return powf(x, y);
}

LEIT_DEVICE_FUNCTION float leit_erf(float x)
{
    return erff(x);
}

/* What a kernel makes of an index that leads nowhere: training names the tensor it shows up in. */
LEIT_DEVICE_FUNCTION float leit_nan()
{
    return NAN;
}

/* The number of rows that hold data; n_rows is device memory or NULL. A count beyond its limits is
 * cut to them: a kernel cannot refuse. */
LEIT_DEVICE_FUNCTION int64_t leit_device_rows(const int32_t *n_rows, int64_t capacity)
{
    if (n_rows == nullptr || *n_rows > capacity) return capacity;
    return *n_rows < 0 ? 0 : *n_rows;
}

/* The sum of `value` over the 32 lanes of a warp, the same bits in every lane. */
template <class T>
LEIT_DEVICE_FUNCTION T leit_warp_sum(T value)
{
    for (int distance = LEIT_WARP / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(LEIT_ALL_LANES, value, distance);
    return value;
}

/* The largest value of a warp, in every lane; a NaN in a lane is passed over. */
template <class T>
LEIT_DEVICE_FUNCTION T leit_warp_max(T value)
{
    for (int distance = LEIT_WARP / 2; distance > 0; distance /= 2) {
        const T other = __shfl_xor_sync(LEIT_ALL_LANES, value, distance);
        if (other > value || value != value) value = other;
    }
    return value;
}

/* The sum over all threads of a block of up to 1024, the same bits in each of them. `partial` is
 * LEIT_WARP floats of shared memory; all threads of the block call it. */
LEIT_DEVICE_FUNCTION float leit_block_sum(float value, float *partial)
{
    const int n_warps = (int)blockDim.x / LEIT_WARP;
    value = leit_warp_sum(value);
    __syncthreads(); /* the previous sum has been read */
    if (threadIdx.x % LEIT_WARP == 0) partial[threadIdx.x / LEIT_WARP] = value;
    __syncthreads();
    value = 0.0f;
    for (int warp = 0; warp < n_warps; warp++) value += partial[warp];
    return value;
}

/* Says in one of the n blocks that share a ticket, the one that calls last, that all of them have:
 * what the others have written before is read there, in a fixed order, and completed. They have ended
 * for their part and write no more. All threads of a block call it, of blocks in one dimension. */
LEIT_DEVICE_FUNCTION bool leit_is_last_block(unsigned *ticket, unsigned n)
{
    LEIT_SHARED(int, is_last, [1]);
    __threadfence(); /* what this thread has written comes before the ticket */
    __syncthreads();
    if (threadIdx.x == 0) is_last[0] = leit_take_ticket(ticket, n);
    __syncthreads();
    __threadfence(); /* and what the others have written is not read before it */
    return is_last[0] != 0;
}

/* One thread per element: the element of this thread, and the blocks that n of them take. */
enum { LEIT_ELEMENT_THREADS = 256 };

LEIT_DEVICE_FUNCTION int64_t leit_element()
{
    return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

/* Pieces of `piece` that cover n. */
static inline LEIT_HOST_DEVICE int64_t leit_pieces(int64_t n, int64_t piece)
{
    return (n + piece - 1) / piece;
}

/* `bytes` in steps of `alignment`. */
static inline size_t leit_up_to_whole(size_t bytes, size_t alignment)
{
    return (bytes + alignment - 1) / alignment * alignment;
}

static inline unsigned leit_element_blocks(int64_t n)
{
    return (unsigned)leit_pieces(n, LEIT_ELEMENT_THREADS);
}

#endif

/* The part of CUDA that kernels/leit_cuda.h admits, as plain C++17. Included by that header when
 * the compiler is not nvcc. emulator.cc is behind it. */
#ifndef LEIT_TESTS_CUDA_ON_CPU_H
#define LEIT_TESTS_CUDA_ON_CPU_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "core/check.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};

struct alignas(8) uint2 {
    unsigned x, y;
};

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

struct alignas(8) float2 {
    float x, y;
};

struct alignas(16) float4 {
    float x, y, z, w;
};

inline uint2 make_uint2(unsigned x, unsigned y)
{
    return {x, y};
}

inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w)
{
    return {x, y, z, w};
}

inline float2 make_float2(float x, float y)
{
    return {x, y};
}

inline float4 make_float4(float x, float y, float z, float w)
{
    return {x, y, z, w};
}

namespace emulator {

struct place {
    const char *file;
    int line;
};

/* One value of a warp function, whatever its type. */
struct word {
    unsigned char bytes[16];
};

enum warp_function {
    SYNC,
    SHUFFLE,
    SHUFFLE_UP,
    SHUFFLE_DOWN,
    SHUFFLE_XOR,
    BALLOT,
    LOAD_MATRICES,
    MULTIPLY,
    WARPGROUP
};

struct coordinates {
    uint3 thread, block;
    dim3 block_size, grid_size;
};

/* Of the thread that is running. */
const coordinates &here();
unsigned lane();
unsigned thread_number(); /* in its block */

/* The name is for findings, the entry tells kernels apart. */
struct kernel_entry {
    const char *name;
    const void *function;
};

template <class... Arguments>
const void *entry_of(void (*kernel)(Arguments...))
{
    return reinterpret_cast<const void *>(kernel);
}

/* From now on that kernel may have all shared memory; without it 48 KiB together with its own arrays. */
void allow_shared(const void *kernel);

void launch(kernel_entry kernel, dim3 grid, dim3 block, size_t shared_bytes,
            void (*body)(void *closure), void *closure, size_t closure_bytes);

/* Between the calls of leit_cuda_recorder a launch is kept in place of being run (recorder.cc). */
bool is_recording();
void record_launch(kernel_entry kernel, dim3 grid, dim3 block, size_t shared_bytes,
                   void (*body)(void *closure), const void *closure, size_t closure_bytes);
void record_zero(void *memory, size_t bytes);

/* A launch as CUDA does it: arguments are evaluated once, and every thread gets a copy. */
template <class Kernel, class... Arguments>
void launch_copied(kernel_entry entry, dim3 grid, dim3 block, size_t shared_bytes, Kernel kernel,
                   Arguments... arguments)
{
    struct {
        Kernel kernel;
        std::tuple<Arguments...> arguments;
    } closure = {kernel, std::tuple<Arguments...>(arguments...)};
    launch(
        entry, grid, block, shared_bytes,
        [](void *memory) {
            auto *copy = static_cast<decltype(closure) *>(memory);
            std::apply(copy->kernel, copy->arguments);
        },
        &closure, sizeof closure);
}

enum vote { NO_VOTE, VOTE_OR, VOTE_AND, VOTE_COUNT };
int barrier(place at, vote kind, int value);

/* All lanes of the mask meet here. A shuffle hands out the value of lane `source`, a ballot the
 * mask of lanes whose value is not zero. */
word meet(place at, unsigned mask, warp_function function, int width, const word &value,
          unsigned source);

/* The whole warp meets, each lane with something of its own; the last one acts for all. `kind` must
 * be the same for all of them. */
void act_together(place at, warp_function function, int kind, void *brought,
                  void (*act)(void *const *brought_by_lane));

/* Replaces the integer at `address` by what becomes of it and the operand; returns the old one. */
enum atomic_function { ADD, INCREMENT, MAXIMUM, MINIMUM, EXCHANGE, COMPARE_AND_SWAP };
int64_t change(void *address, size_t bytes, bool is_signed, atomic_function function,
               int64_t operand, int64_t expected);

/* This block has done its part of what the ticket counts; the last one sees what all have done. */
void hand_in(const void *ticket, bool is_last);

/* Shared memory of a block: one piece per site in the source, filled with NaN, between red zones.
 */
struct site {
    uint64_t block;
    void *memory;
};
void *shared(site *s, size_t bytes);
void *dynamic_shared();
size_t most_shared_bytes();
bool is_shared(const void *memory, size_t bytes);
const void *shared_memory(); /* of all blocks the first byte */

/* The finding since the last call, as a status. */
leit_status status(const char *op);

template <class T>
word pack(const T &value)
{
    static_assert(std::is_trivially_copyable<T>::value && sizeof(T) <= sizeof(word),
                  "a warp function takes plain values of at most 16 bytes");
    word packed = {};
    memcpy(packed.bytes, &value, sizeof value);
    return packed;
}

template <class T>
T unpack(const word &packed)
{
    T value;
    memcpy(&value, packed.bytes, sizeof value);
    return value;
}

/* `source` outside the segment of `width` lanes gives a thread its own value, as on the device. */
template <class T>
T shuffle(place at, unsigned mask, warp_function function, const T &value, int source, int width)
{
    const int own = static_cast<int>(lane()), first = own & ~(width - 1);
    const bool is_inside = source >= first && source < first + width;
    const unsigned from = static_cast<unsigned>(is_inside ? source : own);
    return unpack<T>(meet(at, mask, function, width, pack(value), from));
}

} // namespace emulator

#define threadIdx (::emulator::here().thread)
#define blockIdx (::emulator::here().block)
#define blockDim (::emulator::here().block_size)
#define gridDim (::emulator::here().grid_size)

/* The caller's place. Two defaults, because one of a struct type would name this header. */
#define LEIT_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define LEIT_PLACE (::emulator::place{file, line})

/* Blocks run one after another, threads by turns: there is nothing to order. */
inline void __threadfence()
{
}

inline void __syncthreads(LEIT_CALLER)
{
    emulator::barrier(LEIT_PLACE, emulator::NO_VOTE, 0);
}

inline int __syncthreads_or(int value, LEIT_CALLER)
{
    return emulator::barrier(LEIT_PLACE, emulator::VOTE_OR, value);
}

inline int __syncthreads_and(int value, LEIT_CALLER)
{
    return emulator::barrier(LEIT_PLACE, emulator::VOTE_AND, value);
}

inline int __syncthreads_count(int value, LEIT_CALLER)
{
    return emulator::barrier(LEIT_PLACE, emulator::VOTE_COUNT, value);
}

inline void __syncwarp(unsigned mask, LEIT_CALLER)
{
    emulator::meet(LEIT_PLACE, mask, emulator::SYNC, 0, emulator::word{}, emulator::lane());
}

inline unsigned __ballot_sync(unsigned mask, int value, LEIT_CALLER)
{
    return emulator::unpack<unsigned>(emulator::meet(LEIT_PLACE, mask, emulator::BALLOT, 0,
                                                     emulator::pack(value != 0), emulator::lane()));
}

inline int __any_sync(unsigned mask, int value, LEIT_CALLER)
{
    return __ballot_sync(mask, value, file, line) != 0;
}

inline int __all_sync(unsigned mask, int value, LEIT_CALLER)
{
    return __ballot_sync(mask, value, file, line) == mask;
}

template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, LEIT_CALLER)
{
    const int first = static_cast<int>(emulator::lane()) & ~(width - 1);
    return emulator::shuffle(LEIT_PLACE, mask, emulator::SHUFFLE, value,
                             first | (source & (width - 1)), width);
}

template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, LEIT_CALLER)
{
    return emulator::shuffle(LEIT_PLACE, mask, emulator::SHUFFLE_UP, value,
                             static_cast<int>(emulator::lane()) - static_cast<int>(distance),
                             width);
}

template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, LEIT_CALLER)
{
    return emulator::shuffle(LEIT_PLACE, mask, emulator::SHUFFLE_DOWN, value,
                             static_cast<int>(emulator::lane() + distance), width);
}

template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int distance, int width = 32, LEIT_CALLER)
{
    return emulator::shuffle(LEIT_PLACE, mask, emulator::SHUFFLE_XOR, value,
                             static_cast<int>(emulator::lane()) ^ distance, width);
}

template <class T>
inline T leit_change(T *address, emulator::atomic_function function, T operand, T expected = T())
{
    static_assert(std::is_integral<T>::value && sizeof(T) >= 4,
                  "atomics are of integers: a sum of floats would depend on the order");
    return static_cast<T>(emulator::change(address, sizeof(T), std::is_signed<T>::value, function,
                                           static_cast<int64_t>(operand),
                                           static_cast<int64_t>(expected)));
}

/* CUDA has these for int, unsigned and unsigned long long; atomicAdd has no long long. */
#define LEIT_ATOMIC(name, function)                                                                \
    template <class T>                                                                             \
    inline T name(T *address, std::common_type_t<T> operand)                                       \
    {                                                                                              \
        return leit_change(address, emulator::function, operand);                                  \
    }
LEIT_ATOMIC(atomicAdd, ADD)
LEIT_ATOMIC(atomicInc, INCREMENT)
LEIT_ATOMIC(atomicMax, MAXIMUM)
LEIT_ATOMIC(atomicMin, MINIMUM)
LEIT_ATOMIC(atomicExch, EXCHANGE)
#undef LEIT_ATOMIC

template <class T>
inline T atomicCAS(T *address, std::common_type_t<T> expected, std::common_type_t<T> operand)
{
    return leit_change(address, emulator::COMPARE_AND_SWAP, operand, expected);
}

inline bool leit_take_ticket(unsigned *ticket, unsigned n)
{
    const bool is_last = atomicInc(ticket, n - 1) == n - 1;
    emulator::hand_in(ticket, is_last);
    return is_last;
}

inline size_t leit_most_shared_bytes()
{
    return emulator::most_shared_bytes();
}

#define LEIT_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                \
    do {                                                                                           \
        (void)(stream);                                                                            \
        ::emulator::launch_copied(                                                                 \
            {#kernel, ::emulator::entry_of(kernel)}, (grid), (block), (shared_bytes),              \
            [=](auto... leit_arguments) { kernel(leit_arguments...); }, __VA_ARGS__);              \
    } while (0)

#define LEIT_SHARED(type, name, dimensions)                                                        \
    using name##_type = type dimensions;                                                           \
    static ::emulator::site name##_site;                                                           \
    name##_type &name =                                                                            \
        *static_cast<name##_type *>(::emulator::shared(&name##_site, sizeof(name##_type)))

#define LEIT_DYNAMIC_SHARED(type, name)                                                            \
    type *name = static_cast<type *>(::emulator::dynamic_shared())

/* As nvcc does, so that the counters see the vectors that it makes of neighbouring elements. */
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define LEIT_UNROLL _Pragma("GCC unroll 16")
#else
#define LEIT_UNROLL
#endif

#define LEIT_ALLOW_SHARED(kernel) ::emulator::allow_shared(::emulator::entry_of(kernel))

inline leit_status leit_launch_status(const char *op)
{
    return emulator::status(op);
}

#endif

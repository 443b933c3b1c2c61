/* kernels/leit_mma.cuh without PTX. Included by that header when the compiler is not nvcc. Copies
 * are made as late as a wait allows, their targets are NaN until then (copies.cc); what a whole warp
 * does together its last lane does for all (mma_on_cpu.cc). */
#ifndef LEIT_TESTS_MMA_ON_CPU_H
#define LEIT_TESTS_MMA_ON_CPU_H

#include "cuda_on_cpu.h"

struct leit_bf16 {
    uint16_t bits;
};

namespace emulator {

void copy_async(place at, void *target, const void *source, size_t bytes, size_t source_bytes);
void commit_copies();
void await_copies(size_t n_groups);

void load_matrices(place at, uint32_t *registers, int n, bool is_transposed, const void *row);
void multiply_bf16(place at, float *d, const uint32_t *a, const uint32_t *b);
void multiply_tf32(place at, float *d, const uint32_t *a, const uint32_t *b);

inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

inline bool is_nan(uint32_t bits)
{
    return (bits & 0x7FFFFFFFu) > 0x7F800000u;
}

} // namespace emulator

inline uint32_t leit_bits_of(float value)
{
    return emulator::bits_of(value);
}

inline float leit_float_of(uint32_t bits)
{
    return emulator::float_of(bits);
}

inline leit_bf16 leit_to_bf16(float value)
{
    const uint32_t bits = emulator::bits_of(value);
    if (emulator::is_nan(bits)) return {0x7FFF};
    return {static_cast<uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16)};
}

inline float leit_from_bf16(leit_bf16 value)
{
    return emulator::float_of(static_cast<uint32_t>(value.bits) << 16);
}

inline uint32_t leit_pack_bf16(float low, float high)
{
    return leit_to_bf16(low).bits | static_cast<uint32_t>(leit_to_bf16(high).bits) << 16;
}

inline uint32_t leit_to_tf32(float value)
{
    const uint32_t bits = emulator::bits_of(value);
    return emulator::is_nan(bits) ? 0x7FFFFFFFu : (bits + 0x1000u) & ~0x1FFFu;
}

template <int bytes>
inline void leit_copy_async(void *shared, const void *global, bool is_there = true, LEIT_CALLER)
{
    static_assert(bytes == 4 || bytes == 8 || bytes == 16, "cp.async takes 4, 8 or 16 bytes");
    emulator::copy_async(LEIT_PLACE, shared, global, bytes, is_there ? bytes : 0);
}

inline void leit_commit_copies()
{
    emulator::commit_copies();
}

template <int n_groups>
inline void leit_await_copies()
{
    emulator::await_copies(n_groups);
}

template <int n>
inline void leit_load_matrices(uint32_t (&registers)[n], const void *row, LEIT_CALLER)
{
    static_assert(n == 1 || n == 2 || n == 4, "ldmatrix takes 1, 2 or 4 matrices");
    emulator::load_matrices(LEIT_PLACE, registers, n, false, row);
}

template <int n>
inline void leit_load_transposed(uint32_t (&registers)[n], const void *row, LEIT_CALLER)
{
    static_assert(n == 1 || n == 2 || n == 4, "ldmatrix takes 1, 2 or 4 matrices");
    emulator::load_matrices(LEIT_PLACE, registers, n, true, row);
}

inline void leit_mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                          LEIT_CALLER)
{
    emulator::multiply_bf16(LEIT_PLACE, d, a, b);
}

inline void leit_mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                          LEIT_CALLER)
{
    emulator::multiply_tf32(LEIT_PLACE, d, a, b);
}

#endif

/* bf16, asynchronous copies into shared memory and the tensor cores: one thin function for each PTX
 * instruction, and the only place with inline PTX. On the CPU the same names are
 * tests/cuda_on_cpu/mma_on_cpu.h. Needs compute capability 8.0.
 *
 * Fragments of a warp, as the PTX manual has them (sections "Matrix Fragments for mma.m16n8k16" and
 * "mma.m16n8k8"); with group = lane / 4 and i = lane % 4:
 *
 *   A bf16 (16, 16)   a[0]: row group,     columns 2 i, 2 i + 1      a[2]: the same rows, columns + 8
 *                     a[1]: row group + 8, columns 2 i, 2 i + 1      a[3]: the same rows, columns + 8
 *   B bf16 (16, 8)    b[0]: rows 2 i, 2 i + 1, column group          b[1]: rows + 8
 *   A tf32 (16, 8)    a[0]: row group, column i; a[1]: row + 8; a[2]: column + 4; a[3]: both
 *   B tf32 (8, 8)     b[0]: row i, column group; b[1]: row + 4
 *   C, D f32 (16, 8)  d[0], d[1]: row group, columns 2 i, 2 i + 1    d[2], d[3]: row + 8
 *
 * Of two bf16 in a word the one with the lower index has the lower half. */
#ifndef LEIT_KERNELS_LEIT_MMA_CUH
#define LEIT_KERNELS_LEIT_MMA_CUH

#include "kernels/leit_cuda.h"

#ifdef __CUDACC__

#include <cuda_bf16.h>

typedef __nv_bfloat16 leit_bf16;

/* A float as the word that its bits are, and back. */
LEIT_DEVICE_FUNCTION uint32_t leit_bits_of(float value)
{
    return __float_as_uint(value);
}

LEIT_DEVICE_FUNCTION float leit_float_of(uint32_t bits)
{
    return __uint_as_float(bits);
}

/* To the nearest, ties to even. */
LEIT_DEVICE_FUNCTION leit_bf16 leit_to_bf16(float value)
{
    return __float2bfloat16_rn(value);
}

LEIT_DEVICE_FUNCTION float leit_from_bf16(leit_bf16 value)
{
    return __bfloat162float(value);
}

/* Two in one word, as fragments hold them. */
LEIT_DEVICE_FUNCTION uint32_t leit_pack_bf16(float low, float high)
{
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

/* To the nearest of 10 fraction bits, ties away from zero. */
LEIT_DEVICE_FUNCTION uint32_t leit_to_tf32(float value)
{
    uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
    return bits;
}

LEIT_DEVICE_FUNCTION uint32_t leit_shared_address(const void *memory)
{
    return (uint32_t)__cvta_generic_to_shared(memory);
}

/* Copies 4, 8 or 16 aligned bytes from global to shared memory, or writes zeros where
 * `is_there` is false; the source is not read then. What was copied is there for this thread when
 * leit_await_copies says so, and for the others behind a barrier after it. */
template <int bytes>
LEIT_DEVICE_FUNCTION void leit_copy_async(void *shared, const void *global, bool is_there = true)
{
    static_assert(bytes == 4 || bytes == 8 || bytes == 16, "cp.async takes 4, 8 or 16 bytes");
    const int source_bytes = is_there ? bytes : 0;
    if (bytes == 16) /* past L1: it is read once */
        asm volatile(
            "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(leit_shared_address(shared)),
            "l"(__cvta_generic_to_global(global)), "r"(source_bytes)
            : "memory");
    else
        asm volatile(
            "cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(leit_shared_address(shared)),
            "l"(__cvta_generic_to_global(global)), "n"(bytes), "r"(source_bytes)
            : "memory");
}

/* Makes one group of the copies since the last call. */
LEIT_DEVICE_FUNCTION void leit_commit_copies()
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Waits until at most the last `n_groups` of this thread's groups are under way. */
template <int n_groups>
LEIT_DEVICE_FUNCTION void leit_await_copies()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(n_groups) : "memory");
}

/* One, two or four matrices of 8 x 8 halves from shared memory: lane 8 m + r gives the address of
 * row r of matrix m, 16 bytes, aligned; registers[m] is this lane's part of matrix m. */
LEIT_DEVICE_FUNCTION void leit_load_matrices(uint32_t (&registers)[1], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(registers[0])
                 : "r"(leit_shared_address(row))
                 : "memory");
}

LEIT_DEVICE_FUNCTION void leit_load_matrices(uint32_t (&registers)[2], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : "r"(leit_shared_address(row))
                 : "memory");
}

LEIT_DEVICE_FUNCTION void leit_load_matrices(uint32_t (&registers)[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(leit_shared_address(row))
                 : "memory");
}

/* The same of the transposed matrices. */
LEIT_DEVICE_FUNCTION void leit_load_transposed(uint32_t (&registers)[1], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                 : "=r"(registers[0])
                 : "r"(leit_shared_address(row))
                 : "memory");
}

LEIT_DEVICE_FUNCTION void leit_load_transposed(uint32_t (&registers)[2], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : "r"(leit_shared_address(row))
                 : "memory");
}

LEIT_DEVICE_FUNCTION void leit_load_transposed(uint32_t (&registers)[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(leit_shared_address(row))
                 : "memory");
}

/* d += a b by the whole warp: (16, 16) times (16, 8), bf16. */
LEIT_DEVICE_FUNCTION void leit_mma_bf16(float (&d)[4], const uint32_t (&a)[4],
                                        const uint32_t (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* d += a b by the whole warp: (16, 8) times (8, 8), tf32 of leit_to_tf32. */
LEIT_DEVICE_FUNCTION void leit_mma_tf32(float (&d)[4], const uint32_t (&a)[4],
                                        const uint32_t (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#else
#include <mma_on_cpu.h> /* the same names, for the CPU */
#endif

#endif

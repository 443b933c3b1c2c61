/* A vector as wide as the registers of the CPU compiled for, in the vector extension of GCC and
 * Clang. For kernels that are blocked for registers; others use vector8.h. Everything is inlined:
 * no call passes a vector. */
#ifndef LEIT_KERNELS_NATIVE_VECTOR_H
#define LEIT_KERNELS_NATIVE_VECTOR_H

#include <string.h>

#include "kernels/vector8.h"

#if defined(__AVX512F__)
#define LEIT_NATIVE_BYTES 64
#elif defined(__AVX__)
#define LEIT_NATIVE_BYTES 32
#else
#define LEIT_NATIVE_BYTES 16
#endif

enum { LEIT_NATIVE = LEIT_NATIVE_BYTES / 4 }; /* floats in a vector */

typedef float leit_vector __attribute__((vector_size(LEIT_NATIVE_BYTES)));

LEIT_INLINE leit_vector leit_vector_load(const float *x)
{
    leit_vector v;
    memcpy(&v, x, sizeof v);
    return v;
}

LEIT_INLINE void leit_vector_store(float *x, leit_vector v)
{
    memcpy(x, &v, sizeof v);
}

#endif

/* Eight floats side by side, in the vector extension of GCC and Clang: one AVX register where the
 * CPU has it, two of SSE or NEON where it has not. Everything is inlined: no call passes a vector.
 */
#ifndef LEIT_KERNELS_VECTOR8_H
#define LEIT_KERNELS_VECTOR8_H

#include <stdint.h>
#include <string.h>

enum { LEIT_VECTOR8 = 8 };

typedef float leit_f32x8 __attribute__((vector_size(32)));
typedef int32_t leit_i32x8 __attribute__((vector_size(32)));
typedef uint32_t leit_u32x8 __attribute__((vector_size(32)));

#define LEIT_INLINE static inline __attribute__((always_inline))

LEIT_INLINE leit_f32x8 leit_load8(const float *x)
{
    leit_f32x8 v;
    memcpy(&v, x, sizeof v);
    return v;
}

LEIT_INLINE void leit_store8(float *x, leit_f32x8 v)
{
    memcpy(x, &v, sizeof v);
}

LEIT_INLINE leit_f32x8 leit_splat8(float x)
{
    return (leit_f32x8){x, x, x, x, x, x, x, x};
}

/* mask ? a : b; a mask holds 0 or -1, as comparisons give it. */
LEIT_INLINE leit_f32x8 leit_select8(leit_i32x8 mask, leit_f32x8 a, leit_f32x8 b)
{
    return (leit_f32x8)(((leit_i32x8)a & mask) | ((leit_i32x8)b & ~mask));
}

LEIT_INLINE leit_f32x8 leit_sqrt8(leit_f32x8 x)
{
    leit_f32x8 y;
    for (int i = 0; i < 8; i++) y[i] = __builtin_sqrtf(x[i]);
    return y;
}

/* Rows become columns: halves are exchanged first, then 4 x 4 blocks are turned inside the 128-bit
 * lanes, where shuffles are cheapest. */
LEIT_INLINE void leit_transpose8(leit_f32x8 r[8])
{
    leit_f32x8 s[8], t[8];
    for (int i = 0; i < 4; i++) {
        s[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        s[i + 4] = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int i = 0; i < 8; i += 2) {
        t[i] = __builtin_shufflevector(s[i], s[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        t[i + 1] = __builtin_shufflevector(s[i], s[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = __builtin_shufflevector(t[i], t[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        r[i + 1] = __builtin_shufflevector(t[i], t[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        r[i + 2] = __builtin_shufflevector(t[i + 1], t[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        r[i + 3] = __builtin_shufflevector(t[i + 1], t[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
}

/* 10 log10(x) for positive normal x, within 4e-7 dB + 1 ulp of the result (checked over all
 * mantissas by tests/kernels/test_mel.c). With x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), it is
 * e * 10 log10(2), split so that the product with the high part is exact, plus f times a minimax
 * polynomial of degree 8 (relative error 2.7e-8). */
LEIT_INLINE leit_f32x8 leit_decibels8(leit_f32x8 x)
{
    const int32_t sqrt_half_bits = 0x3f3504f3;
    const leit_i32x8 shifted = (leit_i32x8)x - sqrt_half_bits;
    const leit_i32x8 exponent = shifted >> 23;
    const leit_f32x8 f = (leit_f32x8)((shifted & 0x007fffff) + sqrt_half_bits) - 1.0f;
    const leit_f32x8 e = __builtin_convertvector(exponent, leit_f32x8);
    leit_f32x8 p = leit_splat8(0.37880679965019226f);
    p = p * f - 0.6239439249038696f;
    p = p * f + 0.6493687033653259f;
    p = p * f - 0.7192956209182739f;
    p = p * f + 0.8667142391204834f;
    p = p * f - 1.0858262777328491f;
    p = p * f + 1.4476852416992188f;
    p = p * f - 2.1714718341827393f;
    p = p * f + 4.342944622039795f;
    return e * 3.01025390625f + (e * 4.605038981195e-5f + p * f);
}

/* cos(2 pi u) and sin(2 pi u) for 0 <= u < 1, within 1.2e-7: the nearest quarter turn is taken off
 * and the rest, at most an eighth of a turn, goes into minimax polynomials. */
LEIT_INLINE void leit_turn8(leit_f32x8 u, leit_f32x8 *cosine, leit_f32x8 *sine)
{
    const leit_i32x8 quarter = __builtin_convertvector(4.0f * u + 0.5f, leit_i32x8);
    const leit_f32x8 f = 4.0f * u - __builtin_convertvector(quarter, leit_f32x8);
    const leit_f32x8 q = f * f;
    leit_f32x8 s = leit_splat8(-0.004602172877639532f);
    s = s * q + 0.07968022674322128f;
    s = s * q - 0.6459634900093079f;
    s = (s * q + 1.5707963705062866f) * f;
    leit_f32x8 c = leit_splat8(0.0009036310366354883f);
    c = c * q - 0.02086007036268711f;
    c = c * q + 0.25366920232772827f;
    c = c * q - 1.2337005138397217f;
    c = c * q + 1.0f;
    const leit_i32x8 odd = -(quarter & 1);
    const leit_i32x8 negate_cosine = ((quarter + 1) & 2) << 30, negate_sine = (quarter & 2) << 30;
    *cosine = (leit_f32x8)((leit_i32x8)leit_select8(odd, s, c) ^ negate_cosine);
    *sine = (leit_f32x8)((leit_i32x8)leit_select8(odd, c, s) ^ negate_sine);
}

#endif

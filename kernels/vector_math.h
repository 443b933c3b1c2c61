/* exp, the normal distribution and the activations as plain expressions: loops over them become
 * vector code with any compiler and without -ffast-math, and the bits do not depend on libm. NaN
 * stays NaN. */
#ifndef LEIT_KERNELS_VECTOR_MATH_H
#define LEIT_KERNELS_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* e^x for x <= 0, at most 2 units in the last place off; 0 below -87. With x = n ln 2 + r and
 * |r| <= ln(2) / 2, e^x = 2^n (1 + r + r^2 p(r)); p is a minimax fit (relative error 3e-9). Adding
 * 1.5 x 2^23 rounds to an integer and leaves it in the low bits. */
static inline float leit_exp_negative(float x)
{
    const float magic = 0x1.8p23f;
    const float bounded = x < -87.0f ? -87.0f : x;
    const float shifted = bounded * 1.44269504f + magic;
    const float n = shifted - magic;
    const float r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f; /* ln 2 in two parts */
    float p = 1.38146209e-3f;
    p = p * r + 8.36871192e-3f;
    p = p * r + 4.16683890e-2f;
    p = p * r + 1.66665211e-1f;
    p = p * r + 4.99999940e-1f;
    p = p * (r * r) + r;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23; /* the low bits of `shifted` are n */
    float power;
    memcpy(&power, &bits, sizeof power);
    const float result = p * power + power;
    return x < -87.0f ? 0.0f : result;
}

/* Phi(x) and phi(x), the standard normal distribution and its density.
 *
 * For t = |x|: Phi(-t) = exp(-t^2 / 2) R(t), R(t) = erfcx(t / sqrt 2) / 2, a smooth function that
 * falls from 1/2. With s = t / (t + 3), R = 1/2 + s p(s); p is a minimax fit of degree 8. Absolute
 * error of Phi at most 1e-7, of phi at most 1e-7. */
struct leit_normal {
    float distribution, density;
};

static inline struct leit_normal leit_normal(float x)
{
    const float t = fabsf(x) > 20.0f ? 20.0f : fabsf(x); /* infinity / infinity is NaN */
    const float gauss = leit_exp_negative(-0.5f * t * t);
    const float s = t / (t + 3.0f);
    float p = 0.027070995f;
    p = p * s - 0.092574075f;
    p = p * s + 0.08324144f;
    p = p * s + 0.009541236f;
    p = p * s + 0.062141538f;
    p = p * s - 0.15878743f;
    p = p * s - 0.2869554f;
    p = p * s + 1.0531529f;
    p = p * s - 1.1968265f;
    const float tail = gauss * (p * s + 0.5f);
    return (struct leit_normal){x < 0.0f ? tail : 1.0f - tail, gauss * 0.3989422804f};
}

static inline float leit_gelu_value(float x)
{
    return x * leit_normal(x).distribution;
}

static inline float leit_gelu_slope(float x)
{
    const struct leit_normal normal = leit_normal(x);
    return normal.distribution + x * normal.density;
}

static inline float leit_relu_value(float x)
{
    return x < 0.0f ? 0.0f : x; /* keeps NaN */
}

static inline float leit_sigmoid_value(float x)
{
    const float e = leit_exp_negative(-fabsf(x)); /* never overflows */
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

#endif

/* Philox draws by the dozen, for dropout and noise: the same words as leit_philox (core/rng.h), 8
 * counters at a time. A 32-bit word lives in the low half of a 64-bit lane and the high half is never looked
 * at: so a product is one instruction and needs no rearranging. */
#ifndef LEIT_KERNELS_PHILOX_H
#define LEIT_KERNELS_PHILOX_H

#include <math.h>
#include <stdint.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "kernels/op.h"
#include "kernels/vector8.h"

enum {
    LEIT_PHILOX_BLOCKS = 8,
    LEIT_PHILOX_WORDS = 4 * LEIT_PHILOX_BLOCKS,
    LEIT_PHILOX_VECTORS = LEIT_PHILOX_BLOCKS / 4
};

typedef uint64_t leit_lanes __attribute__((vector_size(32), aligned(4), may_alias));

/* The 64-bit products of the low halves. */
static inline leit_lanes leit_multiply_low(leit_lanes a, uint32_t factor)
{
#ifdef __AVX2__
    return (leit_lanes)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(factor));
#else
    return (a & 0xFFFFFFFFu) * factor;
#endif
}

/* c[v][w], lane b: in its low half word w of the block with counter {first_block + 4 v + b, sample,
 * step, stream}. */
static inline void leit_philox_lanes(uint64_t seed, uint32_t first_block, uint32_t sample,
                                     uint32_t step, uint32_t stream,
                                     leit_lanes c[LEIT_PHILOX_VECTORS][4])
{
    for (uint32_t v = 0; v < LEIT_PHILOX_VECTORS; v++) {
        c[v][0] =
            (leit_lanes){0, 1, 2, 3} + (first_block + 4 * v); /* modulo 2^32 in the low half */
        c[v][1] = (leit_lanes){0} + sample;
        c[v][2] = (leit_lanes){0} + step;
        c[v][3] = (leit_lanes){0} + stream;
    }
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u)
        for (int v = 0; v < LEIT_PHILOX_VECTORS; v++) {
            const leit_lanes product0 = leit_multiply_low(c[v][0], 0xD2511F53u);
            const leit_lanes product1 = leit_multiply_low(c[v][2], 0xCD9E8D57u);
            c[v][0] = (product1 >> 32) ^ c[v][1] ^ key0;
            c[v][1] = product1;
            c[v][2] = (product0 >> 32) ^ c[v][3] ^ key1;
            c[v][3] = product0;
        }
}

/* words[4 b + w] = word w of block first_block + b. */
static inline void leit_philox_words(uint64_t seed, uint32_t first_block, uint32_t sample,
                                     uint32_t step, uint32_t stream, uint32_t *words)
{
    leit_lanes c[LEIT_PHILOX_VECTORS][4];
    leit_philox_lanes(seed, first_block, sample, step, stream, c);
    /* Two words to a lane, then the two lanes of a block. */
    for (int v = 0; v < LEIT_PHILOX_VECTORS; v++) {
        const leit_lanes front = (c[v][0] & 0xFFFFFFFFu) | c[v][1] << 32;
        const leit_lanes back = (c[v][2] & 0xFFFFFFFFu) | c[v][3] << 32;
        leit_lanes *out = (leit_lanes *)(words + 16 * v);
        out[0] = __builtin_shufflevector(front, back, 0, 4, 1, 5);
        out[1] = __builtin_shufflevector(front, back, 2, 6, 3, 7);
    }
}

/* words[w][b] = word w of block first_block + b. */
static inline void leit_philox_columns(uint64_t seed, uint32_t first_block, uint32_t sample,
                                       uint32_t step, uint32_t stream, leit_u32x8 words[4])
{
    leit_lanes c[LEIT_PHILOX_VECTORS][4];
    leit_philox_lanes(seed, first_block, sample, step, stream, c);
    for (int w = 0; w < 4; w++)
        words[w] = __builtin_shufflevector((leit_u32x8)c[0][w], (leit_u32x8)c[1][w], 0, 2, 4, 6, 8,
                                           10, 12, 14);
}

/* scale[i] = 1 / (1 - p) where element first + i is kept, 0 where it is dropped, for i in [0, n).
 * uniform >= p is decided on the 24 bits that make the uniform: word >> 8 >= p 2^24. */
static inline void leit_dropout_scales(const leit_random *random, uint32_t stream, uint32_t sample,
                                       float p, int64_t first, int64_t n, float *restrict scale)
{
    const int32_t threshold = (int32_t)ceil((double)p * 0x1p24);
    const float kept = 1.0f / (1.0f - p);
    uint32_t words[LEIT_PHILOX_WORDS];
    int64_t begin = first % 4; /* of the first block, that many words belong to others */
    for (int64_t done = 0, block = first / 4; done < n; block += LEIT_PHILOX_BLOCKS, begin = 0) {
        leit_philox_words(random->seed, (uint32_t)block, sample, random->step, stream, words);
        const int64_t left = n - done, here = LEIT_PHILOX_WORDS - begin;
        const int64_t count = left < here ? left : here;
        for (int64_t i = 0; i < count; i++)
            scale[done + i] = (int32_t)(words[begin + i] >> 8) >= threshold ? kept : 0.0f;
        done += count;
    }
}

#endif

#include "core/rng.h"

#include <math.h>

enum { ROUNDS = 10 };

static const uint32_t MULTIPLIER[2] = {0xD2511F53u, 0xCD9E8D57u};
static const uint32_t WEYL[2] = {0x9E3779B9u, 0xBB67AE85u};

void leit_philox(uint64_t key, const uint32_t counter[4], uint32_t words[4])
{
    uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t product0 = (uint64_t)MULTIPLIER[0] * c0;
        uint64_t product1 = (uint64_t)MULTIPLIER[1] * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
        c3 = (uint32_t)product0;
        key0 += WEYL[0];
        key1 += WEYL[1];
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

leit_rng leit_rng_start(uint64_t seed, uint32_t stream, uint32_t step, uint32_t sample)
{
    return (leit_rng){.seed = seed, .stream = stream, .step = step, .sample = sample};
}

uint32_t leit_rng_next(leit_rng *rng)
{
    if (rng->index % 4 == 0) {
        const uint32_t counter[4] = {rng->index / 4, rng->sample, rng->step, rng->stream};
        leit_philox(rng->seed, counter, rng->words);
    }
    return rng->words[rng->index++ % 4];
}

float leit_rng_uniform(leit_rng *rng)
{
    return leit_uniform_from_word(leit_rng_next(rng));
}

uint32_t leit_rng_below(leit_rng *rng, uint32_t n)
{
    /* Lemire's multiplication with rejection of the short last interval. */
    uint32_t threshold = (0u - n) % n;
    for (;;) {
        uint64_t product = (uint64_t)leit_rng_next(rng) * n;
        if ((uint32_t)product >= threshold) return (uint32_t)(product >> 32);
    }
}

float leit_rng_normal(leit_rng *rng)
{
    float radius = sqrtf(-2.0f * logf(1.0f - leit_rng_uniform(rng)));
    return radius * cosf(6.28318530717958647692f * leit_rng_uniform(rng));
}

void leit_rng_shuffle(leit_rng *rng, int32_t *indices, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = leit_rng_below(rng, i);
        int32_t swapped = indices[i - 1];
        indices[i - 1] = indices[j];
        indices[j] = swapped;
    }
}

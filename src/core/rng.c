#include "core/rng.h"

#include <math.h>

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

#include "core/rng.h"

#include <math.h>

float leit_rng_uniform(leit_rng *rng)
{
    return leit_uniform_from_word(leit_rng_next(rng));
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

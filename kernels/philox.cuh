/* Draws of one thread, for dropout: the words of leit_philox (core/rng.h), as on the CPU. */
#ifndef LEIT_KERNELS_PHILOX_CUH
#define LEIT_KERNELS_PHILOX_CUH

#include "kernels/leit_cuda.h"
#include "kernels/op.h"
#include "kernels/quads.cuh"

/* What dropout multiplies element `index` of a sample by: 1 / (1 - p) where it is kept, 0 where its
 * uniform is below p. Word index % 4 of block index / 4, chosen without an array in memory. */
LEIT_DEVICE_FUNCTION float leit_dropout_scale(const leit_random &random, uint32_t stream,
                                              uint32_t sample, float p, int64_t index)
{
    const uint32_t counter[4] = {(uint32_t)(index / 4), sample, random.step, stream};
    uint32_t words[4];
    leit_philox(random.seed, counter, words);
    const uint32_t even = (index & 2) != 0 ? words[2] : words[0];
    const uint32_t odd = (index & 2) != 0 ? words[3] : words[1];
    const float uniform = leit_uniform_from_word((index & 1) != 0 ? odd : even);
    return uniform >= p ? 1.0f / (1.0f - p) : 0.0f;
}

/* The same for elements index to index + 3, which lie in two blocks at most. */
LEIT_DEVICE_FUNCTION struct leit_quad leit_dropout_quad(const leit_random &random, uint32_t stream,
                                                        uint32_t sample, float p, int64_t index)
{
    const uint32_t block = (uint32_t)(index / 4);
    const uint32_t counter[4] = {block, sample, random.step, stream};
    const uint32_t next_counter[4] = {block + 1, sample, random.step, stream};
    uint32_t first[4], next[4] = {};
    leit_philox(random.seed, counter, first);
    if (index % 4 != 0) leit_philox(random.seed, next_counter, next);
    uint32_t words[7] = {first[0], first[1], first[2], first[3], next[0], next[1], next[2]};
    LEIT_UNROLL
    for (int e = 0; e < 5; e++)
        if ((index & 2) != 0) words[e] = words[e + 2];
    struct leit_quad scales;
    LEIT_EACH_OF_QUAD (e) {
        const float uniform = leit_uniform_from_word((index & 1) != 0 ? words[e + 1] : words[e]);
        scales.of[e] = uniform >= p ? 1.0f / (1.0f - p) : 0.0f;
    }
    return scales;
}

#endif

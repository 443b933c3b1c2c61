/* Draws of one thread, for dropout: the words of leit_philox (core/rng.h), as on the CPU. */
#ifndef LEIT_KERNELS_PHILOX_CUH
#define LEIT_KERNELS_PHILOX_CUH

#include "kernels/leit_cuda.h"
#include "kernels/op.h"

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

#endif

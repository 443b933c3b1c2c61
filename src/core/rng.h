/* Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). A draw is a pure function of (seed, stream, step, sample, index), so it is
 * the same on every device, for any number of threads or ranks, and after a resume.
 *
 * Kernels call leit_philox themselves, with the same counter on CPU and CUDA; everything else uses
 * the sequential reader leit_rng.
 */
#ifndef LEIT_CORE_RNG_H
#define LEIT_CORE_RNG_H

#include <stdint.h>

/* CUDA kernels draw from the same source. */
#ifdef __CUDACC__
#define LEIT_HOST_DEVICE __host__ __device__
#else
#define LEIT_HOST_DEVICE
#endif

/* Streams keep draws for different purposes apart. Numbers are part of the file formats: append
 * only. Dropout nodes use LEIT_STREAM_DROPOUT + their ordinal in the plan. */
enum leit_stream {
    LEIT_STREAM_INIT = 1,      /* parameter initialisation; sample = hash of the parameter's name */
    LEIT_STREAM_SHUFFLE = 2,   /* order of an epoch; step = epoch */
    LEIT_STREAM_BATCH = 3,     /* tags, texts and clips of a step; sample = row of the batch */
    LEIT_STREAM_CROP = 4,      /* start of the crop of a clip; sample = row of the batch */
    LEIT_STREAM_AUGMENT = 5,   /* gain, noise and masks of a clip; sample = row of the batch */
    LEIT_STREAM_NEGATIVE = 6,  /* negatives of a triplet; sample = anchor */
    LEIT_STREAM_BOOTSTRAP = 7, /* resampling and permutation in evaluation */
    LEIT_STREAM_SPLIT = 8,     /* splits of a corpus */
    LEIT_STREAM_ETUDE = 9,     /* the built-in corpus */
    LEIT_STREAM_DROPOUT = 1024
};

/* The key and counter of one sequence of draws. */
typedef struct leit_rng {
    uint64_t seed;
    uint32_t stream, step, sample;
    uint32_t index; /* next 32-bit word to hand out */
    uint32_t words[4];
} leit_rng;

/* One Philox block: 4 words from a 128-bit counter and a 64-bit key. */
static inline LEIT_HOST_DEVICE void leit_philox(uint64_t key, const uint32_t counter[4],
                                                uint32_t words[4])
{
    uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        const uint64_t product0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t product1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
        c3 = (uint32_t)product0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

static inline LEIT_HOST_DEVICE leit_rng leit_rng_start(uint64_t seed, uint32_t stream,
                                                       uint32_t step, uint32_t sample)
{
    const leit_rng rng = {seed, stream, step, sample, 0, {0, 0, 0, 0}};
    return rng;
}

static inline LEIT_HOST_DEVICE uint32_t leit_rng_next(leit_rng *rng)
{
    const uint32_t i = rng->index++;
    if (i % 4 == 0) {
        const uint32_t counter[4] = {i / 4, rng->sample, rng->step, rng->stream};
        leit_philox(rng->seed, counter, rng->words);
    }
    /* No word is chosen by an index, which on a GPU would take them out of registers. */
    const uint32_t even = (i & 2) != 0 ? rng->words[2] : rng->words[0];
    const uint32_t odd = (i & 2) != 0 ? rng->words[3] : rng->words[1];
    return (i & 1) != 0 ? odd : even;
}

/* Uniform in [0, 1), 24 bits. */
float leit_rng_uniform(leit_rng *rng);

/* Uniform in {0, ..., n - 1}, without bias; n >= 1. */
static inline LEIT_HOST_DEVICE uint32_t leit_rng_below(leit_rng *rng, uint32_t n)
{
    /* Lemire's multiplication with rejection of the short last interval. */
    const uint32_t threshold = (0u - n) % n;
    for (;;) {
        const uint64_t product = (uint64_t)leit_rng_next(rng) * n;
        if ((uint32_t)product >= threshold) return (uint32_t)(product >> 32);
    }
}

/* The first leit_rng_below of a sequence, as kernels draw it. */
static inline LEIT_HOST_DEVICE uint32_t leit_first_below(uint64_t seed, uint32_t stream,
                                                         uint32_t step, uint32_t sample, uint32_t n)
{
    leit_rng rng = leit_rng_start(seed, stream, step, sample);
    return leit_rng_below(&rng, n);
}

/* Standard normal (Box-Muller). */
float leit_rng_normal(leit_rng *rng);
/* Shuffles n indices in place (Fisher-Yates). */
void leit_rng_shuffle(leit_rng *rng, int32_t *indices, uint32_t n);

/* Word -> [0, 1) with 24 bits: the one conversion kernels and readers share. */
static inline LEIT_HOST_DEVICE float leit_uniform_from_word(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

#endif

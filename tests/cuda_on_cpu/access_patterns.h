/* Launches of one warp whose requests are known: what test_counters.c holds the counters to. */
#ifndef LEIT_TESTS_ACCESS_PATTERNS_H
#define LEIT_TESTS_ACCESS_PATTERNS_H

#include "core/check.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Lane i reads `width` (1, 2 or 4) floats from element offset + i stride width, as one vector, and writes
 * them to to[i width ...]. */
leit_status pattern_global(const float *from, float *to, int width, int stride, int offset);

/* Lane i writes a vector of `width` floats into shared memory at i stride width; to[i] is its first. */
leit_status pattern_shared(float *to, int width, int stride);

/* Half of the lanes write, to words of one bank each. */
leit_status pattern_half_of_the_lanes(float *to);

/* cp.async of 16 bytes a lane into rows `pitch` bytes apart, ldmatrix of four matrices of them and one
 * product, of `depth` 16 (bf16) or 8 (tf32). */
leit_status pattern_product(const float *from, float *to, int pitch, int depth);

#ifdef __cplusplus
}
#endif

#endif

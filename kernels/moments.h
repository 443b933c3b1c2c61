/* Moments on the CPU: rows of the mean of each channel (C), the sum of squared deviations from it (C)
 * and a count (1), one row for each part of some pixels. Rows are joined in their order and in
 * double, means weighted by their counts, deviations shifted to the common mean, so that no large
 * squares are ever subtracted. */
#ifndef LEIT_KERNELS_MOMENTS_H
#define LEIT_KERNELS_MOMENTS_H

#include "core/threads.h"
#include "kernels/blocks.h"

enum { LEIT_MOMENTS_CHUNK = 32 }; /* channels that are joined at once */

typedef struct leit_moments {
    const float *rows; /* (n, 2 C + 1) */
    int64_t n, C;
} leit_moments;

/* Floats that the rows of (pixels, C) take: one for each block of pixels that fits in the cache. */
int64_t leit_moments_floats(int64_t pixels, int64_t C);

/* Writes the rows of x (pixels, C), which count pixels, to `rows`. */
leit_moments leit_moments_take(leit_threads *threads, const float *x, int64_t pixels, int64_t C,
                               float *rows);

/* The sum of all counts. */
double leit_moments_total(const leit_moments *moments);

/* Mean and squared deviations of up to LEIT_MOMENTS_CHUNK channels over all rows, which are not all
 * empty and count things of `weight` pixels each. */
void leit_moments_join(const leit_moments *moments, leit_range channels, double weight,
                       double *mean, double *squares);

#endif

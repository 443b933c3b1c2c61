/* What the CPU kernels share: cutting work into blocks whose borders depend on the sizes alone, and
 * sums in a fixed order that compilers turn into vector code without -ffast-math. */
#ifndef LEIT_KERNELS_BLOCKS_H
#define LEIT_KERNELS_BLOCKS_H

#include <stdint.h>

typedef struct leit_range {
    int64_t begin, end;
} leit_range;

static inline int64_t leit_blocks(int64_t n, int64_t block)
{
    return (n + block - 1) / block;
}

static inline leit_range leit_block_range(int64_t index, int64_t n, int64_t block)
{
    int64_t begin = index * block, end = begin + block;
    return (leit_range){begin, end < n ? end : n};
}

/* Blocks cut into parts for a sum over all of them: a task sums one part into a partial result of
 * its own. Parts are equally long, the last one shorter, so there may be fewer than have room: `n`
 * can fall when the work grows, `room` cannot as long as `wanted` does not. Workspace is for `room`
 * parts: what is laid out for the largest batch then holds any other. */
typedef struct leit_cut {
    int64_t n, part_blocks, room;
} leit_cut;

static inline leit_cut leit_cut_blocks(int64_t blocks, int64_t wanted, int64_t most)
{
    const int64_t room = wanted < 1 ? 1 : wanted > most ? most : wanted;
    const int64_t part_blocks = blocks == 0 ? 1 : leit_blocks(blocks, room);
    return (leit_cut){leit_blocks(blocks, part_blocks), part_blocks, room};
}

/* Sums keep LANES independent partial sums (element i goes to lane i % LANES) and add the lanes as
 * a tree: fast, and more accurate than one running sum. */
enum { LEIT_LANES = 32 };

static inline float leit_add_lanes(float *lane)
{
    for (int width = LEIT_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    return lane[0];
}

/* Defines `float name(parameters)` as the sum over i in [0, n) of an expression in i. */
#define LEIT_DEFINE_SUM(name, term, ...)                                                           \
    static inline float name(__VA_ARGS__, int64_t n)                                               \
    {                                                                                              \
        float lane[LEIT_LANES] = {0};                                                              \
        int64_t start = 0;                                                                         \
        for (; start + LEIT_LANES <= n; start += LEIT_LANES)                                       \
            for (int64_t k = 0, i = start; k < LEIT_LANES; k++, i++) lane[k] += (term);            \
        for (int64_t k = 0, i = start; i < n; k++, i++) lane[k] += (term);                         \
        return leit_add_lanes(lane);                                                               \
    }

LEIT_DEFINE_SUM(leit_sum, x[i], const float *x)
LEIT_DEFINE_SUM(leit_dot, x[i] * y[i], const float *x, const float *y)
LEIT_DEFINE_SUM(leit_sum_squared_difference, (x[i] - mean) * (x[i] - mean), const float *x,
                float mean)
LEIT_DEFINE_SUM(leit_dot_centred, x[i] * y[i] * (z[i] - mean), const float *x, const float *y,
                const float *z, float mean)

/* total[i] += partial[0][i] + partial[1][i] + ..., in this order; partials lie `stride` apart. */
static inline void leit_add_partials(float *total, const float *partial, int64_t n_partials,
                                     int64_t stride, int64_t n)
{
    for (int64_t p = 0; p < n_partials; p++)
        for (int64_t i = 0; i < n; i++) total[i] += partial[p * stride + i];
}

#endif

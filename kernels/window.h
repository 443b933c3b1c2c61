/* What pooling kernels share: eight channels of one pixel at a time, fewer at the end of a row of
 * channels, and the larger of two with its place in the window. */
#ifndef LEIT_KERNELS_WINDOW_H
#define LEIT_KERNELS_WINDOW_H

#include <stdbool.h>

#include "kernels/pool_limits.h"
#include "kernels/vector8.h"

/* The first n of eight; the rest reads as zeros and is not written. */
LEIT_INLINE leit_f32x8 leit_load_some(const float *x, int64_t n)
{
    if (n == LEIT_VECTOR8) return leit_load8(x);
    float values[LEIT_VECTOR8] = {0};
    for (int64_t i = 0; i < n; i++) values[i] = x[i];
    return leit_load8(values);
}

LEIT_INLINE void leit_store_some(float *x, leit_f32x8 v, int64_t n)
{
    if (n == LEIT_VECTOR8)
        leit_store8(x, v);
    else
        for (int64_t i = 0; i < n; i++) x[i] = v[i];
}

typedef uint8_t leit_u8x8 __attribute__((vector_size(8)));

LEIT_INLINE leit_i32x8 leit_load_places(const uint8_t *places, int64_t n)
{
    leit_u8x8 v = {0};
    if (n == LEIT_VECTOR8)
        memcpy(&v, places, sizeof v);
    else
        for (int64_t i = 0; i < n; i++) v[i] = places[i];
    return __builtin_convertvector(v, leit_i32x8);
}

LEIT_INLINE void leit_store_places(uint8_t *places, leit_i32x8 v, int64_t n)
{
    const leit_u8x8 narrow = __builtin_convertvector(v, leit_u8x8);
    if (n == LEIT_VECTOR8)
        memcpy(places, &narrow, sizeof narrow);
    else
        for (int64_t i = 0; i < n; i++) places[i] = narrow[i];
}

/* Of equals the first stays; a NaN counts as larger than anything, as in PyTorch. */
LEIT_INLINE void leit_take_larger(leit_f32x8 v, int32_t place, leit_f32x8 *largest,
                                  leit_i32x8 *places)
{
    const leit_i32x8 take = (leit_i32x8)(v > *largest) | (leit_i32x8)(v != v);
    *largest = leit_select8(take, v, *largest);
    *places = (*places & ~take) | (take & place);
}

/* A pooled image: windows that do not overlap, and what is left at the right and below. */
typedef struct leit_windows {
    int64_t H, W, C, height, width; /* of the image, of a window */
    int64_t out_H, out_W;           /* windows that fit */
    int64_t rows, columns;          /* windows with those that stick out */
} leit_windows;

static inline leit_windows leit_windows_of(int64_t H, int64_t W, int64_t C, int64_t height,
                                           int64_t width)
{
    return (leit_windows){.H = H,
                          .W = W,
                          .C = C,
                          .height = height,
                          .width = width,
                          .out_H = H / height,
                          .out_W = W / width,
                          .rows = (H + height - 1) / height,
                          .columns = (W + width - 1) / width};
}

/* Runs `statement` for every group of eight channels, with the constant 8 for `count`, then once
 * for what is left. */
#define LEIT_FOR_CHANNELS(c, count, C, statement)                                                  \
    do {                                                                                           \
        int64_t c = 0;                                                                             \
        for (; c + LEIT_VECTOR8 <= (C); c += LEIT_VECTOR8) {                                       \
            const int64_t count = LEIT_VECTOR8;                                                    \
            statement;                                                                             \
        }                                                                                          \
        if (c < (C)) {                                                                             \
            const int64_t count = (C)-c;                                                           \
            statement;                                                                             \
        }                                                                                          \
    } while (0)

#endif

/* Images (N, H, W, C) and their pooling windows: which elements belong to which output. */
#ifndef LEIT_KERNELS_IMAGES_CUH
#define LEIT_KERNELS_IMAGES_CUH

#include "kernels/leit_cuda.h"

struct leit_pooling {
    int64_t H, W, C;
    int height, width; /* of a window */
    int64_t out_H, out_W;
};

static inline struct leit_pooling leit_pooling_of(int64_t H, int64_t W, int64_t C, int height,
                                                  int width)
{
    const struct leit_pooling pooling = {H, W, C, height, width, H / height, W / width};
    return pooling;
}

/* The element of x that lies at `place` (row-major) of the window of output element `out`. */
LEIT_DEVICE_FUNCTION int64_t leit_window_element(const struct leit_pooling &pooling, int64_t out,
                                                 int place)
{
    const int64_t c = out % pooling.C, pixel = out / pooling.C;
    const int64_t w = pixel % pooling.out_W, row = pixel / pooling.out_W;
    const int64_t h = row % pooling.out_H, n = row / pooling.out_H;
    const int64_t i = h * pooling.height + place / pooling.width;
    const int64_t j = w * pooling.width + place % pooling.width;
    return ((n * pooling.H + i) * pooling.W + j) * pooling.C + c;
}

/* The output element whose window element i of x lies in, and its place there; -1 for what is left
 * of a row or column. */
LEIT_DEVICE_FUNCTION int64_t leit_window_of(const struct leit_pooling &pooling, int64_t i,
                                            int *place)
{
    const int64_t c = i % pooling.C, pixel = i / pooling.C;
    const int64_t column = pixel % pooling.W, row = pixel / pooling.W % pooling.H;
    const int64_t n = pixel / pooling.W / pooling.H;
    const int64_t h = row / pooling.height, w = column / pooling.width;
    *place = (int)(row % pooling.height) * pooling.width + (int)(column % pooling.width);
    if (h >= pooling.out_H || w >= pooling.out_W) return -1;
    return ((n * pooling.out_H + h) * pooling.out_W + w) * pooling.C + c;
}

/* Of equals the first stays; a NaN counts as larger than anything, as in PyTorch. */
LEIT_DEVICE_FUNCTION void leit_take_larger(float value, int place, float *largest,
                                           int *place_of_largest)
{
    if (value > *largest || value != value) {
        *largest = value;
        *place_of_largest = place;
    }
}

#endif

/* The two engines of conv2d on the CPU: convolution (forward, and the data gradient as a
 * convolution with the weights turned round), and the gradient of the weights. Borders are pixels
 * of zeros, so that inner loops have no branches; blocks depend on the sizes alone. */
#ifndef LEIT_KERNELS_CONVOLVE_H
#define LEIT_KERNELS_CONVOLVE_H

#include <stdbool.h>

#include "kernels/conv2d.h"

/* y = convolution of x (N, H, W, C) to (N, H, W, K). */
typedef struct leit_convolution {
    int64_t N, H, W, C, K;
    int kernel_size;
    const float *x, *w;
    const float *b;   /* (K), NULL: zeros */
    bool is_gradient; /* w is (C, kernel_size, kernel_size, K) and turned round; else (K, ..., C) */
    float *y;
} leit_convolution;

/* With so few channels at the thin end of a 3 x 3 convolution, the taps count as channels. */
enum { LEIT_THIN = 3 };

static inline bool leit_is_thin(int64_t channels, int kernel_size)
{
    return kernel_size > 1 && channels <= LEIT_THIN;
}

size_t leit_convolve_workspace(const leit_convolution *convolution, int n_workers);
void leit_convolve(const leit_exec *exec, const leit_convolution *convolution);

/* Accumulates dw and db (either may be NULL) over the first n_samples samples. */
size_t leit_convolve_weights_workspace(const struct leit_conv2d *args, int n_workers);
void leit_convolve_weights(const leit_exec *exec, const struct leit_conv2d *args,
                           int64_t n_samples);

/* The same with few channels, leit_is_thin(C). */
size_t leit_convolve_thin_weights_workspace(const struct leit_conv2d *args, int n_workers);
void leit_convolve_thin_weights(const leit_exec *exec, const struct leit_conv2d *args,
                                int64_t n_samples);

/* The patch of kernel_size x kernel_size x C around pixel (h, w) of one image, zeros outside. */
void leit_gather_patch(const float *image, int64_t H, int64_t W, int64_t C, int kernel_size,
                       int64_t h, int64_t w, float *patch);

#endif

/* conv2d with 3 x 3 taps in fewer multiplications: 16 for four output pixels, where the definition
 * takes 36. The third engine of conv2d on the CPU, for the sizes that fill its panels.
 *
 *   Source  Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016),
 *           F(2 x 2, 3 x 3): transforms add, subtract and halve, so errors stay those of sums. */
#ifndef LEIT_KERNELS_WINOGRAD_H
#define LEIT_KERNELS_WINOGRAD_H

#include "kernels/convolve.h"

/* Looks at one image alone: what comes out for a sample does not depend on the batch. */
bool leit_winograd_fits(int64_t H, int64_t W, int64_t C, int64_t K, int kernel_size);

/* As leit_convolve and leit_convolve_weights. */
size_t leit_winograd_workspace(const leit_convolution *convolution, int n_workers);
void leit_winograd(const leit_exec *exec, const leit_convolution *convolution);

size_t leit_winograd_weights_workspace(const struct leit_conv2d *args, int n_workers);
void leit_winograd_weights(const leit_exec *exec, const struct leit_conv2d *args,
                           int64_t n_samples);

#endif

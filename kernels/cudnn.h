/* Convolutions by cuDNN's graph API, libcudnn.so.9 (or the file that LEITMOTIF_CUDNN names), which is opened when
 * one of these functions is called first. What goes wrong is LEIT_DEVICE, with the library, the call and
 * its status in the sentence. Where the plugin is made without cudnn.h all of them fail. */
#ifndef LEIT_KERNELS_CUDNN_H
#define LEIT_KERNELS_CUDNN_H

#include <stdbool.h>

#include "kernels/op.h"

/* Which of y, dx and dw is computed from the two others' kind. */
enum leit_cudnn_direction { LEIT_CUDNN_FORWARD, LEIT_CUDNN_IMAGES, LEIT_CUDNN_WEIGHTS };

/* One convolution of kernels/conv2d.h over all N images, without bias: images (N, H, W, C), weights
 * (K, kernel_size, kernel_size, C), results (N, H, W, K). The array of the direction is fp32 and
 * written; the two others are operands, of bf16 in the precision bf16 and of fp32 otherwise. */
struct leit_cudnn_convolution {
    enum leit_cudnn_direction direction;
    int64_t N, H, W, C, K;
    int kernel_size;
    void *images, *weights, *results;
};

/* How arrays and the workspace have to be aligned. */
enum { LEIT_CUDNN_ALIGNMENT = 16 };

#ifdef __cplusplus
extern "C" {
#endif

/* {9, 19, 0}: cuDNN 9.19.0 */
leit_status leit_cudnn_version(int version[3]);

/* Queued on exec->stream, or recorded with it. cuDNN's first choice among its engines that keep to
 * exec->precision, repeat themselves bit for bit, and make do with the workspace. */
leit_status leit_cudnn_convolve(const leit_exec *exec, const char *op,
                                const struct leit_cudnn_convolution *convolution, void *workspace,
                                size_t workspace_bytes);

#ifdef __cplusplus
}
#endif

#endif

/* What the plain conv2d lends the fast one and the library's. */
#ifndef LEIT_KERNELS_CONV2D_CUH
#define LEIT_KERNELS_CONV2D_CUH

#include "kernels/conv2d.h"
#include "kernels/leit_cuda.h"

/* A workspace of so many bytes, or what batch_moments wants of it for y. */
static inline size_t leit_conv2d_with_moments(const struct leit_conv2d *args, size_t bytes)
{
    const struct leit_batch_moments of = leit_conv2d_moments(args);
    const size_t moments = leit_batch_moments_workspace_cuda(&of, 1);
    return bytes > moments ? bytes : moments;
}

/* The moments of y in a pass of their own, where they are wanted; in the workspace of batch_moments. */
leit_status leit_conv2d_take_moments(const leit_exec *exec, const struct leit_conv2d *args);

#endif

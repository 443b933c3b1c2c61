/* batchnorm1d is batchnorm2d of images of one pixel. */
#ifndef LEIT_KERNELS_ROW_IMAGES_H
#define LEIT_KERNELS_ROW_IMAGES_H

#include <string.h>

#include "kernels/batchnorm1d.h"
#include "kernels/batchnorm2d.h"

static inline struct leit_batchnorm2d leit_row_images(const struct leit_batchnorm1d *args)
{
    struct leit_batchnorm2d images;
    memset(&images, 0, sizeof images);
    images.N = args->N;
    images.H = images.W = images.pool_height = images.pool_width = 1;
    images.C = args->C;
    images.training = args->training;
    images.relu = args->relu;
    images.epsilon = args->epsilon;
    images.momentum = args->momentum;
    images.n_samples = args->n_rows;
    images.x = args->x;
    images.w = args->w;
    images.b = args->b;
    images.running_mean = args->running_mean;
    images.running_var = args->running_var;
    images.mean = args->mean;
    images.rstd = args->rstd;
    images.y = args->y;
    images.dy = args->dy;
    images.dx = args->dx;
    images.dw = args->dw;
    images.db = args->db;
    return images;
}

/* Defines the three functions of batchnorm1d on a backend: cpu or cuda. */
#define LEIT_DEFINE_BATCHNORM1D(backend)                                                           \
    size_t leit_batchnorm1d_workspace_##backend(const struct leit_batchnorm1d *args,               \
                                                int n_workers)                                     \
    {                                                                                              \
        const struct leit_batchnorm2d images = leit_row_images(args);                              \
        return leit_batchnorm2d_workspace_##backend(&images, n_workers);                           \
    }                                                                                              \
    leit_status leit_batchnorm1d_forward_##backend(const leit_exec *exec,                          \
                                                   const struct leit_batchnorm1d *args)            \
    {                                                                                              \
        const struct leit_batchnorm2d images = leit_row_images(args);                              \
        return leit_batchnorm2d_forward_##backend(exec, &images);                                  \
    }                                                                                              \
    leit_status leit_batchnorm1d_backward_##backend(const leit_exec *exec,                         \
                                                    const struct leit_batchnorm1d *args)           \
    {                                                                                              \
        const struct leit_batchnorm2d images = leit_row_images(args);                              \
        return leit_batchnorm2d_backward_##backend(exec, &images);                                 \
    }

#endif

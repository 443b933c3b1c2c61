#include "kernels/batch_moments.h"
#include "kernels/batchnorm2d.cuh"

/* Forward: the statistics of batchnorm2d, written down. Backward: a thread per element. */

static struct leit_batchnorm2d images_of(const struct leit_batch_moments *args)
{
    struct leit_batchnorm2d images = {};
    images.N = args->N;
    images.H = args->H;
    images.W = args->W;
    images.C = args->C;
    images.pool_height = images.pool_width = 1;
    images.n_samples = args->n_samples;
    images.x = args->x;
    return images;
}

size_t leit_batch_moments_workspace_cuda(const struct leit_batch_moments *args, int n_workers)
{
    const struct leit_batchnorm2d images = images_of(args);
    return leit_batchnorm2d_workspace_cuda(&images, n_workers);
}

leit_status leit_batch_moments_forward_cuda(const leit_exec *exec,
                                            const struct leit_batch_moments *args)
{
    LEIT_TRY(leit_batch_moments_check(args));
    LEIT_TRY(
        leit_check_workspace("batch_moments", exec, leit_batch_moments_workspace_cuda(args, 1)));
    const struct leit_batchnorm2d images = images_of(args);
    leit_batchnorm2d_write_moments(exec, &images, args->moments);
    return leit_launch_status("batch_moments forward");
}

static __global__ void add_gradients(struct leit_batch_moments args)
{
    const int64_t i = leit_element(), C = args.C, c = i % C;
    const int64_t pixels = leit_device_rows(args.n_samples, args.N) * args.H * args.W;
    if (i < pixels * C) {
        const float dx = args.dmoments[c] / (float)pixels +
                         2.0f * args.dmoments[C + c] * (args.x[i] - args.moments[c]);
        args.dx[i] = args.adds_dx ? args.dx[i] + dx : dx;
    }
}

leit_status leit_batch_moments_backward_cuda(const leit_exec *exec,
                                             const struct leit_batch_moments *args)
{
    LEIT_TRY(leit_batch_moments_check(args));
    if (args->dx == NULL) return LEIT_OK;
    LEIT_LAUNCH(add_gradients, leit_element_blocks(args->N * args->H * args->W * args->C),
                LEIT_ELEMENT_THREADS, 0, exec->stream, *args);
    return leit_launch_status("batch_moments backward");
}

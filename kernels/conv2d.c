#include "kernels/conv2d.h"

#include "kernels/convolve.h"

static leit_status check(const struct leit_conv2d *args)
{
    LEIT_TRY(leit_conv2d_check(args));
    return leit_check_rows("conv2d", args->n_samples, args->N);
}

static leit_convolution forward_of(const struct leit_conv2d *args, int64_t n_samples)
{
    return (leit_convolution){.N = n_samples,
                              .H = args->H,
                              .W = args->W,
                              .C = args->C,
                              .K = args->K,
                              .kernel_size = args->kernel_size,
                              .x = args->x,
                              .w = args->w,
                              .b = args->b,
                              .y = args->y};
}

/* dx is the convolution of dy with the weights turned round and their channels exchanged. */
static leit_convolution gradient_of(const struct leit_conv2d *args, int64_t n_samples)
{
    return (leit_convolution){.N = n_samples,
                              .H = args->H,
                              .W = args->W,
                              .C = args->K,
                              .K = args->C,
                              .kernel_size = args->kernel_size,
                              .x = args->dy,
                              .w = args->w,
                              .is_gradient = true,
                              .y = args->dx};
}

size_t leit_conv2d_workspace_cpu(const struct leit_conv2d *args, int n_workers)
{
    const leit_convolution forward = forward_of(args, args->N),
                           gradient = gradient_of(args, args->N);
    const struct leit_batch_moments moments = leit_conv2d_moments(args);
    const size_t bytes[4] = {leit_convolve_workspace(&forward, n_workers),
                             leit_convolve_workspace(&gradient, n_workers),
                             leit_convolve_weights_workspace(args, n_workers),
                             leit_batch_moments_workspace_cpu(&moments, n_workers)};
    size_t largest = bytes[0];
    for (int i = 1; i < 4; i++) largest = bytes[i] > largest ? bytes[i] : largest;
    return largest;
}

leit_status leit_conv2d_forward_cpu(const leit_exec *exec, const struct leit_conv2d *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "conv2d", exec, leit_conv2d_workspace_cpu(args, leit_threads_count(exec->threads))));
    const leit_convolution forward = forward_of(args, leit_rows(args->n_samples, args->N));
    if (forward.N > 0) leit_convolve(exec, &forward);
    if (args->moments == NULL || args->N == 0) return LEIT_OK;
    const struct leit_batch_moments moments = leit_conv2d_moments(args);
    return leit_batch_moments_forward_cpu(exec, &moments);
}

leit_status leit_conv2d_backward_cpu(const leit_exec *exec, const struct leit_conv2d *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "conv2d", exec, leit_conv2d_workspace_cpu(args, leit_threads_count(exec->threads))));
    const leit_convolution gradient = gradient_of(args, leit_rows(args->n_samples, args->N));
    if (gradient.N == 0) return LEIT_OK;
    if (args->dx != NULL) leit_convolve(exec, &gradient);
    if (args->dw != NULL || args->db != NULL) leit_convolve_weights(exec, args, gradient.N);
    return LEIT_OK;
}

#include "kernels/batchnorm1d.h"

#include "kernels/batchnorm2d.h"

/* Rows are images of one pixel. */
static struct leit_batchnorm2d images(const struct leit_batchnorm1d *args)
{
    return (struct leit_batchnorm2d){.N = args->N,
                                     .H = 1,
                                     .W = 1,
                                     .C = args->C,
                                     .training = args->training,
                                     .relu = args->relu,
                                     .pool_height = 1,
                                     .pool_width = 1,
                                     .epsilon = args->epsilon,
                                     .momentum = args->momentum,
                                     .n_samples = args->n_rows,
                                     .x = args->x,
                                     .w = args->w,
                                     .b = args->b,
                                     .running_mean = args->running_mean,
                                     .running_var = args->running_var,
                                     .mean = args->mean,
                                     .rstd = args->rstd,
                                     .y = args->y,
                                     .dy = args->dy,
                                     .dx = args->dx,
                                     .dw = args->dw,
                                     .db = args->db};
}

size_t leit_batchnorm1d_workspace_cpu(const struct leit_batchnorm1d *args, int n_workers)
{
    const struct leit_batchnorm2d rows = images(args);
    return leit_batchnorm2d_workspace_cpu(&rows, n_workers);
}

leit_status leit_batchnorm1d_forward_cpu(const leit_exec *exec, const struct leit_batchnorm1d *args)
{
    const struct leit_batchnorm2d rows = images(args);
    return leit_batchnorm2d_forward_cpu(exec, &rows);
}

leit_status leit_batchnorm1d_backward_cpu(const leit_exec *exec,
                                          const struct leit_batchnorm1d *args)
{
    const struct leit_batchnorm2d rows = images(args);
    return leit_batchnorm2d_backward_cpu(exec, &rows);
}

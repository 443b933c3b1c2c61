/* batchnorm1d as plain loops: batchnorm2d with images of one pixel. */
#include "reference/batchnorm_loops.h"

static struct leit_batchnorm2d REFERENCE(sizes)(leit_case *c)
{
    const struct leit_batchnorm1d *args = leit_case_args(c);
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    return (struct leit_batchnorm2d){.N = n_rows != NULL ? *n_rows : args->N,
                                     .H = 1,
                                     .W = 1,
                                     .C = args->C,
                                     .training = args->training,
                                     .relu = args->relu,
                                     .pool_height = 1,
                                     .pool_width = 1,
                                     .epsilon = args->epsilon,
                                     .momentum = args->momentum};
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_batchnorm2d sizes = REFERENCE(sizes)(c);
    REFERENCE(batchnorm_forward)(c, &sizes, sizes.N);
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_batchnorm2d sizes = REFERENCE(sizes)(c);
    REFERENCE(batchnorm_backward)(c, &sizes, sizes.N);
}

/* batchnorm2d as plain loops. */
#include "reference/batchnorm_loops.h"

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_batchnorm2d *args = leit_case_args(c);
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    REFERENCE(batchnorm_forward)(c, args, n_samples != NULL ? *n_samples : args->N);
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_batchnorm2d *args = leit_case_args(c);
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    REFERENCE(batchnorm_backward)(c, args, n_samples != NULL ? *n_samples : args->N);
}

#include "kernels/batchnorm1d.h"
#include "kernels/batchnorm2d.h"

#define LEIT_REFERENCE "reference/batchnorm1d.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=2 C=3",
    "N=97 C=59 relu=1",
    "N=32 C=128 n_rows=21",
    "N=7 C=1025 offset=300",
    "N=9 C=1",
    "N=5 C=64 relu=1 training=0",
    "N=1 C=8 training=0",
    "N=4 C=8 relu=1 n_rows=0",
    "N=530 C=34 n_rows=519", /* more than one launch takes on */
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_batchnorm1d *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), C = args->C = leit_case_int(c, "C", 0);
    args->training = (int)leit_case_int(c, "training", 1);
    args->relu = (int)leit_case_int(c, "relu", 0);
    args->epsilon = (float)leit_case_float(c, "epsilon", 1e-5);
    args->momentum = (float)leit_case_float(c, "momentum", 0.1);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);

    double *x = leit_case_input(c, "x", &args->x, N * C, rows * C);
    const double offset = leit_case_float(c, "offset", 0.0);
    for (int64_t i = 0; i < rows * C; i++) x[i] += offset;
    leit_case_input(c, "w", &args->w, C, C);
    leit_case_input(c, "b", &args->b, C, C);
    leit_case_inout(c, "running_mean", &args->running_mean, C);
    double *running_var = leit_case_inout(c, "running_var", &args->running_var, C);
    for (int64_t k = 0; k < C; k++) running_var[k] = 0.5 + running_var[k] * running_var[k];
    leit_case_output(c, "mean", &args->mean, C);
    leit_case_output(c, "rstd", &args->rstd, C);
    leit_case_output(c, "y", &args->y, N * C);
    leit_case_gradient_in(c, "dy", &args->dy, "y", rows * C);
    leit_case_gradient(c, "dx", &args->dx, "x");
    leit_case_gradient_sum(c, "dw", &args->dw, "w");
    leit_case_gradient_sum(c, "db", &args->db, "b");
    const double elements = (double)(rows * C), bytes = elements * sizeof(float);
    leit_case_work(c, 8.0 * elements, 3 * bytes, 10.0 * elements, 5 * bytes);
}

LEIT_CASES(batchnorm1d)

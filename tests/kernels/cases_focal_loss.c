#include "kernels/focal_loss.h"

#define LEIT_REFERENCE "reference/focal_loss.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 K=1 gamma=2",
    "N=97 K=7 gamma=2",
    "N=97 K=7 gamma=2 weight_is_constant=1",
    "N=16 K=1025 gamma=0.5",
    "N=33 K=5 gamma=0",
    "N=9 K=7 gamma=3.5 n_rows=5",
    "N=9 K=5 gamma=2 n_rows=0 weight_is_constant=1",
    "N=0 K=5 gamma=2",
    "N=33 K=7 gamma=2 spread=80",
    "N=33 K=7 gamma=2 spread=1e4",
    "N=33 K=7 gamma=2 spread=1e4 weight_is_constant=1",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_focal_loss *args = leit_case_args(c);
    args->gamma = (float)leit_case_float(c, "gamma", 2.0);
    args->weight_is_constant = (int)leit_case_int(c, "weight_is_constant", 0);
    if (args->weight_is_constant) leit_case_no_differences(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), K = args->K = leit_case_int(c, "K", 0);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);
    double *x = leit_case_input(c, "x", &args->x, N * K, rows * K);
    for (int64_t i = 0; i < rows * K; i++) x[i] *= leit_case_float(c, "spread", 1.0);
    leit_case_indices(c, "labels", &args->labels, N, rows, (int32_t)K);
    leit_case_output(c, "probabilities", &args->probabilities, N * K);
    leit_case_output(c, "losses", &args->losses, N);
    leit_case_output(c, "loss", &args->loss, 1);
    leit_case_gradient_in(c, "dloss", &args->dloss, "loss", 1);
    leit_case_gradient(c, "dx", &args->dx, "x");
    const double elements = (double)(rows * K);
    leit_case_work(c, 24 * elements, 8 * elements, 24 * elements, 12 * elements);
}

LEIT_CASES(focal_loss)

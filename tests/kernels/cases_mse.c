#include "kernels/mse.h"

#define LEIT_REFERENCE "reference/mse.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 D=1", "N=97 D=300",          "N=64 D=2", "N=3 D=1025 n_rows=2", "N=5 D=7 n_rows=0",
    "N=0 D=2", "N=33 D=2 spread=1e4", NULL,
};

static void describe(leit_case *c)
{
    struct leit_mse *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), D = args->D = leit_case_int(c, "D", 0);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);
    double *x = leit_case_input(c, "x", &args->x, N * D, rows * D);
    for (int64_t i = 0; i < rows * D; i++) x[i] *= leit_case_float(c, "spread", 1.0);
    leit_case_input(c, "target", &args->target, N * D, rows * D);
    leit_case_output(c, "losses", &args->losses, N);
    leit_case_output(c, "loss", &args->loss, 1);
    leit_case_gradient_in(c, "dloss", &args->dloss, "loss", 1);
    leit_case_gradient(c, "dx", &args->dx, "x");
    const double elements = (double)(rows * D);
    leit_case_work(c, 3 * elements, 8 * elements, 2 * elements, 12 * elements);
}

LEIT_CASES(mse)

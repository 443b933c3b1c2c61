#include "kernels/l2_normalize.h"

#define LEIT_REFERENCE "reference/l2_normalize.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 E=1",          "N=97 E=64", "N=3 E=1025 n_rows=2", "N=70 E=59 spread=1000",
    "N=4 E=5 n_rows=0", NULL,
};

static void describe(leit_case *c)
{
    struct leit_l2_normalize *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), E = args->E = leit_case_int(c, "E", 0);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);
    double *x = leit_case_input(c, "x", &args->x, N * E, rows * E);
    for (int64_t i = 0; i < rows * E; i++) x[i] *= leit_case_float(c, "spread", 1.0);
    leit_case_output(c, "y", &args->y, N * E);
    leit_case_output(c, "norm", &args->norm, N);
    leit_case_gradient_in(c, "dy", &args->dy, "y", rows * E);
    leit_case_gradient(c, "dx", &args->dx, "x");
    double elements = (double)(rows * E);
    leit_case_work(c, 3 * elements, 8 * elements, 5 * elements, 12 * elements);
}

LEIT_CASES(l2_normalize)

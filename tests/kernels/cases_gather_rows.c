#include "kernels/gather_rows.h"

#define LEIT_REFERENCE "reference/gather_rows.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 M=1 D=1",
    "N=32 M=97 D=59",
    "N=11 M=11 D=130",
    "N=5 M=300 D=1025",
    "N=9 M=20 D=7 n_rows=4",
    "N=3 M=5 D=4 n_rows=0",
    "N=9 M=40 D=70 n_rows=7 adds_dx=1",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_gather_rows *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), M = args->M = leit_case_int(c, "M", 0);
    const int64_t D = args->D = leit_case_int(c, "D", 0);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);
    int32_t *index = leit_case_indices(c, "index", &args->index, N, rows, (int32_t)M);
    for (int64_t n = 0; n < rows; n++) /* distinct: 7 does not divide M */
        index[n] = (int32_t)((7 * n + M - 1) % M);
    leit_case_input(c, "x", &args->x, M * D, M * D);
    leit_case_output(c, "y", &args->y, N * D);
    leit_case_gradient_in(c, "dy", &args->dy, "y", rows * D);
    args->adds_dx = leit_case_int(c, "adds_dx", 0);
    if (args->adds_dx)
        leit_case_gradient_sum(c, "dx", &args->dx, "x");
    else
        leit_case_gradient(c, "dx", &args->dx, "x");
    leit_case_work(c, 0.0, 8.0 * (double)(rows * D), 0.0, 4.0 * (double)(M * D + 2 * rows * D));
}

LEIT_CASES(gather_rows)

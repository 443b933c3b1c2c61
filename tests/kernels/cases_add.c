#include "kernels/add.h"

#define LEIT_REFERENCE "reference/add.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 D=1", "N=97 D=111", "N=9 D=1025 n_rows=7 no_da=1", "N=4 D=3 n_rows=0", NULL,
};

static void describe(leit_case *c)
{
    struct leit_add *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), D = args->D = leit_case_int(c, "D", 0);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);
    leit_case_input(c, "a", &args->a, N * D, rows * D);
    leit_case_input(c, "b", &args->b, N * D, rows * D);
    leit_case_output(c, "y", &args->y, N * D);
    leit_case_gradient_in(c, "dy", &args->dy, "y", rows * D);
    if (!leit_case_int(c, "no_da", 0)) leit_case_gradient(c, "da", &args->da, "a");
    leit_case_gradient(c, "db", &args->db, "b");
    double elements = (double)(rows * D);
    leit_case_work(c, elements, 12 * elements, 0.0, 12 * elements);
}

LEIT_CASES(add)

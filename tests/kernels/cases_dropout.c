#include "kernels/dropout.h"

#include "core/rng.h"

#define LEIT_REFERENCE "reference/dropout.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 D=1 p=0.5",
    "N=97 D=111 p=0.1",
    "N=9 D=1025 p=0.5 n_rows=8",
    "N=5 D=6 p=0.999",
    "N=5 D=7 p=0 n_rows=4",
    "N=3 D=4 p=0.1 n_rows=0",
    NULL,
};

static void describe(leit_case *c)
{
    static const leit_random draws = {0x0123456789ABCDEFu, 42};
    struct leit_dropout *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), D = args->D = leit_case_int(c, "D", 0);
    args->p = (float)leit_case_float(c, "p", 0.0);
    args->stream = LEIT_STREAM_DROPOUT + 3;
    if (args->p > 0.0f) args->random = &draws;
    if (args->random != NULL) leit_case_lend(c, "draws", &args->random, sizeof draws);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);
    leit_case_input(c, "x", &args->x, N * D, rows * D);
    leit_case_output(c, "y", &args->y, N * D);
    leit_case_gradient_in(c, "dy", &args->dy, "y", rows * D);
    leit_case_gradient(c, "dx", &args->dx, "x");
    double elements = (double)(rows * D);
    leit_case_work(c, elements, 8 * elements, elements, 8 * elements);
}

LEIT_CASES(dropout)

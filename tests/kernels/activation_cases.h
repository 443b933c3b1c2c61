/* The cases of an activation: an op on every element of (N, D) with fields n_rows, x, y, dy, dx.
 * The file has included the op's header and its reference; operations are counted per element. */
#ifndef LEIT_TESTS_ACTIVATION_CASES_H
#define LEIT_TESTS_ACTIVATION_CASES_H

#include "kernels/harness.h"

static const char *const params[] = {
    "N=1 D=1", "N=97 D=111", "N=3 D=1025 n_rows=2", "N=41 D=7 spread=6", "N=9 D=5 n_rows=0", NULL,
};

#define LEIT_ACTIVATION_CASES(op, forward_operations, backward_operations)                         \
    static void describe(leit_case *c)                                                             \
    {                                                                                              \
        struct leit_##op *args = leit_case_args(c);                                                \
        const int64_t N = args->N = leit_case_int(c, "N", 0);                                      \
        const int64_t D = args->D = leit_case_int(c, "D", 0);                                      \
        const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);                       \
        double *x = leit_case_input(c, "x", &args->x, N * D, rows * D);                            \
        for (int64_t i = 0; i < rows * D; i++) x[i] *= leit_case_float(c, "spread", 1.0);          \
        leit_case_output(c, "y", &args->y, N *D);                                                  \
        leit_case_gradient_in(c, "dy", &args->dy, "y", rows *D);                                   \
        leit_case_gradient(c, "dx", &args->dx, "x");                                               \
        double elements = (double)(rows * D);                                                      \
        leit_case_work(c, (forward_operations)*elements, 8 * elements,                             \
                       (backward_operations)*elements, 12 * elements);                             \
    }                                                                                              \
    LEIT_CASES(op)

#endif

#include "kernels/layernorm.h"

#include "core/rng.h"

#define LEIT_REFERENCE "reference/layernorm.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 D=3",
    "N=97 D=59",
    "N=5 D=1025 residual=1",
    "N=130 D=384 residual=1 epsilon=1e-12",
    "N=70 D=111 residual=1 n_rows=41",
    "N=3 D=768 offset=300", /* |mean| much larger than the deviation */
    "N=33 D=64 n_rows=0",
    /* Of the fast CUDA kernels, in fours: several rows to a warp, all of a lane's registers. */
    "N=1100 D=12 n_rows=1090",
    "N=21 D=772 residual=1 n_rows=19",
    "N=9 D=1024",
    "N=11 D=33 residual=1 dropout=0.5",
    "N=37 D=388 residual=1 dropout=0.1 n_rows=36",
    "N=3 D=1026 residual=1 dropout=0.3",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_layernorm *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), D = args->D = leit_case_int(c, "D", 0);
    args->epsilon = (float)leit_case_float(c, "epsilon", 1e-5);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);
    static const leit_random draws = {0x0123456789ABCDEFu, 42};
    args->dropout = (float)leit_case_float(c, "dropout", 0.0);
    args->stream = LEIT_STREAM_DROPOUT + 7;
    if (args->dropout > 0.0f) args->random = &draws;
    if (args->random != NULL) leit_case_lend(c, "draws", &args->random, sizeof draws);

    double *x = leit_case_input(c, "x", &args->x, N * D, rows * D);
    const double offset = leit_case_float(c, "offset", 0.0);
    for (int64_t i = 0; i < rows * D; i++) x[i] += offset;
    const bool has_residual = leit_case_int(c, "residual", 0) != 0;
    if (has_residual) {
        leit_case_input(c, "residual", &args->residual, N * D, rows * D);
        leit_case_output(c, "sum", &args->sum, N * D);
    }
    leit_case_input(c, "w", &args->w, D, D);
    leit_case_input(c, "b", &args->b, D, D);
    leit_case_output(c, "y", &args->y, N * D);
    leit_case_output(c, "mean", &args->mean, N);
    leit_case_output(c, "rstd", &args->rstd, N);
    leit_case_gradient_in(c, "dy", &args->dy, "y", rows * D);
    leit_case_gradient(c, "dx", &args->dx, "x");
    if (has_residual) leit_case_gradient(c, "dresidual", &args->dresidual, "residual");
    leit_case_gradient_sum(c, "dw", &args->dw, "w");
    leit_case_gradient_sum(c, "db", &args->db, "b");
    const double elements = (double)(rows * D), bytes = elements * sizeof(float);
    leit_case_work(c, 8.0 * elements, (has_residual ? 4 : 2) * bytes, 14.0 * elements,
                   (has_residual ? 4 : 3) * bytes);
}

LEIT_CASES(layernorm)

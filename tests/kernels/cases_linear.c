#include "kernels/linear.h"

#define LEIT_REFERENCE "reference/linear.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 D=1 K=1",
    "N=97 D=59 K=111",
    "N=33 D=130 K=257 gelu=1",
    "N=40 D=17 K=65 relu=1 n_rows=29",
    "N=70 D=96 K=31 gelu=1 n_rows=1 no_bias=1",
    "N=300 D=40 K=500 no_dx=1", /* several tiles each way */
    "N=5 D=1025 K=3 no_bias=1",
    "N=9 D=4 K=8 gelu=1 n_rows=0",
    "N=70 D=216 K=132 relu=1 n_rows=67",  /* rows of whole 16 bytes; many columns, not split */
    "N=290 D=388 K=20 gelu=1 n_rows=270", /* split three ways */
    "N=530 D=36 K=70 n_rows=517",         /* the sums of db too */
    "N=70 D=40 K=290 n_rows=61 adds_dx=1",
    "N=33 D=21 K=19 relu=1 adds_dx=1",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_linear *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), D = args->D = leit_case_int(c, "D", 0);
    const int64_t K = args->K = leit_case_int(c, "K", 0);
    if (leit_case_int(c, "relu", 0)) args->activation = LEIT_ACTIVATION_RELU;
    if (leit_case_int(c, "gelu", 0)) args->activation = LEIT_ACTIVATION_GELU;
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);

    const bool has_bias = !leit_case_int(c, "no_bias", 0);
    leit_case_input(c, "x", &args->x, N * D, rows * D);
    leit_case_input(c, "w", &args->w, K * D, K * D);
    if (has_bias) leit_case_input(c, "b", &args->b, K, K);
    leit_case_output(c, "y", &args->y, N * K);
    if (args->activation != LEIT_ACTIVATION_NONE) leit_case_output(c, "pre", &args->pre, N * K);
    leit_case_gradient_in(c, "dy", &args->dy, "y", rows * K);
    args->adds_dx = leit_case_int(c, "adds_dx", 0);
    if (args->adds_dx)
        leit_case_gradient_sum(c, "dx", &args->dx, "x");
    else if (!leit_case_int(c, "no_dx", 0))
        leit_case_gradient(c, "dx", &args->dx, "x");
    leit_case_gradient_sum(c, "dw", &args->dw, "w");
    if (has_bias) leit_case_gradient_sum(c, "db", &args->db, "b");
    double product = 2.0 * (double)(rows * D * K);
    double bytes = (double)(rows * D + K * D + rows * K) * sizeof(float);
    leit_case_work(c, product, bytes, (leit_case_int(c, "no_dx", 0) ? 1 : 2) * product, 2 * bytes);
}

LEIT_CASES(linear)

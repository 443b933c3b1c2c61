#include "kernels/global_max_pool.h"

#define LEIT_REFERENCE "reference/global_max_pool.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 H=1 W=1 C=1",
    "N=3 H=1 W=7 C=59",
    "N=5 H=11 W=31 C=97 n_samples=3",
    "N=2 H=5 W=4 C=33 ties=1",
    "N=2 H=1 W=2 C=3 n_samples=0",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_global_max_pool *args = leit_case_args(c);
    args->N = leit_case_int(c, "N", 0);
    args->H = leit_case_int(c, "H", 0);
    args->W = leit_case_int(c, "W", 0);
    const int64_t C = args->C = leit_case_int(c, "C", 0);
    const int64_t samples = leit_case_count(c, "n_samples", &args->n_samples, args->N);
    const int64_t pixels = args->H * args->W * C, outputs = C;

    double *x = leit_case_input(c, "x", &args->x, args->N * pixels, samples * pixels);
    if (leit_case_int(c, "ties", 0)) /* forward only: a tie has no central difference */
        for (int64_t i = 0; i < samples * pixels; i++) x[i] = x[i] > 0;
    leit_case_output(c, "y", &args->y, args->N * outputs);
    leit_case_output_i32(c, "argmax", &args->argmax, args->N * outputs);
    leit_case_gradient_in(c, "dy", &args->dy, "y", samples * outputs);
    if (leit_case_int(c, "ties", 0) == 0) leit_case_gradient(c, "dx", &args->dx, "x");
    const double bytes = (double)(samples * pixels) * sizeof(float);
    leit_case_work(c, (double)(samples * pixels), bytes, 0.0, bytes);
}

LEIT_CASES(global_max_pool)

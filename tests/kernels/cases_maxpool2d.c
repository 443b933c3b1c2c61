#include "kernels/maxpool2d.h"

#define LEIT_REFERENCE "reference/maxpool2d.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 H=1 W=1 C=1 pool_height=1 pool_width=1",
    "N=3 H=5 W=7 C=59",
    "N=2 H=4 W=9 C=16 pool_width=3",
    "N=3 H=15 W=17 C=1 pool_height=15 pool_width=15 n_samples=2",
    "N=2 H=3 W=5 C=1111 n_samples=1",
    "N=2 H=6 W=6 C=9 ties=1",
    "N=2 H=2 W=2 C=3 n_samples=0",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_maxpool2d *args = leit_case_args(c);
    args->N = leit_case_int(c, "N", 0);
    args->H = leit_case_int(c, "H", 0);
    args->W = leit_case_int(c, "W", 0);
    const int64_t C = args->C = leit_case_int(c, "C", 0);
    args->pool_height = (int)leit_case_int(c, "pool_height", 2);
    args->pool_width = (int)leit_case_int(c, "pool_width", 2);
    const int64_t samples = leit_case_count(c, "n_samples", &args->n_samples, args->N);
    const int64_t pixels = args->H * args->W * C,
                  outputs = (args->H / args->pool_height) * (args->W / args->pool_width) * C;

    double *x = leit_case_input(c, "x", &args->x, args->N * pixels, samples * pixels);
    if (leit_case_int(c, "ties", 0)) /* forward only: a tie has no central difference */
        for (int64_t i = 0; i < samples * pixels; i++) x[i] = x[i] > 0;
    leit_case_output(c, "y", &args->y, args->N * outputs);
    leit_case_output_u8(c, "argmax", &args->argmax, args->N * outputs);
    leit_case_gradient_in(c, "dy", &args->dy, "y", samples * outputs);
    if (leit_case_int(c, "ties", 0) == 0) leit_case_gradient(c, "dx", &args->dx, "x");
    const double bytes = (double)(samples * pixels) * sizeof(float);
    leit_case_work(c, (double)(samples * pixels), bytes, 0.0, bytes);
}

LEIT_CASES(maxpool2d)

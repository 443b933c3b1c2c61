/* batch_moments as plain loops; see kernels/batch_moments.h. */
#include "reference/moments.h"

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_batch_moments *args = leit_case_args(c);
    const real *x = BUFFER("x");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t samples = n_samples != NULL ? *n_samples : args->N;
    REFERENCE(moments)(x, samples * args->H * args->W, args->C, samples, BUFFER("moments"));
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_batch_moments *args = leit_case_args(c);
    const real *x = BUFFER("x"), *moments = BUFFER("moments"), *dmoments = BUFFER("dmoments");
    real *dx = BUFFER("dx");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t C = args->C, samples = n_samples != NULL ? *n_samples : args->N;
    const int64_t pixels = samples * args->H * args->W;
    for (int64_t i = 0; dx != NULL && i < pixels * C; i++) {
        const int64_t k = i % C;
        const real g = dmoments[k] / (real)pixels + 2 * dmoments[C + k] * (x[i] - moments[k]);
        dx[i] = args->adds_dx ? dx[i] + g : g;
    }
}

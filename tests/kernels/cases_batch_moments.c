#include "kernels/batch_moments.h"

#define LEIT_REFERENCE "reference/batch_moments.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 H=1 W=1 C=1",
    "N=7 H=1 W=1 C=13",
    "N=3 H=7 W=111 C=1 offset=40",
    "N=1 H=32 W=300 C=1", /* more than one block */
    "N=2 H=27 W=21 C=68 offset=300 adds_dx=1",
    "N=3 H=5 W=7 C=59 n_samples=2 adds_dx=1",
    "N=5 H=3 W=2 C=1025",
    "N=3 H=4 W=5 C=12 n_samples=0",
    "N=2 H=3 W=4 C=9 no_dx=1",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_batch_moments *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), H = args->H = leit_case_int(c, "H", 0);
    const int64_t W = args->W = leit_case_int(c, "W", 0), C = args->C = leit_case_int(c, "C", 0);
    const int64_t samples = leit_case_count(c, "n_samples", &args->n_samples, N);
    const int64_t valid = samples * H * W * C;
    double *x = leit_case_input(c, "x", &args->x, N * H * W * C, valid);
    const double offset = leit_case_float(c, "offset", 0.0);
    for (int64_t i = 0; i < valid; i++) x[i] += offset;
    leit_case_output(c, "moments", &args->moments, 2 * C + 1);
    leit_case_gradient_in(c, "dmoments", &args->dmoments, "moments", 2 * C + 1);
    args->adds_dx = leit_case_int(c, "adds_dx", 0);
    if (args->adds_dx)
        leit_case_gradient_sum(c, "dx", &args->dx, "x");
    else if (!leit_case_int(c, "no_dx", 0))
        leit_case_gradient(c, "dx", &args->dx, "x");
    const double elements = (double)valid, bytes = elements * sizeof(float);
    leit_case_work(c, 5.0 * elements, bytes, 5.0 * elements, 2 * bytes);
}

LEIT_CASES(batch_moments)

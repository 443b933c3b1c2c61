#include "kernels/cosine_triplet.h"

#define LEIT_REFERENCE "reference/cosine_triplet.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 E=1",
    "N=16 E=64 margin=0.2",
    "N=97 E=59 margin=0.2",
    "N=33 E=1025 margin=0.2",
    "N=33 E=64 margin=2",
    "N=33 E=5 margin=-1",
    "N=16 E=64 equal=1 margin=0.2",
    "N=16 E=64 zero=1 margin=0.2",
    "N=9 E=4 margin=0.2 spread=1e-6",
    "N=32 E=64 margin=0.2 spread=1e4",
    "N=0 E=64",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_cosine_triplet *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), E = args->E = leit_case_int(c, "E", 0);
    args->margin = (float)leit_case_float(c, "margin", 0.2);
    double *a = leit_case_input(c, "a", &args->a, N * E, N * E);
    double *p = leit_case_input(c, "p", &args->p, N * E, N * E);
    const double spread = leit_case_float(c, "spread", 1.0);
    for (int64_t i = 0; i < N * E; i++) a[i] *= spread, p[i] *= spread;
    if (leit_case_int(c, "equal",
                      0)) /* positive, negative and anchor alike: the loss is the margin */
        for (int64_t i = 0; i < N * E; i++) a[i] = p[i] = a[i % E];
    if (leit_case_int(c, "zero", 0)) /* every third anchor, every fifth positive */
        for (int64_t i = 0; i < N * E; i++) {
            if (i / E % 3 == 0) a[i] = 0.0;
            if (i / E % 5 == 0) p[i] = 0.0;
        }
    /* Inside the clamp a step of a central difference leaves it. */
    if (spread < 1e-4 || leit_case_int(c, "zero", 0)) leit_case_no_differences(c);
    int32_t *negative =
        leit_case_indices(c, "negative", &args->negative, N, N, (int32_t)(N > 0 ? N : 1));
    for (int64_t n = 3; n < N; n += 7) negative[n] = -1;
    leit_case_output(c, "losses", &args->losses, N);
    leit_case_output(c, "loss", &args->loss, 1);
    leit_case_gradient_in(c, "dloss", &args->dloss, "loss", 1);
    leit_case_gradient(c, "da", &args->da, "a");
    leit_case_gradient(c, "dp", &args->dp, "p");
    const double elements = (double)(N * E);
    leit_case_work(c, 12 * elements, 12 * elements, 40 * elements, 20 * elements);
}

LEIT_CASES(cosine_triplet)

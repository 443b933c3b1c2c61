#include "kernels/cosine_triplet.h"

/* What the arrays of each pair are called: the first pair's as in the goldens. */
static const struct pair_names {
    const char *a, *p, *negative, *losses, *loss, *dloss, *da, *dp;
} names[LEIT_TRIPLET_PAIRS] = {
    {"a", "p", "negative", "losses", "loss", "dloss", "da", "dp"},
    {"a1", "p1", "negative1", "losses1", "loss1", "dloss1", "da1", "dp1"},
    {"a2", "p2", "negative2", "losses2", "loss2", "dloss2", "da2", "dp2"},
};

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
    "N=17 E=64 margin=0.2 pairs=3",
    "N=5 E=9 margin=2 pairs=2",
    "N=0 E=4 pairs=3",
    NULL,
};

static void describe_pair(leit_case *c, struct leit_triplet_pair *pair, int k)
{
    const struct leit_cosine_triplet *args = leit_case_args(c);
    const int64_t N = args->N, E = args->E;
    double *a = leit_case_input(c, names[k].a, &pair->a, N * E, N * E);
    double *p = leit_case_input(c, names[k].p, &pair->p, N * E, N * E);
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
    int32_t *negative =
        leit_case_indices(c, names[k].negative, &pair->negative, N, N, (int32_t)(N > 0 ? N : 1));
    for (int64_t n = 3; n < N; n += 7) negative[n] = -1;
    leit_case_output(c, names[k].losses, &pair->losses, N);
    leit_case_output(c, names[k].loss, &pair->loss, 1);
}

static void describe_gradients(leit_case *c, struct leit_triplet_pair *pair, int k)
{
    leit_case_gradient_in(c, names[k].dloss, &pair->dloss, names[k].loss, 1);
    leit_case_gradient(c, names[k].da, &pair->da, names[k].a);
    leit_case_gradient(c, names[k].dp, &pair->dp, names[k].p);
}

static void describe(leit_case *c)
{
    struct leit_cosine_triplet *args = leit_case_args(c);
    args->N = leit_case_int(c, "N", 0);
    args->E = leit_case_int(c, "E", 0);
    args->margin = (float)leit_case_float(c, "margin", 0.2);
    args->n_pairs = (int)leit_case_int(c, "pairs", 1);
    for (int k = 0; k < args->n_pairs; k++) describe_pair(c, &args->pairs[k], k);
    for (int k = 0; k < args->n_pairs; k++) describe_gradients(c, &args->pairs[k], k);
    /* Inside the clamp a step of a central difference leaves it. */
    if (leit_case_float(c, "spread", 1.0) < 1e-4 || leit_case_int(c, "zero", 0))
        leit_case_no_differences(c);
    const double elements = (double)(args->n_pairs * args->N * args->E);
    leit_case_work(c, 12 * elements, 12 * elements, 40 * elements, 20 * elements);
}

LEIT_CASES(cosine_triplet)

#include "kernels/triplet_sample.h"

#include "core/rng.h"

enum { MAX_ROWS = 128 };

#define LEIT_REFERENCE "reference/triplet_sample.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 E=1 n_labels=1",
    "N=16 E=64 n_labels=5",
    "N=97 E=64 n_labels=7",
    "N=97 E=59 n_labels=7 cosine=1",
    "N=33 E=2 n_labels=3",
    "N=33 E=3 n_labels=3",
    "N=33 E=1 n_labels=3",
    "N=128 E=1025 n_labels=2",
    "N=19 E=300 n_labels=3 cosine=1",
    "N=33 E=200 n_labels=4 opposite=1",
    "N=9 E=8 n_labels=1",
    "N=9 E=8 n_labels=1 cosine=1",
    "N=33 E=16 n_labels=4 equal=1",
    "N=33 E=16 n_labels=4 equal=1 cosine=1",
    "N=33 E=16 n_labels=4 zero=1",
    "N=0 E=4 n_labels=3",
    NULL,
};

static void describe(leit_case *c)
{
    static const leit_random draws = {0x0123456789ABCDEFu, 42};
    struct leit_triplet_sample *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), E = args->E = leit_case_int(c, "E", 0);
    args->weights = leit_case_int(c, "cosine", 0) ? LEIT_WEIGHTS_COSINE : LEIT_WEIGHTS_DISTANCE;
    args->cutoff = 0.5f;
    args->nonzero_loss_cutoff = 1.4f;
    args->stream = LEIT_STREAM_NEGATIVE;
    args->random = &draws;
    leit_case_lend(c, "draws", &args->random, sizeof draws);
    double *a = leit_case_input(c, "a", &args->a, N * E, N * E);
    double *p = leit_case_input(c, "p", &args->p, N * E, N * E);
    for (int64_t i = 0; i < N * E; i++) {
        if (leit_case_int(c, "equal", 0)) p[i] = a[i] = a[i % E];
        if (leit_case_int(c, "zero", 0)) p[i] = a[i] = 0.0;
        /* Half the items opposite to all anchors, the others near: log weights far apart. */
        if (leit_case_int(c, "opposite", 0)) {
            a[i] = 1.0;
            p[i] = i / E % 2 ? -1.0 : 1.0 + 0.5 * p[i];
        }
    }
    const int32_t n_labels = (int32_t)leit_case_int(c, "n_labels", 1);
    leit_case_indices(c, "anchor_labels", &args->anchor_labels, N, N, n_labels);
    leit_case_indices(c, "item_labels", &args->item_labels, N, N, n_labels);
    leit_case_output_i32(c, "negative", &args->negative, N);
    leit_case_output_i32(c, "n_empty", &args->n_empty, 1);
    leit_case_work(c, (double)(N * N * (2 * E + 60)), 8.0 * (double)(N * E), 0, 0);
}

LEIT_CASES_FORWARD(triplet_sample)

#include "kernels/adam.h"

#include "kernels/tensor_table.h"

#define LEIT_REFERENCE "reference/adam.h"
#include "reference/twice.h"

static const char *const params[] = {
    "n_tensors=1 N=1",
    "n_tensors=4 N=97 weight_decay=0.1",
    "n_tensors=2 N=40001 weight_decay=1e-4 clip_norm=0.125",
    "n_tensors=3 N=33 t=1 learning_rate=0.1",
    "n_tensors=2 N=33 t=2 clip_norm=1e6", /* nothing to clip */
    "n_tensors=2 N=1025 t=100000 learning_rate=1e-4",
    "n_tensors=0 N=1",
    "n_tensors=70 N=500", /* more than the lanes of two warps */
    NULL,
};

static void describe(leit_case *c)
{
    static leit_adam_now now;
    struct leit_adam *args = leit_case_args(c);
    const int64_t elements = tensor_table(c, &args->n_tensors);
    args->tensors = tensors;
    args->n_blocks = leit_tensor_blocks(tensors, args->n_tensors);
    args->beta1 = 0.9f;
    args->beta2 = 0.999f;
    args->epsilon = 1e-8f;
    now.t = leit_case_int(c, "t", 7);
    now.learning_rate = (float)leit_case_float(c, "learning_rate", 1e-2);
    args->now = &now;
    leit_case_lend(c, "now", &args->now, sizeof now);
    args->clip_norm = (float)leit_case_float(c, "clip_norm", 0.0);
    if (args->clip_norm > 0.0f) *leit_case_input(c, "norm", &args->norm, 1, 1) = 7.0;
    leit_case_inout(c, "p", NULL, elements);
    leit_case_input(c, "g", NULL, elements, elements);
    leit_case_inout(c, "m", NULL, elements);
    double *v = leit_case_inout(c, "v", NULL, elements);
    for (int64_t i = 0; i < elements; i++) v[i] *= v[i];
    lend_tensors(c, &args->tensors);
    leit_case_work(c, 14.0 * (double)elements, 28.0 * (double)elements, 0, 0);
}

LEIT_CASES_FORWARD(adam)

#include "kernels/adam.h"

#include <math.h>

#include "kernels/tensor_blocks.h"

/* Elements are independent; the step is bound by memory. A task takes one block of one tensor. */

LEIT_NO_WORKSPACE_CPU(adam)

struct step {
    const struct leit_adam *args;
    float rate;       /* learning_rate / (1 - beta1^t) */
    float correction; /* 1 / sqrt(1 - beta2^t) */
};

static void step_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct step *step = context;
    const struct leit_adam *args = step->args;
    const leit_tensor_block elements =
        leit_find_tensor_block(args->tensors, args->n_tensors, block);
    const leit_adam_tensor *tensor = elements.tensor;
    const float beta1 = args->beta1, beta2 = args->beta2, epsilon = args->epsilon;
    const float rate = step->rate, correction = step->correction, scale = args->now->scale;
    const float decay = tensor->weight_decay;
    float *restrict p = tensor->p, *restrict m = tensor->m, *restrict v = tensor->v;
    const float *restrict g = tensor->g;
    for (int64_t i = elements.begin; i < elements.end; i++) {
        const float gradient = scale * g[i] + decay * p[i];
        m[i] = beta1 * m[i] + (1.0f - beta1) * gradient;
        v[i] = beta2 * v[i] + (1.0f - beta2) * gradient * gradient;
        p[i] -= rate * m[i] / (sqrtf(v[i]) * correction + epsilon);
    }
}

leit_status leit_adam_forward_cpu(const leit_exec *exec, const struct leit_adam *args)
{
    LEIT_TRY(leit_check_tensors("adam", args->tensors, args->n_tensors, args->n_blocks));
    LEIT_FAIL_IF(args->now->t < 1, LEIT_INTERNAL, "adam: t is %lld, expected 1 or more",
                 (long long)args->now->t);
    const double t = (double)args->now->t;
    struct step step = {
        .args = args,
        .rate = (float)((double)args->now->learning_rate / (1.0 - pow((double)args->beta1, t))),
        .correction = (float)(1.0 / sqrt(1.0 - pow((double)args->beta2, t))),
    };
    leit_threads_run(exec->threads, args->n_blocks, step_block, &step);
    return LEIT_OK;
}

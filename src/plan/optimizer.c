#include "plan/optimizer.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/prefix.h"
#include "kernels/adam.h"
#include "kernels/grad_norm.h"

struct leit_optimizer {
    leit_optimizer_options options;
    const leit_backend *backend;
    leit_adam_tensor *tensors;
    leit_adam_now now;
    float norm;
    struct leit_adam adam;
    struct leit_grad_norm grad_norm;
    leit_exec exec;
};

static bool is_chosen(const leit_parameter *parameter, const char *const *prefixes)
{
    return parameter->gradient != NULL && leit_starts_with_any(parameter->name, prefixes);
}

leit_status leit_optimizer_create(const leit_optimizer_options *options,
                                  const leit_backend *backend, leit_threads *threads,
                                  const leit_parameters *parameters, const char *const *prefixes,
                                  leit_optimizer **result)
{
    leit_optimizer *optimizer = NULL;
    LEIT_TRY(LEIT_ALLOC(optimizer, 1));
    optimizer->options = *options;
    optimizer->backend = backend;
    leit_status status = LEIT_ALLOC(optimizer->tensors, parameters->count);
    int64_t n = 0;
    for (size_t i = 0; status == LEIT_OK && i < parameters->count; i++) {
        const leit_parameter *parameter = &parameters->list[i];
        if (!is_chosen(parameter, prefixes)) continue;
        optimizer->tensors[n++] =
            (leit_adam_tensor){.p = parameter->data,
                               .g = parameter->gradient,
                               .m = parameter->moment1,
                               .v = parameter->moment2,
                               .count = parameter->count,
                               .weight_decay = parameter->decays ? options->weight_decay : 0.0f};
    }
    optimizer->adam = (struct leit_adam){.n_tensors = n,
                                         .tensors = optimizer->tensors,
                                         .beta1 = options->beta1,
                                         .beta2 = options->beta2,
                                         .epsilon = options->epsilon,
                                         .now = &optimizer->now};
    optimizer->grad_norm = (struct leit_grad_norm){
        .n_tensors = n, .tensors = optimizer->tensors, .norm = &optimizer->norm};
    const int workers = leit_threads_count(threads);
    size_t bytes = backend->ops[LEIT_OP_adam].workspace_bytes(&optimizer->adam, workers);
    size_t norm_bytes =
        backend->ops[LEIT_OP_grad_norm].workspace_bytes(&optimizer->grad_norm, workers);
    if (norm_bytes > bytes) bytes = norm_bytes;
    optimizer->exec = (leit_exec){.threads = threads, .workspace_bytes = bytes};
    if (status == LEIT_OK) {
        optimizer->exec.workspace = leit_allocate(bytes, 1);
        if (optimizer->exec.workspace == NULL) status = LEIT_INTERNAL;
    }
    if (status != LEIT_OK) {
        leit_optimizer_free(optimizer);
        return status;
    }
    *result = optimizer;
    return LEIT_OK;
}

void leit_optimizer_free(leit_optimizer *optimizer)
{
    if (optimizer == NULL) return;
    leit_free(optimizer->tensors);
    leit_free(optimizer->exec.workspace);
    leit_free(optimizer);
}

leit_status leit_optimizer_step(leit_optimizer *optimizer, int64_t t, float learning_rate,
                                float *norm)
{
    const leit_op *ops = optimizer->backend->ops;
    LEIT_TRY(ops[LEIT_OP_grad_norm].forward(&optimizer->exec, &optimizer->grad_norm));
    const float clip = optimizer->options.clip_norm;
    /* As torch.nn.utils.clip_grad_norm_. */
    const float scale = clip > 0.0f ? fminf(1.0f, clip / (optimizer->norm + 1e-6f)) : 1.0f;
    *norm = optimizer->norm;
    if (!isfinite(optimizer->norm)) return LEIT_OK;
    optimizer->now = (leit_adam_now){.t = t, .learning_rate = learning_rate, .scale = scale};
    return ops[LEIT_OP_adam].forward(&optimizer->exec, &optimizer->adam);
}

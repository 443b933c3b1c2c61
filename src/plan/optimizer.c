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
    leit_mirror tensors; /* leit_adam_tensor each, pointers of the device */
    leit_mirror now;     /* leit_adam_now */
    leit_mirror norm;    /* float */
    struct leit_adam adam;
    struct leit_grad_norm grad_norm;
    leit_exec exec;
};

static bool is_chosen(const leit_parameter *parameter, const char *const *prefixes)
{
    return parameter->gradient != NULL && leit_starts_with_any(parameter->name, prefixes);
}

/* The chosen parameters as Adam sees them. */
static leit_status list_tensors(leit_optimizer *optimizer, const leit_parameters *parameters,
                                const char *const *prefixes, int64_t *n, int64_t *n_blocks)
{
    LEIT_TRY(leit_mirror_create(&optimizer->backend->memory,
                                parameters->count * sizeof(leit_adam_tensor), true,
                                &optimizer->tensors));
    leit_adam_tensor *tensors = optimizer->tensors.host;
    *n = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        const leit_parameter *parameter = &parameters->list[i];
        if (!is_chosen(parameter, prefixes)) continue;
        const leit_parameter_device device = leit_parameter_on_device(parameters, parameter);
        tensors[(*n)++] = (leit_adam_tensor){
            .p = device.data,
            .g = device.gradient,
            .m = device.moment1,
            .v = device.moment2,
            .count = parameter->count,
            .weight_decay = parameter->decays ? optimizer->options.weight_decay : 0.0f};
    }
    *n_blocks = leit_tensor_blocks(tensors, *n);
    return leit_mirror_upload(&optimizer->tensors);
}

static leit_status take_memory(leit_optimizer *optimizer, leit_threads *threads)
{
    const leit_device_memory *memory = &optimizer->backend->memory;
    const leit_op *ops = optimizer->backend->ops;
    LEIT_TRY(leit_mirror_create(memory, sizeof(leit_adam_now), true, &optimizer->now));
    LEIT_TRY(leit_mirror_create(memory, sizeof(float), true, &optimizer->norm));
    optimizer->adam.now = optimizer->now.device;
    optimizer->grad_norm.norm = optimizer->norm.device;
    const int workers = leit_threads_count(threads);
    const size_t bytes = ops[LEIT_OP_adam].workspace_bytes(&optimizer->adam, workers);
    const size_t norm_bytes =
        ops[LEIT_OP_grad_norm].workspace_bytes(&optimizer->grad_norm, workers);
    optimizer->exec =
        (leit_exec){.threads = threads, .workspace_bytes = bytes > norm_bytes ? bytes : norm_bytes};
    optimizer->exec.workspace = memory->allocate(optimizer->exec.workspace_bytes, true);
    if (optimizer->exec.workspace != NULL) return LEIT_OK;
    return memory->is_host ? LEIT_INTERNAL : LEIT_DEVICE;
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
    int64_t n = 0, n_blocks = 0;
    leit_status status = list_tensors(optimizer, parameters, prefixes, &n, &n_blocks);
    const leit_adam_tensor *tensors = optimizer->tensors.device;
    optimizer->adam = (struct leit_adam){.n_tensors = n,
                                         .n_blocks = n_blocks,
                                         .tensors = tensors,
                                         .beta1 = options->beta1,
                                         .beta2 = options->beta2,
                                         .epsilon = options->epsilon};
    optimizer->grad_norm =
        (struct leit_grad_norm){.n_tensors = n, .n_blocks = n_blocks, .tensors = tensors};
    if (status == LEIT_OK) status = take_memory(optimizer, threads);
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
    leit_mirror_clear(&optimizer->tensors);
    leit_mirror_clear(&optimizer->now);
    leit_mirror_clear(&optimizer->norm);
    optimizer->backend->memory.release(optimizer->exec.workspace);
    leit_free(optimizer);
}

leit_status leit_optimizer_step(leit_optimizer *optimizer, int64_t t, float learning_rate,
                                float *norm)
{
    const leit_op *ops = optimizer->backend->ops;
    LEIT_TRY(ops[LEIT_OP_grad_norm].forward(&optimizer->exec, &optimizer->grad_norm));
    LEIT_TRY(leit_mirror_download(&optimizer->norm));
    *norm = *(const float *)optimizer->norm.host;
    const float clip = optimizer->options.clip_norm;
    /* As torch.nn.utils.clip_grad_norm_. */
    const float scale = clip > 0.0f ? fminf(1.0f, clip / (*norm + 1e-6f)) : 1.0f;
    if (!isfinite(*norm)) return LEIT_OK;
    *(leit_adam_now *)optimizer->now.host =
        (leit_adam_now){.t = t, .learning_rate = learning_rate, .scale = scale};
    LEIT_TRY(leit_mirror_upload(&optimizer->now));
    return ops[LEIT_OP_adam].forward(&optimizer->exec, &optimizer->adam);
}

#include "plan/optimizer.h"

#include <string.h>

#include "core/memory.h"
#include "core/prefix.h"
#include "kernels/adam.h"
#include "kernels/grad_norm.h"

struct leit_optimizer {
    leit_optimizer_options options;
    const leit_backend *backend;
    leit_mirror tensors;    /* leit_adam_tensor each, pointers of the device */
    leit_mirror now;        /* leit_adam_now */
    leit_mirror learning;   /* the learning rates of a schedule */
    leit_mirror results;    /* leit_optimizer_result */
    leit_adam_rates *rates; /* of the device, as `done` (n_rows), of all tables that wait */
    int32_t *done;
    int64_t n_rows;
    struct leit_adam adam;
    struct leit_grad_norm grad_norm;
    leit_exec exec;
};

static bool is_chosen(const leit_parameter *parameter, const char *const *prefixes)
{
    return parameter->gradient != NULL && leit_starts_with_any(parameter->name, prefixes);
}

static bool may_wait(const leit_optimizer *optimizer, const leit_parameters *parameters, size_t i)
{
    const leit_plan *lookups = optimizer->options.lookups;
    return lookups != NULL && parameters->list[i].rank == 2 && leit_plan_only_looks_up(lookups, i);
}

/* Memory for the rows that wait, zeroed. */
static leit_status take_rows(leit_optimizer *optimizer, const leit_parameters *parameters,
                             const char *const *prefixes)
{
    const leit_device_memory *memory = &optimizer->backend->memory;
    for (size_t i = 0; i < parameters->count; i++)
        if (is_chosen(&parameters->list[i], prefixes) && may_wait(optimizer, parameters, i))
            optimizer->n_rows += parameters->list[i].shape[0];
    if (optimizer->n_rows == 0) return LEIT_OK;
    optimizer->rates = memory->allocate(sizeof(leit_adam_rates), true);
    optimizer->done = memory->allocate((size_t)optimizer->n_rows * sizeof(int32_t), true);
    if (optimizer->rates != NULL && optimizer->done != NULL) return LEIT_OK;
    return memory->is_host ? LEIT_INTERNAL : LEIT_DEVICE;
}

/* The chosen parameters as Adam sees them. */
static leit_status list_tensors(leit_optimizer *optimizer, const leit_parameters *parameters,
                                const char *const *prefixes, int64_t *n, int64_t *n_blocks)
{
    LEIT_TRY(leit_mirror_create(&optimizer->backend->memory,
                                parameters->count * sizeof(leit_adam_tensor), true,
                                &optimizer->tensors));
    LEIT_TRY(take_rows(optimizer, parameters, prefixes));
    leit_adam_tensor *tensors = optimizer->tensors.host;
    int32_t *done = optimizer->done;
    *n = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        const leit_parameter *parameter = &parameters->list[i];
        if (!is_chosen(parameter, prefixes)) continue;
        const leit_parameter_device device = leit_parameter_on_device(parameters, parameter);
        leit_adam_tensor *tensor = &tensors[(*n)++];
        *tensor = (leit_adam_tensor){
            .p = device.data,
            .g = device.gradient,
            .m = device.moment1,
            .v = device.moment2,
            .count = parameter->count,
            .weight_decay = parameter->decays ? optimizer->options.weight_decay : 0.0f};
        if (!may_wait(optimizer, parameters, i)) continue;
        tensor->width = parameter->shape[1];
        tensor->done = done;
        done += parameter->shape[0];
    }
    *n_blocks = leit_tensor_blocks(tensors, *n);
    return leit_mirror_upload(&optimizer->tensors);
}

static leit_status take_memory(leit_optimizer *optimizer, leit_threads *threads)
{
    const leit_device_memory *memory = &optimizer->backend->memory;
    const leit_op *ops = optimizer->backend->ops;
    LEIT_TRY(leit_mirror_create(memory, sizeof(leit_adam_now), true, &optimizer->now));
    LEIT_TRY(leit_mirror_create(memory, sizeof(leit_optimizer_result), true, &optimizer->results));
    leit_optimizer_result *results = optimizer->results.device;
    optimizer->adam.now = optimizer->grad_norm.now = optimizer->now.device;
    optimizer->adam.norm = optimizer->grad_norm.norm = &results->norm;
    optimizer->adam.n_bad = optimizer->grad_norm.n_bad = &results->n_bad;
    const int workers = leit_threads_count(threads);
    const size_t bytes = ops[LEIT_OP_adam].workspace_bytes(&optimizer->adam, workers);
    const size_t norm_bytes =
        ops[LEIT_OP_grad_norm].workspace_bytes(&optimizer->grad_norm, workers);
    optimizer->exec =
        (leit_exec){.threads = threads, .workspace_bytes = bytes > norm_bytes ? bytes : norm_bytes};
    optimizer->exec.workspace = memory->allocate(optimizer->exec.workspace_bytes, true);
    if (!memory->is_host)
        optimizer->exec.tickets = memory->allocate(LEIT_TICKETS * sizeof(unsigned), true);
    if (optimizer->exec.workspace != NULL && (memory->is_host || optimizer->exec.tickets != NULL))
        return LEIT_OK;
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
                                         .epsilon = options->epsilon,
                                         .clip_norm = options->clip_norm,
                                         .rates = optimizer->rates};
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
    leit_mirror_clear(&optimizer->learning);
    leit_mirror_clear(&optimizer->results);
    optimizer->backend->memory.release(optimizer->exec.workspace);
    optimizer->backend->memory.release(optimizer->exec.tickets);
    optimizer->backend->memory.release(optimizer->rates);
    optimizer->backend->memory.release(optimizer->done);
    leit_free(optimizer);
}

static leit_status take_rates(leit_optimizer *optimizer, size_t bytes)
{
    if (optimizer->learning.bytes >= bytes) return LEIT_OK;
    leit_mirror_clear(&optimizer->learning);
    return leit_mirror_create(&optimizer->backend->memory, bytes, true, &optimizer->learning);
}

leit_status leit_optimizer_schedule(leit_optimizer *optimizer, int64_t t, const float *rates,
                                    int64_t n)
{
    const size_t bytes = (size_t)n * sizeof *rates;
    LEIT_TRY(take_rates(optimizer, bytes));
    memcpy(optimizer->learning.host, rates, bytes);
    *(leit_adam_now *)optimizer->now.host = (leit_adam_now){.t = t - 1};
    optimizer->grad_norm.rates = optimizer->learning.device;
    optimizer->grad_norm.n_rates = n;
    optimizer->grad_norm.first_rate = t;
    LEIT_TRY(leit_mirror_upload(&optimizer->learning));
    return leit_mirror_upload(&optimizer->now);
}

leit_status leit_optimizer_enqueue(leit_optimizer *optimizer)
{
    const leit_op *ops = optimizer->backend->ops;
    leit_range_begin(optimizer->backend, "optimizer");
    leit_status status = ops[LEIT_OP_grad_norm].forward(&optimizer->exec, &optimizer->grad_norm);
    if (status == LEIT_OK) status = ops[LEIT_OP_adam].forward(&optimizer->exec, &optimizer->adam);
    leit_range_end(optimizer->backend);
    return status;
}

static leit_status catch_up(leit_optimizer *optimizer, const struct leit_adam *args)
{
    return optimizer->backend->ops[LEIT_OP_adam].forward(&optimizer->exec, args);
}

leit_status leit_optimizer_fetch(leit_optimizer *optimizer, const leit_plan *plan)
{
    const leit_adam_tensor *tensors = optimizer->tensors.host;
    leit_plan_lookup lookup;
    for (size_t node = 0; leit_plan_next_lookup(plan, &node, &lookup);) {
        struct leit_adam args = optimizer->adam;
        args.work = LEIT_ADAM_FETCH;
        args.N = lookup.N;
        args.rows = lookup.ids;
        args.n_rows = lookup.n_rows;
        for (args.of = 0; args.of < args.n_tensors; args.of++)
            if (tensors[args.of].p == lookup.words) break;
        if (args.of == args.n_tensors || tensors[args.of].done == NULL) continue;
        LEIT_TRY(catch_up(optimizer, &args));
    }
    return LEIT_OK;
}

leit_status leit_optimizer_flush(leit_optimizer *optimizer)
{
    struct leit_adam args = optimizer->adam;
    args.work = LEIT_ADAM_FLUSH;
    return optimizer->n_rows == 0 ? LEIT_OK : catch_up(optimizer, &args);
}

const leit_mirror *leit_optimizer_results(const leit_optimizer *optimizer)
{
    return &optimizer->results;
}

leit_status leit_optimizer_step(leit_optimizer *optimizer, int64_t t, float learning_rate,
                                float *norm)
{
    LEIT_TRY(leit_optimizer_schedule(optimizer, t, &learning_rate, 1));
    LEIT_TRY(leit_optimizer_enqueue(optimizer));
    LEIT_TRY(leit_mirror_download(&optimizer->results));
    *norm = ((const leit_optimizer_result *)optimizer->results.host)->norm;
    return LEIT_OK;
}

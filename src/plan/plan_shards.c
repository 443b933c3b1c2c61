#include <string.h>

#include "core/memory.h"
#include "plan/plan_internal.h"

/* Shards are plans built alike. They run side by side, each from one exchange to the next; between
 * two exchanges they know nothing of each other. What they exchange goes through the program's
 * memory. */

static const leit_device_memory *memory_of(const leit_plan *plan)
{
    return &plan->options.backend->memory;
}

static plan_exchange *exchange_of(const leit_plan *plan, size_t node)
{
    return plan->nodes[node].args;
}

/* ---- exchanges ---- */

static leit_status write_rows(leit_plan *plan, const plan_exchange *own, const float *all)
{
    const size_t n = (size_t)plan->options.n_shards * (size_t)own->count;
    return memory_of(plan)->write(own->y, all, n * sizeof *all, NULL);
}

static leit_status gather_shards(leit_plan *const *plans, int n, size_t node, const float **parts,
                                 const leit_exchange *exchange)
{
    const plan_exchange *first = exchange_of(plans[0], node);
    for (int p = 0; p < n; p++) {
        const plan_exchange *own = exchange_of(plans[p], node);
        float *part = own->host + plans[p]->options.n_shards * own->count;
        LEIT_TRY(memory_of(plans[p])->read(part, own->x, (size_t)own->count * sizeof *part, NULL));
        parts[p] = part;
    }
    LEIT_TRY(exchange->gather(exchange->context, parts, n, first->count, first->host));
    for (int p = 0; p < n; p++)
        LEIT_TRY(write_rows(plans[p], exchange_of(plans[p], node), first->host));
    return LEIT_OK;
}

/* What all shards say of the rows of a shard is its gradient. */
static leit_status sum_shards(leit_plan *const *plans, int n, size_t node, float **parts,
                              const leit_exchange *exchange)
{
    const int64_t count = exchange_of(plans[0], node)->count;
    const int64_t n_all = plans[0]->options.n_shards * count;
    if (!plans[0]->nodes[node].has_backward) return LEIT_OK;
    for (int p = 0; p < n; p++) {
        const plan_exchange *own = exchange_of(plans[p], node);
        parts[p] = own->host;
        LEIT_TRY(memory_of(plans[p])->read(parts[p], own->dy, (size_t)n_all * sizeof(float), NULL));
    }
    LEIT_TRY(exchange->sum(exchange->context, parts, n, n_all, parts[0]));
    for (int p = 0; p < n; p++) {
        const float *rows = parts[0] + plans[p]->options.shard * count;
        LEIT_TRY(memory_of(plans[p])->write(exchange_of(plans[p], node)->dx, rows,
                                            (size_t)count * sizeof *rows, NULL));
        LEIT_TRY(leit_plan_add_asides(plans[p], &plans[p]->nodes[node]));
    }
    return LEIT_OK;
}

leit_status leit_plan_exchange_alone(leit_plan *plan, const plan_node *node)
{
    const plan_exchange *own = node->args;
    const size_t n = (size_t)own->count;
    memset(own->host, 0, (size_t)plan->options.n_shards * n * sizeof *own->host);
    float *rows = own->host + plan->options.shard * own->count;
    LEIT_TRY(memory_of(plan)->read(rows, own->x, n * sizeof *rows, NULL));
    return write_rows(plan, own, own->host);
}

/* ---- side by side ---- */

static leit_status check_shards(leit_plan *const *plans, int n, const leit_exchange *exchange)
{
    const leit_plan *first = plans[0];
    LEIT_FAIL_IF(leit_plan_is_shard(first) ? exchange == NULL : n != 1, LEIT_INTERNAL,
                 "a plan that is whole runs alone, and shards have an exchange");
    for (int p = 0; p < n; p++)
        LEIT_FAIL_IF(plans[p]->n_nodes != first->n_nodes ||
                         plans[p]->options.shard != first->options.shard + p,
                     LEIT_INTERNAL, "plan %d is not shard %d of the step", p,
                     first->options.shard + p);
    return LEIT_OK;
}

static leit_status forward(leit_plan *const *plans, int n, const float **parts,
                           const leit_exchange *exchange)
{
    const size_t n_nodes = plans[0]->n_nodes;
    for (int p = 0; p < n; p++) LEIT_TRY(leit_plan_begin_forward(plans[p]));
    for (size_t begin = 0, end; begin < n_nodes; begin = end + 1) {
        for (end = begin; end < n_nodes && !plans[0]->nodes[end].is_exchange;) end++;
        for (int p = 0; p < n; p++) LEIT_TRY(leit_plan_run_forward(plans[p], begin, end));
        if (end < n_nodes) LEIT_TRY(gather_shards(plans, n, end, parts, exchange));
    }
    for (int p = 0; p < n; p++) LEIT_TRY(leit_plan_end_forward(plans[p]));
    return LEIT_OK;
}

/* Where the backward that has come down to `end` stops next: before an exchange, or where a bucket is
 * complete. */
static size_t next_stop(const leit_plan *plan, size_t end)
{
    size_t begin = end;
    while (begin > 0 && !plan->nodes[begin - 1].is_exchange) {
        begin--;
        if (leit_plan_completes_bucket(plan, begin)) break;
    }
    return begin;
}

static leit_status complete_buckets(const leit_plan *plan, size_t begin, size_t end,
                                    const leit_exchange *exchange)
{
    if (exchange == NULL || exchange->complete == NULL) return LEIT_OK;
    for (size_t b = 0; b < plan->n_buckets; b++) {
        const plan_bucket *bucket = &plan->buckets[b];
        if (begin <= bucket->node && bucket->node < end)
            LEIT_TRY(exchange->complete(exchange->context, bucket->begin, bucket->end));
    }
    return LEIT_OK;
}

static leit_status backward(leit_plan *const *plans, int n, const float *scale, float **parts,
                            const leit_exchange *exchange)
{
    for (int p = 0; p < n; p++) LEIT_TRY(leit_plan_begin_backward(plans[p], scale[p]));
    for (size_t end = plans[0]->n_nodes, begin; end > 0; end = begin) {
        begin = next_stop(plans[0], end);
        if (begin < end) {
            for (int p = 0; p < n; p++) LEIT_TRY(leit_plan_run_backward(plans[p], begin, end));
        } else {
            LEIT_TRY(sum_shards(plans, n, --begin, parts, exchange));
        }
        LEIT_TRY(complete_buckets(plans[0], begin, end, exchange));
    }
    return LEIT_OK;
}

leit_status leit_plan_forward_shards(leit_plan *const *plans, int n, const leit_exchange *exchange)
{
    LEIT_TRY(check_shards(plans, n, exchange));
    const float **parts = NULL;
    LEIT_TRY(LEIT_ALLOC(parts, n));
    const leit_status status = forward(plans, n, parts, exchange);
    leit_free(parts);
    return status;
}

leit_status leit_plan_backward_shards(leit_plan *const *plans, int n, const float *scale,
                                      const leit_exchange *exchange)
{
    LEIT_TRY(check_shards(plans, n, exchange));
    float **parts = NULL;
    LEIT_TRY(LEIT_ALLOC(parts, n));
    const leit_status status = backward(plans, n, scale, parts, exchange);
    leit_free(parts);
    return status;
}

leit_status leit_plan_forward(leit_plan *plan)
{
    return leit_plan_forward_shards(&plan, 1, NULL);
}

leit_status leit_plan_backward(leit_plan *plan, float scale)
{
    return leit_plan_backward_shards(&plan, 1, &scale, NULL);
}

/* ---- what a shard has of its own ---- */

static leit_status download(const leit_mirror *mirror, float **floats, int64_t *count)
{
    *floats = mirror->host;
    *count = (int64_t)(mirror->bytes / sizeof **floats);
    return mirror->memory == NULL ? LEIT_OK : leit_mirror_download(mirror);
}

leit_status leit_plan_shard_gradients(leit_plan *plan, float **gradients, int64_t *count)
{
    return download(&plan->shard_gradients, gradients, count);
}

float *leit_plan_shard_gradients_on_device(const leit_plan *plan)
{
    return plan->shard_gradients.device;
}

leit_status leit_plan_shard_statistics(leit_plan *plan, float **statistics, int64_t *count)
{
    return download(&plan->shard_statistics, statistics, count);
}

leit_status leit_plan_clear_shard(leit_plan *plan)
{
    const leit_mirror *gradients = &plan->shard_gradients;
    if (gradients->memory == NULL) return LEIT_OK;
    return gradients->memory->zero(gradients->device, gradients->bytes, NULL);
}

/* Between where the kernels have the parameters' statistics and the shard's in the program's
 * memory. */
static leit_status pass_statistics(leit_plan *plan, bool stores)
{
    for (size_t v = 0; leit_plan_is_shard(plan) && v < plan->n_values; v++) {
        const plan_value *value = &plan->values[v];
        if (!leit_plan_is_statistic(plan, value)) continue;
        const leit_parameter *parameter = &plan->parameters->list[value->parameter];
        float *device = leit_parameter_on_device(plan->parameters, parameter).data;
        const size_t bytes = (size_t)parameter->count * sizeof *device;
        LEIT_TRY(stores ? memory_of(plan)->write(device, value->host, bytes, NULL)
                        : memory_of(plan)->read(value->host, device, bytes, NULL));
    }
    return LEIT_OK;
}

leit_status leit_plan_load_statistics(leit_plan *plan)
{
    LEIT_TRY(pass_statistics(plan, false));
    return plan->shard_statistics.memory == NULL ? LEIT_OK
                                                 : leit_mirror_upload(&plan->shard_statistics);
}

leit_status leit_plan_store_statistics(leit_plan *plan)
{
    return pass_statistics(plan, true);
}

/* The gradients of a shard in buckets, each complete at one place of the backward: sums over ranks
 * can be on their way while nodes before that place still run. */
#include "core/memory.h"
#include "plan/plan_internal.h"

/* first[p]: the lowest node whose backward adds to parameter p; the last node where none does. */
static void find_first_nodes(const leit_plan *plan, size_t *first)
{
    for (size_t p = 0; p < plan->parameters->count; p++) first[p] = plan->n_nodes - 1;
    for (size_t i = plan->n_nodes; i-- > 0;) {
        const plan_node *node = &plan->nodes[i];
        for (int s = 0; node->has_backward && s < node->n_slots; s++) {
            const plan_value *value = &plan->values[node->slots[s].value];
            for (int k = 0; node->slots[s].use == GRADIENT_SUM && k < value->n_parameters; k++)
                first[value->parameter + k] = i;
        }
    }
}

/* The arena holds the gradients in the order of the parameters; a bucket ends with one of them. */
static leit_status cut(leit_plan *plan, const size_t *first)
{
    const leit_parameters *parameters = plan->parameters;
    const int64_t n = (int64_t)(parameters->gradient.bytes / sizeof(float));
    const int64_t least = plan->options.bucket_bytes / (int64_t)sizeof(float);
    const float *gradients = parameters->gradient.host;
    plan_bucket open = {.node = plan->n_nodes - 1};
    for (size_t p = 0; p < parameters->count; p++) {
        if (parameters->list[p].gradient == NULL) continue;
        const int64_t begin = parameters->list[p].gradient - gradients;
        if (begin - open.begin >= least && begin > open.begin) {
            LEIT_TRY(LEIT_GROW(plan->buckets, plan->n_buckets, plan->buckets_capacity));
            open.end = begin;
            plan->buckets[plan->n_buckets++] = open;
            open = (plan_bucket){.begin = begin, .node = plan->n_nodes - 1};
        }
        if (first[p] < open.node) open.node = first[p];
    }
    LEIT_TRY(LEIT_GROW(plan->buckets, plan->n_buckets, plan->buckets_capacity));
    open.end = n;
    plan->buckets[plan->n_buckets++] = open;
    return LEIT_OK;
}

leit_status leit_plan_cut_buckets(leit_plan *plan)
{
    size_t *first = NULL;
    if (!leit_plan_is_shard(plan) || plan->options.bucket_bytes == 0) return LEIT_OK;
    LEIT_TRY(LEIT_ALLOC(first, plan->parameters->count));
    find_first_nodes(plan, first);
    const leit_status status = cut(plan, first);
    leit_free(first);
    return status;
}

bool leit_plan_completes_bucket(const leit_plan *plan, size_t node)
{
    for (size_t b = 0; b < plan->n_buckets; b++)
        if (plan->buckets[b].node == node) return true;
    return false;
}

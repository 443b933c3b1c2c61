/* Which rows of which tables a plan reads. */
#include <stddef.h>

#include "plan/plan_internal.h"

static bool is_embedding(const plan_node *node)
{
    return !node->is_exchange && node->op == LEIT_OP_embedding;
}

bool leit_plan_next_lookup(const leit_plan *plan, size_t *next, leit_plan_lookup *lookup)
{
    while (*next < plan->n_nodes) {
        const plan_node *node = &plan->nodes[(*next)++];
        if (!is_embedding(node)) continue;
        const struct leit_embedding *args = node->args;
        *lookup = (leit_plan_lookup){
            .N = args->N, .ids = args->ids, .n_rows = args->n_rows, .words = args->words};
        return true;
    }
    return false;
}

static bool is_of(const leit_plan *plan, const plan_slot *slot, size_t parameter)
{
    if (slot->value == LEIT_NONE) return false;
    const plan_value *value = &plan->values[slot->value];
    return value->kind == VALUE_PARAMETER && value->parameter == (int)parameter;
}

bool leit_plan_only_looks_up(const leit_plan *plan, size_t parameter)
{
    bool is_looked_up = false;
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const plan_node *node = &plan->nodes[i];
        for (int s = 0; s < node->n_slots; s++) {
            const plan_slot *slot = &node->slots[s];
            if (slot->use >= GRADIENT_READ || !is_of(plan, slot, parameter)) continue;
            if (!is_embedding(node) || slot->field_offset != offsetof(struct leit_embedding, words))
                return false;
            is_looked_up = true;
        }
    }
    return is_looked_up;
}

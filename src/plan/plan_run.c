#include <math.h>
#include <string.h>

#include "kernels/add.h"
#include "plan/plan_internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define PLAN_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLAN_HAS_ASAN 1
#endif
#endif
#ifdef PLAN_HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

void *leit_plan_data(leit_plan *plan, leit_value value)
{
    return plan->values[value].data;
}

float *leit_plan_gradient(leit_plan *plan, leit_value value)
{
    return plan->values[value].gradient;
}

void leit_plan_set_step(leit_plan *plan, uint32_t step)
{
    plan->random.step = step;
}

static leit_exec exec_of(const leit_plan *plan)
{
    return (leit_exec){.threads = plan->options.threads,
                       .workspace = plan->workspace,
                       .workspace_bytes = plan->memory.workspace_bytes};
}

/* Under AddressSanitizer only the objects a node uses are accessible while it runs: the red zones
 * of the arena are everything else. */
static void fence(leit_plan *plan, const plan_node *node)
{
#ifdef PLAN_HAS_ASAN
    if (plan->memory.activation_bytes == 0) return;
    ASAN_POISON_MEMORY_REGION(plan->activations, plan->memory.activation_bytes);
    for (int s = 0; s < node->n_slots; s++) {
        const plan_slot *slot = &node->slots[s];
        const plan_value *value = &plan->values[slot->value];
        size_t bytes = leit_dtype_bytes(value->dtype);
        for (int axis = 0; axis < value->rank; axis++) bytes *= (size_t)value->shape[axis];
        if (slot->is_aside)
            ASAN_UNPOISON_MEMORY_REGION(plan->activations + slot->aside_offset_bytes, bytes);
        if (value->kind != VALUE_ACTIVATION) continue;
        if (slot->use < GRADIENT_READ)
            ASAN_UNPOISON_MEMORY_REGION(value->data, bytes);
        else if (value->gradient != NULL)
            ASAN_UNPOISON_MEMORY_REGION(value->gradient, bytes);
    }
#else
    (void)plan;
    (void)node;
#endif
}

static void unfence(leit_plan *plan)
{
#ifdef PLAN_HAS_ASAN
    ASAN_UNPOISON_MEMORY_REGION(plan->activations, plan->memory.activation_bytes);
#else
    (void)plan;
#endif
}

leit_status leit_plan_forward(leit_plan *plan)
{
    const leit_exec exec = exec_of(plan);
    leit_status status = LEIT_OK;
    for (size_t i = 0; status == LEIT_OK && i < plan->n_nodes; i++) {
        const plan_node *node = &plan->nodes[i];
        fence(plan, node);
        status = plan->options.backend->ops[node->op].forward(&exec, node->args);
    }
    unfence(plan);
    return status;
}

static int64_t count_rows(const leit_plan *plan, const plan_value *value)
{
    if (value->count == LEIT_NONE) return value->shape[0];
    return *(const int32_t *)plan->values[value->count].data;
}

static int64_t row_width(const plan_value *value)
{
    int64_t width = 1;
    for (int axis = 1; axis < value->rank; axis++) width *= value->shape[axis];
    return width;
}

/* Adds what a node has written aside to the gradients of values with several consumers. */
static leit_status add_asides(leit_plan *plan, const leit_exec *exec, const plan_node *node)
{
    for (int s = 0; s < node->n_slots; s++) {
        const plan_slot *slot = &node->slots[s];
        if (!slot->is_aside) continue;
        const plan_value *value = &plan->values[slot->value];
        struct leit_add sum = {.N = count_rows(plan, value),
                               .D = row_width(value),
                               .a = value->gradient,
                               .b = (const float *)(plan->activations + slot->aside_offset_bytes),
                               .y = value->gradient};
        LEIT_TRY(plan->options.backend->ops[LEIT_OP_add].forward(exec, &sum));
    }
    return LEIT_OK;
}

leit_status leit_plan_backward(leit_plan *plan, float scale)
{
    const leit_exec exec = exec_of(plan);
    for (size_t i = 0; i < plan->n_losses; i++) {
        const plan_value *loss = &plan->values[plan->losses[i]];
        if (loss->gradient != NULL) *loss->gradient = loss->loss_weight * scale;
    }
    leit_status status = LEIT_OK;
    for (size_t i = plan->n_nodes; status == LEIT_OK && i-- > 0;) {
        const plan_node *node = &plan->nodes[i];
        if (!node->has_backward) continue;
        fence(plan, node);
        status = plan->options.backend->ops[node->op].backward(&exec, node->args);
        if (status == LEIT_OK) status = add_asides(plan, &exec, node);
    }
    unfence(plan);
    return status;
}

double leit_plan_loss_value(const leit_plan *plan)
{
    double total = 0.0;
    for (size_t i = 0; i < plan->n_losses; i++) {
        const plan_value *loss = &plan->values[plan->losses[i]];
        total += (double)loss->loss_weight * (double)*(const float *)loss->data;
    }
    return total;
}

int64_t leit_plan_empty_anchors(const leit_plan *plan)
{
    int64_t total = 0;
    for (size_t i = 0; i < plan->n_empty_counts; i++)
        total += *(const int32_t *)plan->values[plan->empty_counts[i]].data;
    return total;
}

static bool all_finite(const float *data, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(data[i])) return false;
    return true;
}

static bool is_finite(const leit_plan *plan, const plan_value *value)
{
    if (value->dtype != LEIT_F32) return true;
    return all_finite(value->data, count_rows(plan, value) * row_width(value));
}

static leit_status find_nonfinite_gradient(leit_plan *plan, const char **name)
{
    for (size_t v = 0; v < plan->n_values; v++) {
        const plan_value *value = &plan->values[v];
        if (value->kind != VALUE_PARAMETER || value->gradient == NULL) continue;
        if (all_finite(value->gradient, value->shape[0] * row_width(value))) continue;
        *name = leit_arena_printf(&plan->arena, "the gradient of %s", value->name);
        return *name == NULL ? LEIT_INTERNAL : LEIT_OK;
    }
    return LEIT_OK;
}

leit_status leit_plan_find_nonfinite(leit_plan *plan, const char **name)
{
    *name = "";
    for (size_t v = 0; v < plan->n_values; v++) {
        if (plan->values[v].kind == VALUE_ACTIVATION || is_finite(plan, &plan->values[v])) continue;
        *name = plan->values[v].name;
        return LEIT_OK;
    }
    /* What a partial batch leaves unwritten must not look like a result. */
    memset(plan->activations, 0, plan->memory.activation_bytes);
    const leit_exec exec = exec_of(plan);
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const plan_node *node = &plan->nodes[i];
        LEIT_TRY(plan->options.backend->ops[node->op].forward(&exec, node->args));
        for (int s = 0; s < node->n_slots; s++) {
            const plan_value *value = &plan->values[node->slots[s].value];
            if (!(node->slots[s].use & WRITE_FORWARD) || is_finite(plan, value)) continue;
            *name = value->name;
            return LEIT_OK;
        }
    }
    return find_nonfinite_gradient(plan, name);
}

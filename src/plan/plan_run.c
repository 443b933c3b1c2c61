#include <math.h>
#include <string.h>

#include "core/memory.h"
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
    return plan->values[value].host;
}

void *leit_plan_device_data(leit_plan *plan, leit_value value)
{
    return plan->values[value].data;
}

float *leit_plan_gradient(leit_plan *plan, leit_value value)
{
    return plan->values[value].gradient;
}

void leit_plan_set_step(leit_plan *plan, uint32_t step)
{
    const uint32_t n = leit_plan_is_shard(plan) ? (uint32_t)plan->options.n_shards : 1;
    if (plan->random != LEIT_NONE)
        ((leit_random *)plan->values[plan->random].host)->step =
            step * n + (uint32_t)plan->options.shard;
    if (plan->step_random != LEIT_NONE)
        ((leit_random *)plan->values[plan->step_random].host)->step = step;
}

int32_t *leit_plan_device_step(leit_plan *plan)
{
    if (plan->random == LEIT_NONE) return NULL;
    return (int32_t *)&((leit_random *)plan->values[plan->random].data)->step;
}

static const leit_device_memory *memory_of(const leit_plan *plan)
{
    return &plan->options.backend->memory;
}

static leit_exec exec_of(const leit_plan *plan)
{
    return (leit_exec){.threads = plan->options.threads,
                       .workspace = plan->workspace,
                       .workspace_bytes = plan->memory.workspace_bytes,
                       .tickets = (unsigned *)plan->tickets};
}

/* Under AddressSanitizer only the objects a node uses are accessible while it runs: the red zones
 * of the arena are everything else. */
static void fence(leit_plan *plan, const plan_node *node)
{
#ifdef PLAN_HAS_ASAN
    if (plan->memory.activation_bytes == 0 || !memory_of(plan)->is_host) return;
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
    if (!memory_of(plan)->is_host) return;
    ASAN_UNPOISON_MEMORY_REGION(plan->activations, plan->memory.activation_bytes);
#else
    (void)plan;
#endif
}

leit_status leit_plan_begin_forward(leit_plan *plan)
{
    return leit_mirror_upload(&plan->inputs);
}

leit_status leit_plan_end_forward(leit_plan *plan)
{
    LEIT_TRY(leit_mirror_download(&plan->results));
    for (size_t v = 0; v < plan->n_values; v++) {
        const plan_value *value = &plan->values[v];
        if (value->kind == VALUE_ACTIVATION && value->is_kept && value->host != value->data)
            LEIT_TRY(memory_of(plan)->read(value->host, value->data, leit_plan_value_bytes(value),
                                           NULL));
    }
    return LEIT_OK;
}

leit_status leit_plan_run_forward(leit_plan *plan, size_t begin, size_t end)
{
    const leit_exec exec = exec_of(plan);
    const leit_backend *backend = plan->options.backend;
    leit_status status = LEIT_OK;
    leit_range_begin(backend, "forward");
    for (size_t i = begin; status == LEIT_OK && i < end; i++) {
        const plan_node *node = &plan->nodes[i];
        fence(plan, node);
        leit_range_begin(backend, node->name);
        status = backend->ops[node->op].forward(&exec, node->args);
        leit_range_end(backend);
    }
    leit_range_end(backend);
    unfence(plan);
    return status;
}

/* A count may have been made on the device. */
static leit_status count_rows(const leit_plan *plan, const plan_value *value, int64_t *rows)
{
    int32_t count = 0;
    *rows = value->shape[0];
    if (value->count == LEIT_NONE) return LEIT_OK;
    const void *own = plan->values[value->count].data;
    LEIT_TRY(memory_of(plan)->read(&count, own, sizeof count, NULL));
    *rows = count;
    return LEIT_OK;
}

static int64_t row_width(const plan_value *value)
{
    int64_t width = 1;
    for (int axis = 1; axis < value->rank; axis++) width *= value->shape[axis];
    return width;
}

leit_status leit_plan_add_asides(leit_plan *plan, const plan_node *node)
{
    const leit_exec exec = exec_of(plan);
    for (int s = 0; s < node->n_slots; s++) {
        const plan_slot *slot = &node->slots[s];
        if (!slot->is_aside) continue;
        const plan_value *value = &plan->values[slot->value];
        struct leit_add sum = {
            .N = value->shape[0],
            .D = row_width(value),
            .n_rows = value->count == LEIT_NONE ? NULL : plan->values[value->count].data,
            .a = value->gradient,
            .b = (const float *)(plan->activations + slot->aside_offset_bytes),
            .y = value->gradient};
        LEIT_TRY(plan->options.backend->ops[LEIT_OP_add].forward(&exec, &sum));
    }
    return LEIT_OK;
}

leit_status leit_plan_begin_backward(leit_plan *plan, float scale)
{
    for (size_t i = 0; i < plan->n_losses; i++) {
        const plan_value *loss = &plan->values[plan->losses[i]];
        float *own = (float *)((unsigned char *)plan->inputs.host + loss->gradient_offset_bytes);
        const float gradient = loss->loss_weight * scale;
        if (*own == gradient) continue; /* the device has it too */
        *own = gradient;
        LEIT_TRY(memory_of(plan)->write(loss->gradient, own, sizeof *own, NULL));
    }
    return LEIT_OK;
}

leit_status leit_plan_begin(leit_plan *plan, float scale)
{
    LEIT_TRY(leit_plan_begin_backward(plan, scale));
    return leit_plan_begin_forward(plan);
}

leit_status leit_plan_enqueue(leit_plan *plan)
{
    LEIT_TRY(leit_plan_run_forward(plan, 0, plan->n_nodes));
    return leit_plan_run_backward(plan, 0, plan->n_nodes);
}

const leit_mirror *leit_plan_results(const leit_plan *plan)
{
    return &plan->results;
}

leit_status leit_plan_run_backward(leit_plan *plan, size_t begin, size_t end)
{
    const leit_exec exec = exec_of(plan);
    const leit_backend *backend = plan->options.backend;
    leit_status status = LEIT_OK;
    leit_range_begin(backend, "backward");
    for (size_t i = end; status == LEIT_OK && i-- > begin;) {
        const plan_node *node = &plan->nodes[i];
        if (!node->has_backward) continue;
        fence(plan, node);
        leit_range_begin(backend, node->name);
        status = backend->ops[node->op].backward(&exec, node->args);
        if (status == LEIT_OK) status = leit_plan_add_asides(plan, node);
        leit_range_end(backend);
    }
    leit_range_end(backend);
    unfence(plan);
    return status;
}

double leit_plan_loss_value(const leit_plan *plan)
{
    double total = 0.0;
    for (size_t i = 0; i < plan->n_losses; i++) {
        const plan_value *loss = &plan->values[plan->losses[i]];
        total += (double)loss->loss_weight * (double)*(const float *)loss->host;
    }
    return total;
}

int64_t leit_plan_empty_anchors(const leit_plan *plan)
{
    int64_t total = 0;
    for (size_t i = 0; i < plan->n_empty_counts; i++)
        total += *(const int32_t *)plan->values[plan->empty_counts[i]].host;
    return total;
}

/* *is_finite: whether `count` numbers of the device's memory are. */
static leit_status look(const leit_plan *plan, const float *data, int64_t count, bool *is_finite)
{
    float *copy = NULL;
    leit_status status = LEIT_OK;
    if (!memory_of(plan)->is_host) {
        LEIT_TRY(LEIT_ALLOC(copy, count));
        status = memory_of(plan)->read(copy, data, (size_t)count * sizeof *data, NULL);
        data = copy;
    }
    *is_finite = true;
    for (int64_t i = 0; status == LEIT_OK && *is_finite && i < count; i++)
        *is_finite = isfinite(data[i]);
    leit_free(copy);
    return status;
}

static leit_status look_at(const leit_plan *plan, const plan_value *value, bool *is_finite)
{
    int64_t rows = 0;
    *is_finite = true;
    if (value->dtype != LEIT_F32) return LEIT_OK;
    LEIT_TRY(count_rows(plan, value, &rows));
    return look(plan, value->data, rows * row_width(value), is_finite);
}

static leit_status find_nonfinite_gradient(leit_plan *plan, const char **name)
{
    for (size_t v = 0; v < plan->n_values; v++) {
        const plan_value *value = &plan->values[v];
        bool is_finite = true;
        if (value->kind != VALUE_PARAMETER || value->gradient == NULL) continue;
        LEIT_TRY(look(plan, value->gradient, value->shape[0] * row_width(value), &is_finite));
        if (is_finite) continue;
        *name = leit_arena_printf(&plan->arena, "the gradient of %s", value->name);
        return *name == NULL ? LEIT_INTERNAL : LEIT_OK;
    }
    return LEIT_OK;
}

leit_status leit_plan_find_nonfinite(leit_plan *plan, const char **name)
{
    bool is_finite = true;
    *name = "";
    for (size_t v = 0; v < plan->n_values; v++) {
        const enum value_kind kind = plan->values[v].kind;
        if (kind == VALUE_ACTIVATION || kind == VALUE_RESULT || kind == VALUE_ROWS) continue;
        LEIT_TRY(look_at(plan, &plan->values[v], &is_finite));
        if (is_finite) continue;
        *name = plan->values[v].name;
        return LEIT_OK;
    }
    /* What a partial batch leaves unwritten must not look like a result. */
    LEIT_TRY(memory_of(plan)->zero(plan->activations, plan->memory.activation_bytes, NULL));
    const leit_exec exec = exec_of(plan);
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const plan_node *node = &plan->nodes[i];
        LEIT_TRY(node->is_exchange
                     ? leit_plan_exchange_alone(plan, node)
                     : plan->options.backend->ops[node->op].forward(&exec, node->args));
        for (int s = 0; s < node->n_slots; s++) {
            const plan_value *value = &plan->values[node->slots[s].value];
            if (!(node->slots[s].use & WRITE_FORWARD)) continue;
            LEIT_TRY(look_at(plan, value, &is_finite));
            if (is_finite) continue;
            *name = value->name;
            return LEIT_OK;
        }
    }
    return find_nonfinite_gradient(plan, name);
}

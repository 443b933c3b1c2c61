#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"
#include "plan/plan_internal.h"

static const leit_device_memory *memory_of(const leit_plan *plan)
{
    return &plan->options.backend->memory;
}

leit_status leit_plan_create(const leit_plan_options *options, leit_parameters *parameters,
                             leit_plan **result)
{
    leit_plan *plan = NULL;
    LEIT_TRY(LEIT_ALLOC(plan, 1));
    plan->options = *options;
    plan->parameters = parameters;
    plan->random = plan->step_random = LEIT_NONE;
    *result = plan;
    LEIT_FAIL_IF(parameters->memory != NULL && parameters->memory != memory_of(plan), LEIT_INTERNAL,
                 "the parameters belong to plans of another backend than %s",
                 options->backend->name);
    parameters->memory = memory_of(plan);
    return LEIT_OK;
}

void leit_plan_free(leit_plan *plan)
{
    if (plan == NULL) return;
    leit_free(plan->values);
    leit_free(plan->nodes);
    leit_free(plan->losses);
    leit_free(plan->empty_counts);
    leit_free(plan->buckets);
    leit_mirror_clear(&plan->inputs);
    leit_mirror_clear(&plan->results);
    leit_mirror_clear(&plan->shard_gradients);
    leit_mirror_clear(&plan->shard_statistics);
    memory_of(plan)->release(plan->activations);
    memory_of(plan)->release(plan->workspace);
    memory_of(plan)->release(plan->tickets);
    leit_arena_clear(&plan->arena);
    leit_free(plan);
}

bool leit_plan_is_training(const leit_plan *plan)
{
    return plan->options.training;
}

void leit_plan_fail(leit_plan *plan, const char *function, const char *format, ...)
{
    if (plan->status != LEIT_OK) return;
    char text[384];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(plan->message, sizeof plan->message, "%s%s%s", plan->scope,
             plan->scope[0] == '\0' ? "" : ": ", text);
    plan->status = leit_fail(LEIT_INTERNAL, function, "%s", plan->message);
}

/* Keeps the failure of a call that does not know the plan. */
static bool went_well(leit_plan *plan, leit_status status)
{
    if (status != LEIT_OK && plan->status == LEIT_OK) {
        plan->status = status;
        snprintf(plan->message, sizeof plan->message, "%s", leit_error_message());
    }
    return plan->status == LEIT_OK;
}

const plan_value *leit_plan_value(const leit_plan *plan, leit_value value)
{
    return &plan->values[value];
}

bool leit_plan_is_valid(const leit_plan *plan, leit_value value)
{
    return plan->status == LEIT_OK && value >= 0 && (size_t)value < plan->n_values;
}

static leit_value add_value(leit_plan *plan, const char *name, enum value_kind kind,
                            leit_dtype dtype, int rank, const int64_t *shape)
{
    if (plan->status != LEIT_OK ||
        !went_well(plan, LEIT_GROW(plan->values, plan->n_values, plan->values_capacity)))
        return LEIT_NONE;
    plan_value *value = &plan->values[plan->n_values];
    *value = (plan_value){
        .kind = kind, .dtype = dtype, .rank = rank, .count = LEIT_NONE, .parameter = -1};
    value->name = leit_arena_strdup(&plan->arena, name);
    if (value->name == NULL) {
        went_well(plan, LEIT_INTERNAL);
        return LEIT_NONE;
    }
    for (int axis = 0; axis < rank; axis++) value->shape[axis] = shape[axis];
    return (leit_value)plan->n_values++;
}

leit_value leit_plan_input(leit_plan *plan, const char *name, leit_dtype dtype, int rank,
                           const int64_t *shape)
{
    return add_value(plan, name, VALUE_INPUT, dtype, rank, shape);
}

leit_value leit_plan_count(leit_plan *plan, const char *name, int32_t initial)
{
    const int64_t shape[1] = {1};
    leit_value count = add_value(plan, name, VALUE_INPUT, LEIT_I32, 1, shape);
    if (count != LEIT_NONE) plan->values[count].initial = initial;
    return count;
}

static leit_value random_input(leit_plan *plan, const char *name, leit_value *random)
{
    const int64_t shape[1] = {sizeof(leit_random) / sizeof(int32_t)};
    if (*random == LEIT_NONE) *random = leit_plan_input(plan, name, LEIT_I32, 1, shape);
    return *random;
}

leit_value leit_plan_random(leit_plan *plan)
{
    return random_input(plan, "random", &plan->random);
}

leit_value leit_plan_step_random(leit_plan *plan)
{
    if (!leit_plan_is_shard(plan)) return leit_plan_random(plan);
    return random_input(plan, "step_random", &plan->step_random);
}

void leit_plan_set_count(leit_plan *plan, leit_value value, leit_value count)
{
    if (leit_plan_is_valid(plan, value)) plan->values[value].count = count;
}

static leit_value add_parameter(leit_plan *plan, const leit_parameter *wanted)
{
    int index = -1;
    if (plan->status != LEIT_OK ||
        !went_well(plan, leit_parameters_declare(plan->parameters, wanted, &index)))
        return LEIT_NONE;
    const leit_parameter *parameter = &plan->parameters->list[index];
    leit_value value =
        add_value(plan, wanted->name, VALUE_PARAMETER, LEIT_F32, wanted->rank, wanted->shape);
    if (value == LEIT_NONE) return value;
    plan->values[value].parameter = index;
    plan->values[value].n_parameters = 1;
    plan->values[value].needs_gradient =
        plan->options.training && !parameter->is_statistic && !parameter->is_frozen;
    return value;
}

leit_value leit_plan_parameter(leit_plan *plan, const char *name, int rank, const int64_t *shape,
                               leit_init init)
{
    leit_parameter wanted = {.name = name, .rank = rank, .init = init, .decays = true};
    for (int axis = 0; axis < rank; axis++) wanted.shape[axis] = shape[axis];
    return add_parameter(plan, &wanted);
}

leit_value leit_plan_joined_parameters(leit_plan *plan, const char *const *names, int n, int rank,
                                       const int64_t *shape, leit_init init)
{
    char name[256];
    leit_value first = LEIT_NONE;
    bool are_joined = plan->options.training;
    for (int i = 0; i < n; i++) {
        const leit_value value = leit_plan_parameter(plan, names[i], rank, shape, init);
        if (i == 0) first = value;
        if (value == LEIT_NONE) return LEIT_NONE;
        const plan_value *one = &plan->values[value], *before = &plan->values[first];
        are_joined = are_joined && one->parameter == before->parameter + i &&
                     one->needs_gradient == before->needs_gradient;
    }
    /* Each starts on a border, and so the next one behind its last element. */
    are_joined =
        are_joined &&
        leit_plan_value_bytes(&plan->values[first]) ==
            (size_t)plan->parameters->list[plan->values[first].parameter].count * sizeof(float);
    if (!are_joined) return LEIT_NONE;
    snprintf(name, sizeof name, "%s to %s", names[0], names[n - 1]);
    int64_t joined_shape[LEIT_MAX_RANK] = {n * shape[0]};
    for (int axis = 1; axis < rank; axis++) joined_shape[axis] = shape[axis];
    const leit_value joined = add_value(plan, name, VALUE_PARAMETER, LEIT_F32, rank, joined_shape);
    if (joined == LEIT_NONE) return joined;
    plan->values[joined].parameter = plan->values[first].parameter;
    plan->values[joined].n_parameters = n;
    plan->values[joined].needs_gradient = plan->values[first].needs_gradient;
    return joined;
}

leit_value leit_plan_statistic(leit_plan *plan, const char *name, int64_t count, float initial)
{
    return add_parameter(plan, &(leit_parameter){.name = name,
                                                 .rank = 1,
                                                 .shape = {count},
                                                 .init = {LEIT_INIT_CONSTANT, initial},
                                                 .is_statistic = true});
}

int64_t leit_plan_dim(const leit_plan *plan, leit_value value, int axis)
{
    return leit_plan_is_valid(plan, value) ? plan->values[value].shape[axis] : 0;
}

void leit_plan_scope(leit_plan *plan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(plan->scope, sizeof plan->scope, format, arguments);
    va_end(arguments);
}

leit_value leit_plan_activation(leit_plan *plan, const char *name, leit_dtype dtype, int rank,
                                const int64_t *shape, leit_value count)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s%s", plan->scope, plan->scope[0] == '\0' ? "" : ".", name);
    leit_value value = add_value(plan, full, VALUE_ACTIVATION, dtype, rank, shape);
    if (value != LEIT_NONE) plan->values[value].count = count;
    return value;
}

static plan_node *add_node(leit_plan *plan, const char *name, const void *args, size_t args_bytes)
{
    if (plan->status != LEIT_OK ||
        !went_well(plan, LEIT_GROW(plan->nodes, plan->n_nodes, plan->nodes_capacity)))
        return NULL;
    plan_node *node = &plan->nodes[plan->n_nodes];
    *node = (plan_node){0};
    node->args = leit_arena_allocate(&plan->arena, args_bytes);
    node->name = leit_arena_printf(&plan->arena, "%s%s%s", plan->scope,
                                   plan->scope[0] == '\0' ? "" : ".", name);
    if (node->args == NULL || node->name == NULL) {
        went_well(plan, LEIT_INTERNAL);
        return NULL;
    }
    memcpy(node->args, args, args_bytes);
    plan->n_nodes++;
    return node;
}

plan_node *leit_plan_node(leit_plan *plan, leit_op_id op, const void *args)
{
    const leit_op *kernel = &plan->options.backend->ops[op];
    if (kernel->forward == NULL) {
        leit_plan_fail(plan, __func__, "the backend %s has no kernel for %s",
                       plan->options.backend->name, leit_backend_cpu()->ops[op].name);
        return NULL;
    }
    plan_node *node = add_node(plan, kernel->name, args, kernel->args_bytes);
    if (node != NULL) node->op = op;
    return node;
}

plan_node *leit_plan_exchange_node(leit_plan *plan, const plan_exchange *args)
{
    plan_node *node = add_node(plan, "gather_shards", args, sizeof *args);
    if (node == NULL) return NULL;
    plan_exchange *own = node->args;
    own->host = leit_arena_allocate(&plan->arena, (size_t)(plan->options.n_shards + 1) *
                                                      (size_t)own->count * sizeof *own->host);
    went_well(plan, own->host == NULL ? LEIT_INTERNAL : LEIT_OK);
    node->is_exchange = true;
    return node;
}

void leit_plan_slot(leit_plan *plan, plan_node *node, size_t field_offset, leit_value value,
                    enum slot_use use)
{
    if (node == NULL || value == LEIT_NONE || plan->status != LEIT_OK) return;
    if (node->n_slots == PLAN_MAX_SLOTS) {
        leit_plan_fail(plan, __func__, "%s has more than %d slots", node->name, PLAN_MAX_SLOTS);
        return;
    }
    const plan_value *of = &plan->values[value];
    plan_slot slot = {.field_offset = field_offset, .value = value, .part = LEIT_NONE, .use = use};
    if (of->kind == VALUE_ROWS) {
        slot.value = of->whole;
        slot.part = value;
        slot.first_element = of->first_row * of->shape[1];
    }
    node->slots[node->n_slots++] = slot;
}

leit_value leit_plan_rows(leit_plan *plan, leit_value x, int64_t first, int64_t n)
{
    if (!leit_plan_is_valid(plan, x)) return LEIT_NONE;
    const plan_value whole = plan->values[x];
    PLAN_FAIL_IF(plan, whole.kind != VALUE_ACTIVATION || whole.rank != 2,
                 "rows of %s, which is no activation (N, D)", whole.name);
    PLAN_FAIL_IF(plan, first < 0 || n < 1 || first + n > whole.shape[0],
                 "rows %lld to %lld of a value of %lld", (long long)first,
                 (long long)(first + n - 1), (long long)whole.shape[0]);
    const int64_t shape[2] = {n, whole.shape[1]};
    leit_value rows = add_value(plan, whole.name, VALUE_ROWS, whole.dtype, 2, shape);
    if (rows == LEIT_NONE) return rows;
    plan->values[rows].whole = x;
    plan->values[rows].first_row = first;
    plan->values[x].part_rows += n;
    return rows;
}

void leit_plan_column_slot(leit_plan *plan, plan_node *node, size_t field_offset,
                           leit_columns columns, enum slot_use use)
{
    leit_plan_slot(plan, node, field_offset, columns.value, use);
    if (node == NULL || plan->status != LEIT_OK) return;
    plan_slot *slot = &node->slots[node->n_slots - 1];
    slot->first_element += columns.first;
    slot->is_part = use == GRADIENT_WRITE && columns.first > 0;
}

void leit_plan_adding_slot(leit_plan *plan, plan_node *node, size_t field_offset,
                           size_t adds_field_offset, leit_value value)
{
    leit_plan_slot(plan, node, field_offset, value, GRADIENT_WRITE);
    if (node != NULL && value != LEIT_NONE && plan->status == LEIT_OK)
        node->slots[node->n_slots - 1].adds_field_offset = adds_field_offset;
}

void leit_plan_loss(leit_plan *plan, leit_value scalar, float weight)
{
    if (!leit_plan_is_valid(plan, scalar)) return;
    bool is_new = true;
    for (size_t i = 0; i < plan->n_losses; i++) is_new = is_new && plan->losses[i] != scalar;
    if (is_new && !went_well(plan, LEIT_GROW(plan->losses, plan->n_losses, plan->losses_capacity)))
        return;
    if (is_new) plan->losses[plan->n_losses++] = scalar;
    plan->values[scalar].loss_weight += weight;
    plan->values[scalar].kind = VALUE_RESULT;
}

void leit_plan_keep(leit_plan *plan, leit_value value)
{
    if (leit_plan_is_valid(plan, value)) plan->values[value].is_kept = true;
}

void leit_plan_count_empty(leit_plan *plan, leit_value count)
{
    if (!leit_plan_is_valid(plan, count) ||
        !went_well(
            plan, LEIT_GROW(plan->empty_counts, plan->n_empty_counts, plan->empty_counts_capacity)))
        return;
    plan->empty_counts[plan->n_empty_counts++] = count;
    plan->values[count].kind = VALUE_RESULT;
}

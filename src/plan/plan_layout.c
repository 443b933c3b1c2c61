#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "plan/plan_internal.h"

/* Time runs over forward nodes 0 .. n-1 and then over the backwards of nodes n-1 .. 0: the backward
 * of node i happens at 2n - 1 - i. An object (a value, its gradient, a gradient written aside)
 * lives from its first to its last use; objects whose lives do not overlap may share memory.
 * Objects are placed largest first at the lowest offset that is free during their whole life. */

typedef struct object {
    int64_t size_bytes;
    int first, last; /* times, inclusive */
    size_t *offset_bytes;
} object;

typedef struct object_list {
    object *list;
    size_t count, capacity;
} object_list;

static size_t round_up(size_t bytes)
{
    return (bytes + LEIT_ALIGNMENT_BYTES - 1) / LEIT_ALIGNMENT_BYTES * LEIT_ALIGNMENT_BYTES;
}

size_t leit_plan_value_bytes(const plan_value *value)
{
    int64_t count = 1;
    for (int axis = 0; axis < value->rank; axis++) count *= value->shape[axis];
    return round_up((size_t)count * leit_dtype_bytes(value->dtype));
}

static int backward_time(const leit_plan *plan, size_t node)
{
    return 2 * (int)plan->n_nodes - 1 - (int)node;
}

/* ---- which gradients exist ---- */

static void propagate_needs(leit_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const plan_node *node = &plan->nodes[i];
        bool needs = false;
        for (int s = 0; s < node->n_slots; s++)
            if (node->slots[s].use == GRADIENT_WRITE || node->slots[s].use == GRADIENT_SUM)
                needs = needs || plan->values[node->slots[s].value].needs_gradient;
        for (int s = 0; needs && s < node->n_slots; s++)
            if (node->slots[s].use == GRADIENT_READ)
                plan->values[node->slots[s].value].needs_gradient = true;
    }
}

/* Walks the nodes backwards: a node runs when the gradient of an output arrives. Contributions are
 * counted, the first of a value is written in place and later ones are added or aside. The gradient of a loss is
 * there before all others, and so is that of a parameter, which earlier batches may have left. */
static void count_gradients(leit_plan *plan)
{
    for (size_t v = 0; v < plan->n_values; v++) {
        plan_value *value = &plan->values[v];
        const bool accumulates = value->kind == VALUE_PARAMETER && value->needs_gradient;
        value->n_gradients = value->loss_weight != 0.0f || accumulates ? 1 : 0;
    }
    for (size_t i = plan->n_nodes; i-- > 0;) {
        plan_node *node = &plan->nodes[i];
        bool arrives = false, wanted = false;
        for (int s = 0; s < node->n_slots; s++) {
            const plan_value *value = &plan->values[node->slots[s].value];
            if (node->slots[s].use == GRADIENT_READ) arrives = arrives || value->n_gradients > 0;
            if (node->slots[s].use == GRADIENT_SUM || node->slots[s].use == GRADIENT_WRITE)
                wanted = wanted || value->needs_gradient;
        }
        node->has_backward = plan->options.training && arrives && wanted;
        for (int s = 0; node->has_backward && s < node->n_slots; s++) {
            plan_slot *slot = &node->slots[s];
            if (slot->use != GRADIENT_WRITE || !plan->values[slot->value].needs_gradient ||
                slot->is_part)
                continue;
            if (slot->part != LEIT_NONE) {
                plan->values[slot->part].n_gradients++;
                plan->values[slot->value].n_gradients = 1; /* of all parts together */
                continue;
            }
            const bool is_first = plan->values[slot->value].n_gradients == 0;
            if (slot->adds_field_offset > 0)
                *(bool *)((unsigned char *)node->args + slot->adds_field_offset) = !is_first;
            slot->is_aside = slot->adds_field_offset == 0 && !is_first;
            plan->values[slot->value].n_gradients++;
        }
    }
}

/* What leit_plan_rows promises of the parts of a value. */
static leit_status check_parts(const leit_plan *plan)
{
    for (size_t v = 0; v < plan->n_values; v++) {
        const plan_value *part = &plan->values[v];
        if (part->kind != VALUE_ROWS) continue;
        const plan_value *whole = &plan->values[part->whole];
        const long long first = part->first_row, last = first + part->shape[0] - 1;
        LEIT_FAIL_IF(whole->n_gradients > 0 && part->n_gradients == 0, LEIT_INTERNAL,
                     "rows %lld to %lld of %s get no gradient", first, last, whole->name);
        LEIT_FAIL_IF(part->n_gradients > 1, LEIT_INTERNAL,
                     "rows %lld to %lld of %s get a gradient twice", first, last, whole->name);
        LEIT_FAIL_IF(whole->n_gradients > 0 && whole->part_rows != whole->shape[0], LEIT_INTERNAL,
                     "%lld rows of %s are in parts, expected all %lld", (long long)whole->part_rows,
                     whole->name, (long long)whole->shape[0]);
    }
    for (size_t i = 0; i < plan->n_nodes; i++)
        for (int s = 0; s < plan->nodes[i].n_slots; s++) {
            const plan_slot *slot = &plan->nodes[i].slots[s];
            const plan_value *value = &plan->values[slot->value];
            LEIT_FAIL_IF(value->part_rows > 0 && slot->part == LEIT_NONE &&
                             (slot->use & (READ_FORWARD | GRADIENT_WRITE)) != 0,
                         LEIT_INTERNAL, "%s is read in parts and as a whole", value->name);
        }
    return LEIT_OK;
}

/* ---- lives ---- */

static void extend(object *life, int time)
{
    if (life->first < 0 || time < life->first) life->first = time;
    if (time > life->last) life->last = time;
}

static leit_status add_object(object_list *objects, object life)
{
    LEIT_TRY(LEIT_GROW(objects->list, objects->count, objects->capacity));
    objects->list[objects->count++] = life;
    return LEIT_OK;
}

static leit_status collect_objects(leit_plan *plan, object_list *objects)
{
    object *lives = NULL, *gradients = NULL;
    leit_status status = LEIT_ALLOC(lives, plan->n_values);
    LEIT_TRY_GOTO(status == LEIT_OK ? LEIT_ALLOC(gradients, plan->n_values) : status, done);
    for (size_t v = 0; v < plan->n_values; v++) {
        plan_value *value = &plan->values[v];
        int64_t bytes = (int64_t)leit_plan_value_bytes(value);
        lives[v] = (object){bytes, -1, -1, &value->offset_bytes};
        gradients[v] = (object){bytes, -1, -1, &value->gradient_offset_bytes};
        const int end = 2 * (int)plan->n_nodes;
        if (value->is_kept) lives[v].last = end;
        if (value->is_kept && value->n_gradients > 0) gradients[v].last = end;
    }
    for (size_t i = 0; i < plan->n_nodes; i++) {
        plan_node *node = &plan->nodes[i];
        const int forward = (int)i, backward = backward_time(plan, i);
        for (int s = 0; s < node->n_slots; s++) {
            plan_slot *slot = &node->slots[s];
            if (slot->use & (READ_FORWARD | WRITE_FORWARD)) extend(&lives[slot->value], forward);
            if (!node->has_backward) continue;
            if (slot->use & READ_BACKWARD) extend(&lives[slot->value], backward);
            if (slot->use & (GRADIENT_READ | GRADIENT_WRITE) &&
                plan->values[slot->value].n_gradients > 0)
                extend(&gradients[slot->value], backward);
            if (slot->is_aside)
                LEIT_TRY_GOTO(
                    add_object(objects, (object){gradients[slot->value].size_bytes, backward,
                                                 backward, &slot->aside_offset_bytes}),
                    done);
        }
    }
    for (size_t v = 0; v < plan->n_values; v++) {
        if (plan->values[v].kind != VALUE_ACTIVATION) continue;
        if (lives[v].first >= 0) LEIT_TRY_GOTO(add_object(objects, lives[v]), done);
        if (gradients[v].first >= 0) LEIT_TRY_GOTO(add_object(objects, gradients[v]), done);
    }
done:
    leit_free(lives);
    leit_free(gradients);
    return status;
}

static int larger_first(const void *left, const void *right)
{
    const object *a = left, *b = right;
    if (a->size_bytes != b->size_bytes) return a->size_bytes < b->size_bytes ? 1 : -1;
    return (a->first > b->first) - (a->first < b->first);
}

static int lower_first(const void *left, const void *right)
{
    size_t a = *(*(object *const *)left)->offset_bytes,
           b = *(*(object *const *)right)->offset_bytes;
    return (a > b) - (a < b);
}

/* Lowest offset at which `wanted` fits between the `n` placed objects that live at the same time.
 */
static size_t lowest_gap(object **alive, size_t n, const object *wanted)
{
    if (n > 0) qsort(alive, n, sizeof *alive, lower_first);
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        size_t begin = *alive[i]->offset_bytes;
        if (offset + (size_t)wanted->size_bytes <= begin) break;
        size_t end = begin + (size_t)alive[i]->size_bytes;
        if (end > offset) offset = end;
    }
    return offset;
}

static leit_status place_objects(object_list *objects, leit_plan_memory *memory)
{
    object **alive = NULL;
    LEIT_TRY(LEIT_ALLOC(alive, objects->count));
    if (objects->count > 0) qsort(objects->list, objects->count, sizeof(object), larger_first);
    for (size_t i = 0; i < objects->count; i++) {
        object *wanted = &objects->list[i];
        size_t n = 0;
        for (size_t k = 0; k < i; k++) {
            object *placed = &objects->list[k];
            if (placed->first <= wanted->last && wanted->first <= placed->last) alive[n++] = placed;
        }
        *wanted->offset_bytes = lowest_gap(alive, n, wanted);
        size_t end = *wanted->offset_bytes + (size_t)wanted->size_bytes;
        if (end > memory->activation_bytes) memory->activation_bytes = end;
        memory->activation_unshared_bytes += (size_t)wanted->size_bytes;
    }
    leit_free(alive);
    return LEIT_OK;
}

/* Inputs, among them the gradients of the losses, and results. */
static void place_fixed(leit_plan *plan)
{
    leit_plan_memory *memory = &plan->memory;
    for (size_t v = 0; v < plan->n_values; v++) {
        plan_value *value = &plan->values[v];
        const size_t bytes = leit_plan_value_bytes(value);
        if (value->kind == VALUE_INPUT) {
            value->offset_bytes = memory->input_bytes;
            memory->input_bytes += bytes;
        } else if (value->kind == VALUE_RESULT) {
            value->offset_bytes = memory->result_bytes;
            memory->result_bytes += bytes;
            value->gradient_offset_bytes = memory->input_bytes;
            memory->input_bytes += bytes;
        }
    }
}

leit_status leit_plan_measure(leit_plan *plan, leit_plan_memory *memory)
{
    if (plan->status != LEIT_OK) return leit_fail(plan->status, __func__, "%s", plan->message);
    if (!plan->is_measured) {
        plan->memory =
            (leit_plan_memory){.n_nodes = (int)plan->n_nodes, .n_values = (int)plan->n_values};
        propagate_needs(plan);
        count_gradients(plan);
        LEIT_TRY(check_parts(plan));
        object_list objects = {0};
        leit_status status = collect_objects(plan, &objects);
        if (status == LEIT_OK) status = place_objects(&objects, &plan->memory);
        leit_free(objects.list);
        LEIT_TRY(status);
        place_fixed(plan);
        const int workers = leit_threads_count(plan->options.threads);
        for (size_t i = 0; i < plan->n_nodes; i++) {
            if (plan->nodes[i].is_exchange) continue;
            const leit_op *kernel = &plan->options.backend->ops[plan->nodes[i].op];
            size_t bytes = round_up(kernel->workspace_bytes(plan->nodes[i].args, workers));
            if (bytes > plan->memory.workspace_bytes) plan->memory.workspace_bytes = bytes;
        }
        plan->is_measured = true;
    }
    *memory = plan->memory;
    return LEIT_OK;
}

/* ---- memory and pointers ---- */

/* Gradients and running statistics of a shard are its own. */
static leit_status allocate_shard(leit_plan *plan)
{
    const leit_device_memory *memory = &plan->options.backend->memory;
    size_t statistics_bytes = 0;
    if (!leit_plan_is_shard(plan)) return LEIT_OK;
    for (size_t v = 0; v < plan->n_values; v++) {
        const plan_value *value = &plan->values[v];
        if (!leit_plan_is_statistic(plan, value)) continue;
        statistics_bytes += leit_plan_value_bytes(value);
        for (size_t before = 0; before < v; before++)
            LEIT_FAIL_IF(plan->values[before].parameter == value->parameter, LEIT_INTERNAL,
                         "%s is moved twice in one step", value->name);
    }
    LEIT_TRY(
        leit_mirror_create(memory, plan->parameters->gradient.bytes, true, &plan->shard_gradients));
    return leit_mirror_create(memory, statistics_bytes, true, &plan->shard_statistics);
}

static void bind_shard(leit_plan *plan)
{
    const float *gradients = plan->parameters->gradient.device;
    size_t offset_bytes = 0;
    for (size_t v = 0; leit_plan_is_shard(plan) && v < plan->n_values; v++) {
        plan_value *value = &plan->values[v];
        if (value->kind == VALUE_PARAMETER && value->gradient != NULL)
            value->gradient = (float *)plan->shard_gradients.device + (value->gradient - gradients);
        if (!leit_plan_is_statistic(plan, value)) continue;
        value->host = (unsigned char *)plan->shard_statistics.host + offset_bytes;
        value->data = (unsigned char *)plan->shard_statistics.device + offset_bytes;
        offset_bytes += leit_plan_value_bytes(value);
    }
}

static void bind_values(leit_plan *plan)
{
    for (size_t v = 0; v < plan->n_values; v++) {
        plan_value *value = &plan->values[v];
        if (value->kind == VALUE_PARAMETER) {
            const leit_parameter *parameter = &plan->parameters->list[value->parameter];
            const leit_parameter_device device =
                leit_parameter_on_device(plan->parameters, parameter);
            value->data = device.data;
            value->gradient = device.gradient;
            value->host = parameter->data;
        } else if (value->kind == VALUE_INPUT) {
            value->host = (unsigned char *)plan->inputs.host + value->offset_bytes;
            value->data = (unsigned char *)plan->inputs.device + value->offset_bytes;
            if (value->dtype == LEIT_I32 && value->initial != 0)
                *(int32_t *)value->host = value->initial;
        } else if (value->kind == VALUE_RESULT) {
            value->host = (unsigned char *)plan->results.host + value->offset_bytes;
            value->data = (unsigned char *)plan->results.device + value->offset_bytes;
            value->gradient =
                (float *)((unsigned char *)plan->inputs.device + value->gradient_offset_bytes);
        } else {
            value->data = plan->activations + value->offset_bytes;
            if (value->n_gradients > 0)
                value->gradient = (float *)(plan->activations + value->gradient_offset_bytes);
        }
    }
}

/* Kept values of a device get a copy in the program's memory, filled after every forward. */
static leit_status bind_kept(leit_plan *plan)
{
    for (size_t v = 0; v < plan->n_values; v++) {
        plan_value *value = &plan->values[v];
        if (value->kind != VALUE_ACTIVATION || !value->is_kept) continue;
        value->host = plan->options.backend->memory.is_host
                          ? value->data
                          : leit_arena_allocate(&plan->arena, leit_plan_value_bytes(value));
        if (value->host == NULL) return LEIT_INTERNAL;
    }
    return LEIT_OK;
}

static void bind_slots(leit_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        plan_node *node = &plan->nodes[i];
        for (int s = 0; s < node->n_slots; s++) {
            const plan_slot *slot = &node->slots[s];
            const plan_value *value = &plan->values[slot->value];
            const float *pointer = value->data;
            if (slot->use >= GRADIENT_READ) {
                pointer = value->gradient;
                if (!node->has_backward) pointer = NULL;
                if (slot->is_aside)
                    pointer = (float *)(plan->activations + slot->aside_offset_bytes);
            }
            if (pointer != NULL) pointer += slot->first_element;
            memcpy((unsigned char *)node->args + slot->field_offset, &pointer, sizeof pointer);
        }
    }
}

/* Training takes all of its memory before the first step; inference is often asked for one text. */
static leit_status take(const leit_plan *plan, const char *what, size_t bytes,
                        unsigned char **memory)
{
    const leit_device_memory *device = &plan->options.backend->memory;
    *memory = device->allocate(bytes, plan->options.training);
    if (*memory != NULL) return LEIT_OK;
    return leit_fail_context(device->is_host ? LEIT_INTERNAL : LEIT_DEVICE,
                             "the %s of a plan (leitmotif plan shows all)", what);
}

leit_status leit_plan_finish(leit_plan *plan)
{
    leit_plan_memory memory = {0};
    LEIT_TRY(leit_plan_measure(plan, &memory));
    LEIT_FAIL_IF(plan->parameters->count > 0 && plan->parameters->data.host == NULL &&
                     !plan->parameters->is_borrowed,
                 LEIT_INTERNAL, "the parameters are not allocated yet");
    const leit_device_memory *device = &plan->options.backend->memory;
    LEIT_TRY(leit_mirror_create(device, memory.input_bytes, true, &plan->inputs));
    LEIT_TRY(leit_mirror_create(device, memory.result_bytes, true, &plan->results));
    LEIT_TRY(take(plan, "activations", memory.activation_bytes, &plan->activations));
    LEIT_TRY(take(plan, "workspace", memory.workspace_bytes, &plan->workspace));
    if (!device->is_host)
        LEIT_TRY(take(plan, "tickets", LEIT_TICKETS * sizeof(unsigned), &plan->tickets));
    LEIT_TRY(allocate_shard(plan));
    LEIT_TRY(leit_plan_cut_buckets(plan));
    bind_values(plan);
    bind_shard(plan);
    LEIT_TRY(bind_kept(plan));
    bind_slots(plan);
    const leit_value randoms[2] = {plan->random, plan->step_random};
    for (int i = 0; i < 2; i++)
        if (randoms[i] != LEIT_NONE)
            ((leit_random *)plan->values[randoms[i]].host)->seed = plan->options.seed;
    plan->is_finished = true;
    return LEIT_OK;
}

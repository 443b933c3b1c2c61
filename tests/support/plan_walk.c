#include "support/plan_walk.h"

#include "core/memory.h"
#include "plan/plan_internal.h"
#include "support/testing.h"

enum { BLOCK_BYTES = 64 };

typedef struct walk {
    const leit_plan *plan;
    int64_t *owner; /* per block: 0 nobody, else object + 1 */
} walk;

/* Objects: the data of value v is 2 v, its gradient 2 v + 1; what node i writes aside through slot
 * s is counted from behind all of these. */
static int64_t data_of(leit_value value)
{
    return 2 * (int64_t)value;
}

static int64_t gradient_of(leit_value value)
{
    return 2 * (int64_t)value + 1;
}

static size_t bytes_of(const plan_value *value)
{
    size_t bytes = leit_dtype_bytes(value->dtype);
    for (int axis = 0; axis < value->rank; axis++) bytes *= (size_t)value->shape[axis];
    return bytes;
}

static void own(walk *w, size_t offset, size_t bytes, int64_t object)
{
    assert_true(offset % BLOCK_BYTES == 0);
    assert_true(offset + bytes <= w->plan->memory.activation_bytes);
    for (size_t at = offset; at < offset + bytes; at += BLOCK_BYTES)
        w->owner[at / BLOCK_BYTES] = object + 1;
}

static void expect(const walk *w, size_t offset, size_t bytes, int64_t object, const char *node,
                   const char *value)
{
    for (size_t at = offset; at < offset + bytes; at += BLOCK_BYTES)
        if (w->owner[at / BLOCK_BYTES] != object + 1)
            fail_msg("%s needs %s, and object %lld has taken its memory", node, value,
                     (long long)w->owner[at / BLOCK_BYTES] - 1);
}

static bool has_data(const plan_value *value)
{
    return value->kind == VALUE_ACTIVATION;
}

static bool has_gradient(const plan_value *value)
{
    return value->kind == VALUE_ACTIVATION && value->n_gradients > 0;
}

static void write_outputs(walk *w, const plan_node *node, size_t index, bool backward)
{
    for (int s = 0; s < node->n_slots; s++) {
        const plan_slot *slot = &node->slots[s];
        const plan_value *value = &w->plan->values[slot->value];
        if (!backward && slot->use & WRITE_FORWARD && has_data(value))
            own(w, value->offset_bytes, bytes_of(value), data_of(slot->value));
        if (!backward || !(slot->use & GRADIENT_WRITE)) continue;
        if (slot->is_aside)
            own(w, slot->aside_offset_bytes, bytes_of(value),
                2 * (int64_t)w->plan->n_values + (int64_t)index * PLAN_MAX_SLOTS + s);
        else if (has_gradient(value))
            own(w, value->gradient_offset_bytes, bytes_of(value), gradient_of(slot->value));
    }
}

static void read_inputs(walk *w, const plan_node *node, size_t index, bool backward, bool after)
{
    for (int s = 0; s < node->n_slots; s++) {
        const plan_slot *slot = &node->slots[s];
        const plan_value *value = &w->plan->values[slot->value];
        const enum slot_use reads = backward ? READ_BACKWARD : READ_FORWARD;
        if (slot->use & reads && has_data(value))
            expect(w, value->offset_bytes, bytes_of(value), data_of(slot->value), node->name,
                   value->name);
        if (!backward) continue;
        if (slot->use & GRADIENT_READ && has_gradient(value))
            expect(w, value->gradient_offset_bytes, bytes_of(value), gradient_of(slot->value),
                   node->name, value->name);
        if (!slot->is_aside || !after) continue;
        /* what was written aside is added to what is there */
        expect(w, slot->aside_offset_bytes, bytes_of(value),
               2 * (int64_t)w->plan->n_values + (int64_t)index * PLAN_MAX_SLOTS + s, node->name,
               value->name);
        if (has_gradient(value))
            expect(w, value->gradient_offset_bytes, bytes_of(value), gradient_of(slot->value),
                   node->name, value->name);
    }
}

static void run_node(walk *w, size_t index, bool backward)
{
    const plan_node *node = &w->plan->nodes[index];
    read_inputs(w, node, index, backward, false);
    write_outputs(w, node, index, backward);
    read_inputs(w, node, index, backward, true); /* no output lies on an input */
}

static void check_kept(const walk *w, bool after_backward)
{
    for (size_t v = 0; v < w->plan->n_values; v++) {
        const plan_value *value = &w->plan->values[v];
        if (!value->is_kept || !has_data(value)) continue;
        expect(w, value->offset_bytes, bytes_of(value), data_of((leit_value)v), "the caller",
               value->name);
        if (after_backward && has_gradient(value))
            expect(w, value->gradient_offset_bytes, bytes_of(value), gradient_of((leit_value)v),
                   "the caller", value->name);
    }
}

void leit_plan_walk(leit_plan *plan)
{
    walk w = {.plan = plan};
    assert_ok(LEIT_ALLOC(w.owner, plan->memory.activation_bytes / BLOCK_BYTES + 1));
    for (size_t i = 0; i < plan->n_nodes; i++) run_node(&w, i, false);
    check_kept(&w, false);
    for (size_t i = 0; plan->options.training && i < plan->n_losses; i++) {
        const plan_value *loss = &plan->values[plan->losses[i]];
        if (has_gradient(loss))
            own(&w, loss->gradient_offset_bytes, bytes_of(loss), gradient_of(plan->losses[i]));
    }
    for (size_t i = plan->n_nodes; i-- > 0;)
        if (plan->nodes[i].has_backward) run_node(&w, i, true);
    check_kept(&w, plan->options.training);
    leit_free(w.owner);
}

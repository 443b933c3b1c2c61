/* The parts of a plan, shared by plan_build.c (values and nodes), plan_emit.c (one function per
 * op), plan_layout.c (lifetimes, arena), plan_buckets.c (which gradients are complete when), plan_run.c
 * (execution of one plan) and plan_shards.c (of several side by side). */
#ifndef LEIT_PLAN_INTERNAL_H
#define LEIT_PLAN_INTERNAL_H

#include "core/arena.h"
#include "plan/mirror.h"
#include "plan/plan.h"

/* A result is what a step leaves for the program: a loss, a count. Results lie beside each other. */
enum value_kind { VALUE_INPUT, VALUE_PARAMETER, VALUE_ACTIVATION, VALUE_RESULT, VALUE_ROWS };

typedef struct plan_value {
    const char *name;
    enum value_kind kind;
    leit_dtype dtype;
    int rank;
    int64_t shape[LEIT_MAX_RANK];
    leit_value count;    /* the count its rows obey, LEIT_NONE: all rows hold data */
    int parameter;       /* index into the parameters, for VALUE_PARAMETER */
    int n_parameters;    /* that it is joined of, from that one on */
    leit_value whole;    /* of VALUE_ROWS: what they are rows of */
    int64_t first_row;   /* likewise */
    int64_t part_rows;   /* of a value that is read in parts: how many rows they are */
    bool needs_gradient; /* something that learns lies before it */
    bool is_kept;        /* readable after a run */
    int n_gradients;     /* contributions that the backward makes */
    float loss_weight;   /* != 0 on a loss: its gradient is this, and an input */
    int32_t initial;     /* what a count starts with */
    size_t offset_bytes; /* in the arena of its kind */
    size_t gradient_offset_bytes;
    void *data;      /* where kernels find it */
    float *gradient; /* likewise */
    void *host;      /* where the program finds it: of inputs, parameters and kept values */
} plan_value;

/* How a node uses a value. A slot is one pointer of the op's argument struct. */
enum slot_use {
    READ_FORWARD = 1,
    READ_BACKWARD = 2,
    READ_BOTH = 3,
    WRITE_FORWARD = 4,
    GRADIENT_READ = 8,   /* dy: the gradient of an output */
    GRADIENT_WRITE = 16, /* dx: the gradient of an input */
    GRADIENT_SUM = 32    /* dw: accumulated into a parameter's gradient */
};

typedef struct plan_slot {
    size_t field_offset;
    leit_value value;
    leit_value part; /* LEIT_NONE, or the rows of the value that are meant */
    enum slot_use use;
    /* For GRADIENT_WRITE: a value with several consumers gets its first contribution written in
     * place. The others are added by ops that can, which are told so in a bool of their arguments
     * (0: they cannot), or written aside and added. */
    size_t adds_field_offset;
    bool is_aside;
    size_t aside_offset_bytes;
    int64_t first_element; /* where the pointer stands in the value */
    bool is_part;          /* GRADIENT_WRITE: of the contribution of another slot */
} plan_slot;

enum { PLAN_MAX_SLOTS = 32 };

typedef struct plan_node {
    leit_op_id op;
    bool is_exchange; /* no op, and `args` a plan_exchange: shards meet here */
    const char *name;
    void *args;
    int n_slots;
    plan_slot slots[PLAN_MAX_SLOTS];
    bool has_backward; /* a gradient comes in and someone wants one */
} plan_node;

/* Every shard's x (N, D) becomes a part of y (n_shards * N, D). */
typedef struct plan_exchange {
    int64_t count; /* N * D */
    const float *x;
    float *y, *dx;
    const float *dy;
    float *host; /* (n_shards + 1, count) for the way through the program's memory */
} plan_exchange;

/* Gradients begin .. end - 1 of a shard, counted in floats: nodes before `node` add nothing to them. */
typedef struct plan_bucket {
    int64_t begin, end;
    size_t node;
} plan_bucket;

struct leit_plan {
    leit_plan_options options;
    leit_parameters *parameters;
    leit_status status; /* of building; the first failure sticks */
    char message[640];
    leit_arena arena; /* names and argument structs */
    char scope[128];

    plan_value *values;
    size_t n_values, values_capacity;
    plan_node *nodes;
    size_t n_nodes, nodes_capacity;
    leit_value *losses;
    size_t n_losses, losses_capacity;
    leit_value *empty_counts; /* of triplet sampling */
    size_t n_empty_counts, empty_counts_capacity;
    plan_bucket *buckets; /* of a shard */
    size_t n_buckets, buckets_capacity;
    uint32_t n_dropouts;

    leit_value random;      /* an input that holds a leit_random; LEIT_NONE: nothing is drawn */
    leit_value step_random; /* of a shard: the same for nodes that draw alike in all shards */
    leit_plan_memory memory;
    bool is_measured, is_finished;
    leit_mirror inputs, results;
    unsigned char *activations, *workspace;        /* of the device */
    unsigned char *tickets;                        /* likewise; NULL on the CPU */
    leit_mirror shard_gradients, shard_statistics; /* empty in a plan that is whole */
};

/* Records the first failure of building. */
void leit_plan_fail(leit_plan *plan, const char *function, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define PLAN_FAIL_IF(plan, condition, ...)                                                         \
    do {                                                                                           \
        if (condition) {                                                                           \
            leit_plan_fail((plan), __func__, __VA_ARGS__);                                         \
            return LEIT_NONE;                                                                      \
        }                                                                                          \
    } while (0)

/* Adds an activation; its name is "<scope>.<name>". LEIT_NONE after a failure. */
leit_value leit_plan_activation(leit_plan *plan, const char *name, leit_dtype dtype, int rank,
                                const int64_t *shape, leit_value count);
/* Adds a node with a copy of `args`; NULL after a failure. */
plan_node *leit_plan_node(leit_plan *plan, leit_op_id op, const void *args);
/* Binds a pointer of the argument struct to a value (LEIT_NONE: stays NULL). */
void leit_plan_slot(leit_plan *plan, plan_node *node, size_t field_offset, leit_value value,
                    enum slot_use use);
/* A gradient that the op adds where its bool at adds_field_offset is set. */
void leit_plan_adding_slot(leit_plan *plan, plan_node *node, size_t field_offset,
                           size_t adds_field_offset, leit_value value);

/* A slot for columns of a value, from `first` on. A node that writes gradients of
 * columns writes those of all columns of the value: one contribution, the only one. */
void leit_plan_column_slot(leit_plan *plan, plan_node *node, size_t field_offset,
                           leit_columns columns, enum slot_use use);

/* Adds an exchange in place of an op. */
plan_node *leit_plan_exchange_node(leit_plan *plan, const plan_exchange *args);

/* The input that random nodes read: seed and step. Shards draw apart, or alike from the second. */
leit_value leit_plan_random(leit_plan *plan);
leit_value leit_plan_step_random(leit_plan *plan);

static inline bool leit_plan_is_shard(const leit_plan *plan)
{
    return plan->options.n_shards > 1;
}

static inline bool leit_plan_is_statistic(const leit_plan *plan, const plan_value *value)
{
    return value->kind == VALUE_PARAMETER && plan->parameters->list[value->parameter].is_statistic;
}

/* ---- running, piece by piece ---- */

/* Inputs to the device, kept values from there; the weights of the losses. */
leit_status leit_plan_begin_forward(leit_plan *plan);
leit_status leit_plan_end_forward(leit_plan *plan);
leit_status leit_plan_begin_backward(leit_plan *plan, float scale);
/* Nodes begin .. end - 1, none of which is an exchange; backward in reverse. */
leit_status leit_plan_run_forward(leit_plan *plan, size_t begin, size_t end);
leit_status leit_plan_run_backward(leit_plan *plan, size_t begin, size_t end);
/* Adds what a node has written aside to the gradients of values with several consumers. */
leit_status leit_plan_add_asides(leit_plan *plan, const plan_node *node);
/* An exchange of a shard that is alone: the rows of the others are zeros. */
leit_status leit_plan_exchange_alone(leit_plan *plan, const plan_node *node);

/* The buckets of a shard, when its nodes are known; whether one is complete when the backward has come
 * down to `node`. */
leit_status leit_plan_cut_buckets(leit_plan *plan);
bool leit_plan_completes_bucket(const leit_plan *plan, size_t node);

/* Registers a count of anchors without a negative. */
void leit_plan_count_empty(leit_plan *plan, leit_value count);

/* The room a value takes, up to the next 64-byte border. */
size_t leit_plan_value_bytes(const plan_value *value);

const plan_value *leit_plan_value(const leit_plan *plan, leit_value value);

/* True while nothing has failed and `value` is a value of the plan. */
bool leit_plan_is_valid(const leit_plan *plan, leit_value value);

#endif

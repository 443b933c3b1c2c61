/* The parts of a plan, shared by plan_build.c (values and nodes), plan_emit.c (one function per
 * op), plan_layout.c (lifetimes, arena) and plan_run.c (execution). */
#ifndef LEIT_PLAN_INTERNAL_H
#define LEIT_PLAN_INTERNAL_H

#include "core/arena.h"
#include "plan/mirror.h"
#include "plan/plan.h"

enum value_kind { VALUE_INPUT, VALUE_PARAMETER, VALUE_ACTIVATION };

typedef struct plan_value {
    const char *name;
    enum value_kind kind;
    leit_dtype dtype;
    int rank;
    int64_t shape[LEIT_MAX_RANK];
    leit_value count;    /* the count its rows obey, LEIT_NONE: all rows hold data */
    int parameter;       /* index into the parameters, for VALUE_PARAMETER */
    bool needs_gradient; /* something that learns lies before it */
    bool is_kept;        /* readable after a run */
    int n_gradients;     /* contributions that the backward makes */
    float loss_weight;   /* != 0 on a loss: its gradient is this constant */
    int32_t initial;     /* what a count starts with */
    size_t offset_bytes; /* in the input or activation arena */
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
    enum slot_use use;
    /* For GRADIENT_WRITE: a value with several consumers gets its first contribution written in
     * place; the others are written aside and added. */
    bool is_aside;
    size_t aside_offset_bytes;
} plan_slot;

enum { PLAN_MAX_SLOTS = 32 };

typedef struct plan_node {
    leit_op_id op;
    const char *name;
    void *args;
    int n_slots;
    plan_slot slots[PLAN_MAX_SLOTS];
    bool has_backward; /* a gradient comes in and someone wants one */
} plan_node;

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
    uint32_t n_dropouts;

    leit_value random; /* an input that holds a leit_random; LEIT_NONE: nothing is drawn */
    leit_plan_memory memory;
    bool is_measured, is_finished;
    leit_mirror inputs;
    unsigned char *activations, *workspace; /* of the device */
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

/* The input that random nodes read: seed and step. */
leit_value leit_plan_random(leit_plan *plan);

/* Registers a count of anchors without a negative. */
void leit_plan_count_empty(leit_plan *plan, leit_value count);

/* The room a value takes, up to the next 64-byte border. */
size_t leit_plan_value_bytes(const plan_value *value);

const plan_value *leit_plan_value(const leit_plan *plan, leit_value value);

/* True while nothing has failed and `value` is a value of the plan. */
bool leit_plan_is_valid(const leit_plan *plan, leit_value value);

#endif

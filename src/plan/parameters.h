/* Parameters by name, with their gradients and optimizer state, each kind in one arena.
 *
 * Life: plans declare parameters while they are built; leit_parameters_allocate takes the four
 * arenas once and initialises; from then on names can be found but not added. Names are those of
 * the source framework ("distilbert.transformer.layer.0.attention.q_lin.weight"), so that a
 * checkpoint reads like one of PyTorch.
 *
 * Where the plans run on a device, kernels use the device's copies: upload after values were read
 * or set, download before they are looked at. On the CPU there is one copy.
 */
#ifndef LEIT_PLAN_PARAMETERS_H
#define LEIT_PLAN_PARAMETERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/tensor.h"
#include "plan/mirror.h"

typedef enum leit_init_kind {
    LEIT_INIT_CONSTANT, /* every element is `value` */
    LEIT_INIT_UNIFORM,  /* uniform in [-value, value] */
    LEIT_INIT_NORMAL    /* normal with standard deviation `value` */
} leit_init_kind;

typedef struct leit_init {
    leit_init_kind kind;
    float value;
} leit_init;

typedef struct leit_parameter {
    const char *name;
    int rank;
    int64_t shape[LEIT_MAX_RANK];
    int64_t count;
    leit_init init;
    bool is_statistic; /* running mean or variance: saved, never optimised */
    bool is_frozen;    /* keeps its value: no gradient, no update */
    bool decays;       /* subject to weight decay */
    /* Set by leit_parameters_allocate; gradient and moments are NULL where nothing is learnt. In
     * the program's memory: leit_parameter_on_device says where kernels find them. */
    float *data, *gradient, *moment1, *moment2;
} leit_parameter;

typedef struct leit_parameters {
    leit_parameter *list;
    size_t count, capacity;
    const char *const *frozen; /* NULL-terminated prefixes; what starts so is frozen. NULL: none */
    leit_arena strings;
    const leit_device_memory *memory;             /* of the plans' backend, which set it */
    leit_mirror data, gradient, moment1, moment2; /* the arenas; empty before allocation */
    bool is_borrowed;           /* values lie in memory of someone else and are only read */
    int64_t n_values, n_learnt; /* elements in all, elements with a gradient */
} leit_parameters;

/* A zero-initialised leit_parameters is empty and ready. */
void leit_parameters_clear(leit_parameters *parameters);

/* Index of the parameter of this name, -1 when there is none. */
int leit_parameters_find(const leit_parameters *parameters, const char *name);

/* Finds or adds. Fails when the name is there with another shape, or is new after allocation. */
leit_status leit_parameters_declare(leit_parameters *parameters, const leit_parameter *wanted,
                                    int *index);

/* Takes the arenas and gives every parameter its initial value: Philox keyed by `seed` and the
 * parameter's name, so a tower starts alike whatever else is trained beside it.
 * for_training false takes memory for the values alone. */
leit_status leit_parameters_allocate(leit_parameters *parameters, uint64_t seed, bool for_training);

/* For inference, in place of leit_parameters_allocate: find(context, parameter, &data) says where
 * the values of each parameter lie. They are never written and must outlive the plans; only a device
 * gets copies. */
typedef leit_status leit_parameter_find(void *context, const leit_parameter *parameter,
                                        const float **data);
leit_status leit_parameters_borrow(leit_parameters *parameters, leit_parameter_find *find,
                                   void *context);

/* All gradients, where the kernels keep them, to zero. */
leit_status leit_parameters_zero_gradients(leit_parameters *parameters);

/* What kernels use in place of a parameter's data, gradient, moment1 and moment2. */
typedef struct leit_parameter_device {
    float *data, *gradient, *moment1, *moment2;
} leit_parameter_device;
leit_parameter_device leit_parameter_on_device(const leit_parameters *parameters,
                                               const leit_parameter *parameter);

leit_status leit_parameters_upload(const leit_parameters *parameters);   /* values */
leit_status leit_parameters_download(const leit_parameters *parameters); /* values */
leit_status leit_parameters_upload_moments(const leit_parameters *parameters);
leit_status leit_parameters_download_moments(const leit_parameters *parameters);

/* Switches weight decay off where the name contains `fragment`. Returns how many. */
int leit_parameters_exclude_decay(leit_parameters *parameters, const char *fragment);

#endif

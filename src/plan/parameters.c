#include "plan/parameters.h"

#include <string.h>

#include "core/memory.h"
#include "core/prefix.h"
#include "core/rng.h"

/* Every parameter starts on a 64-byte border of its arena. */
static int64_t padded(int64_t count)
{
    const int64_t floats = LEIT_ALIGNMENT_BYTES / (int64_t)sizeof(float);
    return (count + floats - 1) / floats * floats;
}

void leit_parameters_clear(leit_parameters *parameters)
{
    leit_free(parameters->list);
    leit_free(parameters->data);
    leit_free(parameters->gradient);
    leit_free(parameters->moment1);
    leit_free(parameters->moment2);
    leit_arena_clear(&parameters->strings);
    *parameters = (leit_parameters){0};
}

int leit_parameters_find(const leit_parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++)
        if (strcmp(parameters->list[i].name, name) == 0) return (int)i;
    return -1;
}

static leit_status check_same_shape(const leit_parameter *there, const leit_parameter *wanted)
{
    bool same = there->rank == wanted->rank;
    for (int axis = 0; same && axis < there->rank; axis++)
        same = there->shape[axis] == wanted->shape[axis];
    char got[80], expected[80];
    LEIT_FAIL_IF(!same, LEIT_INTERNAL, "parameter %s has shape %s, expected %s", there->name,
                 leit_shape_text(there->rank, there->shape, got, sizeof got),
                 leit_shape_text(wanted->rank, wanted->shape, expected, sizeof expected));
    return LEIT_OK;
}

static bool is_frozen(const leit_parameters *parameters, const char *name)
{
    return parameters->frozen != NULL && leit_starts_with_any(name, parameters->frozen);
}

leit_status leit_parameters_declare(leit_parameters *parameters, const leit_parameter *wanted,
                                    int *index)
{
    *index = leit_parameters_find(parameters, wanted->name);
    if (*index >= 0) return check_same_shape(&parameters->list[*index], wanted);

    LEIT_FAIL_IF(parameters->data != NULL || parameters->is_borrowed, LEIT_INTERNAL,
                 "the model has no parameter %s", wanted->name);
    LEIT_TRY(LEIT_GROW(parameters->list, parameters->count, parameters->capacity));
    leit_parameter *added = &parameters->list[parameters->count];
    *added = *wanted;
    added->name = leit_arena_strdup(&parameters->strings, wanted->name);
    if (added->name == NULL) return LEIT_INTERNAL;
    added->is_frozen = is_frozen(parameters, wanted->name);
    added->count = 1;
    for (int axis = 0; axis < added->rank; axis++) added->count *= added->shape[axis];
    *index = (int)parameters->count++;
    return LEIT_OK;
}

static bool learns(const leit_parameter *parameter)
{
    return !parameter->is_statistic && !parameter->is_frozen;
}

static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name != '\0'; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

static void initialise(leit_parameter *parameter, uint64_t seed)
{
    leit_rng rng = leit_rng_start(seed, LEIT_STREAM_INIT, 0, hash_name(parameter->name));
    const float value = parameter->init.value;
    for (int64_t i = 0; i < parameter->count; i++) {
        switch (parameter->init.kind) {
        case LEIT_INIT_CONSTANT: parameter->data[i] = value; break;
        case LEIT_INIT_UNIFORM:
            parameter->data[i] = value * (2.0f * leit_rng_uniform(&rng) - 1.0f);
            break;
        case LEIT_INIT_NORMAL: parameter->data[i] = value * leit_rng_normal(&rng); break;
        }
    }
}

leit_status leit_parameters_allocate(leit_parameters *parameters, uint64_t seed, bool for_training)
{
    int64_t n_values = 0, n_learnt = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        n_values += padded(parameters->list[i].count);
        if (learns(&parameters->list[i])) n_learnt += padded(parameters->list[i].count);
    }
    parameters->n_values = n_values;
    parameters->n_learnt = for_training ? n_learnt : 0;
    LEIT_TRY(LEIT_ALLOC(parameters->data, n_values));
    if (for_training) {
        LEIT_TRY(LEIT_ALLOC(parameters->gradient, n_learnt));
        LEIT_TRY(LEIT_ALLOC(parameters->moment1, n_learnt));
        LEIT_TRY(LEIT_ALLOC(parameters->moment2, n_learnt));
    }
    int64_t value_offset = 0, learnt_offset = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        leit_parameter *parameter = &parameters->list[i];
        parameter->data = parameters->data + value_offset;
        value_offset += padded(parameter->count);
        if (for_training && learns(parameter)) {
            parameter->gradient = parameters->gradient + learnt_offset;
            parameter->moment1 = parameters->moment1 + learnt_offset;
            parameter->moment2 = parameters->moment2 + learnt_offset;
            learnt_offset += padded(parameter->count);
        }
        initialise(parameter, seed);
    }
    return LEIT_OK;
}

leit_status leit_parameters_borrow(leit_parameters *parameters, leit_parameter_find *find,
                                   void *context)
{
    parameters->is_borrowed = true;
    for (size_t i = 0; i < parameters->count; i++) {
        const float *data = NULL;
        LEIT_TRY(find(context, &parameters->list[i], &data));
        parameters->list[i].data = (float *)(uintptr_t)data;
    }
    return LEIT_OK;
}

void leit_parameters_zero_gradients(leit_parameters *parameters)
{
    if (parameters->gradient != NULL)
        memset(parameters->gradient, 0, (size_t)parameters->n_learnt * sizeof(float));
}

int leit_parameters_exclude_decay(leit_parameters *parameters, const char *fragment)
{
    int excluded = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        if (strstr(parameters->list[i].name, fragment) == NULL) continue;
        parameters->list[i].decays = false;
        excluded++;
    }
    return excluded;
}

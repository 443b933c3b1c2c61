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
    leit_mirror_clear(&parameters->data);
    leit_mirror_clear(&parameters->gradient);
    leit_mirror_clear(&parameters->moment1);
    leit_mirror_clear(&parameters->moment2);
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

    LEIT_FAIL_IF(parameters->data.host != NULL || parameters->is_borrowed, LEIT_INTERNAL,
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

/* Of no plan at all: the program's own. */
static const leit_device_memory *memory_of(const leit_parameters *parameters)
{
    return parameters->memory == NULL ? &leit_backend_cpu()->memory : parameters->memory;
}

static leit_status take(leit_parameters *parameters, const char *what, int64_t count,
                        leit_mirror *arena)
{
    const leit_status status =
        leit_mirror_create(memory_of(parameters), (size_t)count * sizeof(float), true, arena);
    return status == LEIT_OK ? LEIT_OK : leit_fail_context(status, "the %s", what);
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
    LEIT_TRY(take(parameters, "parameters", n_values, &parameters->data));
    if (for_training) {
        LEIT_TRY(take(parameters, "gradients", n_learnt, &parameters->gradient));
        LEIT_TRY(take(parameters, "moments of Adam", n_learnt, &parameters->moment1));
        LEIT_TRY(take(parameters, "moments of Adam", n_learnt, &parameters->moment2));
    }
    int64_t value_offset = 0, learnt_offset = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        leit_parameter *parameter = &parameters->list[i];
        parameter->data = (float *)parameters->data.host + value_offset;
        value_offset += padded(parameter->count);
        if (for_training && learns(parameter)) {
            parameter->gradient = (float *)parameters->gradient.host + learnt_offset;
            parameter->moment1 = (float *)parameters->moment1.host + learnt_offset;
            parameter->moment2 = (float *)parameters->moment2.host + learnt_offset;
            learnt_offset += padded(parameter->count);
        }
        initialise(parameter, seed);
    }
    return leit_parameters_upload(parameters);
}

leit_status leit_parameters_borrow(leit_parameters *parameters, leit_parameter_find *find,
                                   void *context)
{
    const bool copies = !memory_of(parameters)->is_host;
    if (copies) LEIT_TRY(leit_parameters_allocate(parameters, 0, false));
    for (size_t i = 0; i < parameters->count; i++) {
        leit_parameter *parameter = &parameters->list[i];
        const float *data = NULL;
        LEIT_TRY(find(context, parameter, &data));
        if (copies)
            memcpy(parameter->data, data, (size_t)parameter->count * sizeof *data);
        else
            parameter->data = (float *)(uintptr_t)data;
    }
    parameters->is_borrowed = !copies;
    return copies ? leit_parameters_upload(parameters) : LEIT_OK;
}

leit_status leit_parameters_zero_gradients(leit_parameters *parameters)
{
    const leit_mirror *gradient = &parameters->gradient;
    if (gradient->device == NULL) return LEIT_OK;
    return gradient->memory->zero(gradient->device, gradient->bytes, NULL);
}

leit_parameter_device leit_parameter_on_device(const leit_parameters *parameters,
                                               const leit_parameter *parameter)
{
    if (parameters->is_borrowed) return (leit_parameter_device){.data = parameter->data};
    return (leit_parameter_device){
        .data = leit_mirror_device(&parameters->data, parameter->data),
        .gradient = leit_mirror_device(&parameters->gradient, parameter->gradient),
        .moment1 = leit_mirror_device(&parameters->moment1, parameter->moment1),
        .moment2 = leit_mirror_device(&parameters->moment2, parameter->moment2)};
}

leit_status leit_parameters_upload(const leit_parameters *parameters)
{
    return leit_mirror_upload(&parameters->data);
}

leit_status leit_parameters_download(const leit_parameters *parameters)
{
    return leit_mirror_download(&parameters->data);
}

leit_status leit_parameters_upload_moments(const leit_parameters *parameters)
{
    LEIT_TRY(leit_mirror_upload(&parameters->moment1));
    return leit_mirror_upload(&parameters->moment2);
}

leit_status leit_parameters_download_moments(const leit_parameters *parameters)
{
    LEIT_TRY(leit_mirror_download(&parameters->moment1));
    return leit_mirror_download(&parameters->moment2);
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

/* Stands in for libcudnn.so.9 where there is no GPU: it keeps the descriptors of the graph API with all that is
 * set in them, refuses what is not complete, offers engines as the library does, and computes on the emulated
 * device (tests/cuda_on_cpu/library_twins.h). FAKE_CUDNN says how it behaves: "old" is an old version,
 * "nothing" has no engine, "lost" fails when the plan is run. */
#include <cudnn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_on_cpu/library_twins.h"

static bool is(const char *mood)
{
    const char *now = getenv("FAKE_CUDNN");
    return now != NULL && strcmp(now, mood) == 0;
}

/* An attribute that has been set: its elements, each in eight bytes or fewer. */
enum { MOST_SET = 16, MOST_ELEMENTS = 4 };
struct attribute {
    cudnnBackendAttributeName_t name;
    cudnnBackendAttributeType_t type;
    int64_t count, values[MOST_ELEMENTS];
};

struct descriptor {
    cudnnBackendDescriptorType_t type;
    bool is_final;
    int n_set;
    struct attribute set[MOST_SET];
    int engine; /* of a configuration, and of an engine: its number */
};

static cudaStream_t stream;

size_t cudnnGetVersion(void)
{
    return is("old") ? 8000 : CUDNN_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    return status == CUDNN_STATUS_EXECUTION_FAILED ? "CUDNN_STATUS_EXECUTION_FAILED"
                                                   : "CUDNN_STATUS_BAD_PARAM";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    static int only;
    *handle = (cudnnHandle_t)(void *)&only;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t given)
{
    stream = given;
    return handle == NULL ? CUDNN_STATUS_BAD_PARAM : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t *result)
{
    struct descriptor *one = calloc(1, sizeof *one);
    if (one == NULL) return CUDNN_STATUS_ALLOC_FAILED;
    one->type = type;
    *result = one;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t one)
{
    free(one);
    return CUDNN_STATUS_SUCCESS;
}

static size_t bytes_of(cudnnBackendAttributeType_t type)
{
    switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR: return 8;
    default: return 4;
    }
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void *elements)
{
    struct descriptor *one = descriptor;
    if (one->is_final || one->n_set == MOST_SET || count < 1 || count > MOST_ELEMENTS)
        return CUDNN_STATUS_BAD_PARAM;
    struct attribute *a = &one->set[one->n_set++];
    *a = (struct attribute){.name = name, .type = type, .count = count};
    for (int64_t i = 0; i < count; i++)
        memcpy(&a->values[i], (const char *)elements + (size_t)i * bytes_of(type), bytes_of(type));
    return CUDNN_STATUS_SUCCESS;
}

/* The elements of an attribute that is there with this type and count; NULL otherwise. */
static const int64_t *values_of(const struct descriptor *one, cudnnBackendAttributeName_t name,
                                cudnnBackendAttributeType_t type, int64_t count)
{
    for (int i = 0; i < one->n_set; i++)
        if (one->set[i].name == name)
            return one->set[i].type == type && one->set[i].count == count ? one->set[i].values
                                                                          : NULL;
    return NULL;
}

/* What an attribute points to, which has to be final. */
static const struct descriptor *part_of(const struct descriptor *one,
                                        cudnnBackendAttributeName_t name)
{
    const int64_t *values = values_of(one, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1);
    const struct descriptor *part = NULL;
    if (values != NULL) memcpy((void *)&part, values, sizeof part);
    return part != NULL && part->is_final ? part : NULL;
}

/* The operation's words, by direction: x, w, y. */
static const struct {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t window, alpha, beta, arrays[3];
} operations[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
     {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y}},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
     {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY}},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
     {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
      CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY}},
};

static bool read_tensor(const struct descriptor *tensor, struct twin_tensor *t)
{
    if (tensor == NULL) return false;
    const int64_t *extents = values_of(tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4);
    const int64_t *strides = values_of(tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4);
    const int64_t *type = values_of(tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1);
    if (extents == NULL || strides == NULL || type == NULL ||
        values_of(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1) == NULL)
        return false;
    memcpy(t->extents, extents, sizeof t->extents);
    memcpy(t->strides, strides, sizeof t->strides);
    t->is_half = *type == CUDNN_DATA_BFLOAT16;
    return t->is_half || *type == CUDNN_DATA_FLOAT;
}

/* A window of this library's simplest kind; its padding. */
static bool read_window(const struct descriptor *window, struct twin_convolution *p)
{
    static const cudnnBackendAttributeName_t ones[] = {CUDNN_ATTR_CONVOLUTION_DILATIONS,
                                                       CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES};
    if (window == NULL) return false;
    for (int i = 0; i < 2; i++) {
        const int64_t *values = values_of(window, ones[i], CUDNN_TYPE_INT64, 2);
        if (values == NULL || values[0] != 1 || values[1] != 1) return false;
    }
    const int64_t *before =
        values_of(window, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2);
    const int64_t *behind =
        values_of(window, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2);
    const int64_t *dims =
        values_of(window, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1);
    const int64_t *type =
        values_of(window, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1);
    const int64_t *mode =
        values_of(window, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1);
    if (before == NULL || behind == NULL || dims == NULL || type == NULL || mode == NULL)
        return false;
    memcpy(p->padding, before, sizeof p->padding);
    return memcmp(before, behind, sizeof p->padding) == 0 && *dims == 2 &&
           *type == CUDNN_DATA_FLOAT && *mode == CUDNN_CROSS_CORRELATION;
}

static bool is_float(const struct descriptor *one, cudnnBackendAttributeName_t name, float wanted)
{
    const int64_t *value = values_of(one, name, CUDNN_TYPE_FLOAT, 1);
    float number = 0.0F;
    if (value != NULL) memcpy(&number, value, sizeof number);
    return value != NULL && number == wanted;
}

/* The convolution of an operation; false where it is none that the library would take. */
static bool read_operation(const struct descriptor *operation, struct twin_convolution *p)
{
    struct twin_tensor *const tensors[3] = {&p->x, &p->w, &p->y};
    int d = 0;
    while (d < 3 && operations[d].type != operation->type) d++;
    if (d == 3 || !read_window(part_of(operation, operations[d].window), p) ||
        !is_float(operation, operations[d].alpha, 1.0F) ||
        !is_float(operation, operations[d].beta, 0.0F))
        return false;
    for (int i = 0; i < 3; i++)
        if (!read_tensor(part_of(operation, operations[d].arrays[i]), tensors[i])) return false;
    const int64_t *x = p->x.extents, *w = p->w.extents, *y = p->y.extents;
    p->direction = d;
    return x[0] == y[0] && x[1] == w[1] && w[0] == y[1] &&
           x[2] + 2 * p->padding[0] - w[2] + 1 == y[2] &&
           x[3] + 2 * p->padding[1] - w[3] + 1 == y[3];
}

/* The operation that a graph, or a plan over a configuration, was made for. */
static const struct descriptor *operation_of(const struct descriptor *graph)
{
    return part_of(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
}

static bool is_complete(const struct descriptor *one)
{
    struct twin_tensor tensor;
    struct twin_convolution p = {0};
    switch (one->type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR: return read_tensor(one, &tensor);
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR: return read_window(one, &p);
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
        return operation_of(one) != NULL &&
               values_of(one, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1) != NULL;
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
        return part_of(one, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH) != NULL &&
               values_of(one, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1) != NULL;
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
        return part_of(one, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG) != NULL &&
               values_of(one, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1) != NULL;
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR: return one->n_set == 3;
    default: return read_operation(one, &p);
    }
}

/* Engines in the order they are offered. What a plan needs of its graph is kept with its configuration,
 * whose descriptors may be gone when the plan runs. */
enum { SLOPPY, LARGE, ON_TENSOR_CORES, EXACT, N_ENGINES };
static const cudnnBackendNumericalNote_t notes[N_ENGINES][2] = {
    [SLOPPY] = {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, CUDNN_NUMERICAL_NOTE_TENSOR_CORE},
    [LARGE] = {CUDNN_NUMERICAL_NOTE_FFT, CUDNN_NUMERICAL_NOTE_FFT},
    [ON_TENSOR_CORES] = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_TENSOR_CORE},
};

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor)
{
    struct descriptor *one = descriptor;
    if (one->is_final || !is_complete(one)) return CUDNN_STATUS_BAD_PARAM;
    one->is_final = true;
    if (one->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
        const struct descriptor *config = part_of(one, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
        one->engine = config->engine;
        one->set[one->n_set++] = config->set[0]; /* the graph, which outlives the plan */
    }
    return CUDNN_STATUS_SUCCESS;
}

/* Fills descriptors of configurations, which carry their graph. */
static cudnnStatus_t offer(const struct descriptor *heuristic, int64_t wanted, int64_t *count,
                           void *elements)
{
    struct descriptor **configs = elements;
    *count = is("nothing") ? 0 : N_ENGINES;
    for (int64_t i = 0; i < *count && i < wanted; i++) {
        configs[i]->engine = (int)i;
        configs[i]->n_set = 1;
        configs[i]->is_final = true;
        configs[i]->set[0] = heuristic->set[0];
    }
    return CUDNN_STATUS_SUCCESS;
}

static int64_t needed_by(int engine)
{
    return engine == LARGE ? INT64_C(1) << 40 : 4096;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t wanted,
                                       int64_t *count, void *elements)
{
    const struct descriptor *one = descriptor;
    (void)type;
    *count = 1;
    switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: return offer(one, wanted, count, elements);
    case CUDNN_ATTR_ENGINECFG_ENGINE:
        (*(struct descriptor **)elements)->engine = one->engine;
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
        *count = one->engine == EXACT ? 0 : 2;
        memcpy(elements, notes[one->engine], (size_t)*count * sizeof notes[0][0]);
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: {
        const int64_t bytes = needed_by(one->engine);
        memcpy(elements, &bytes, sizeof bytes);
        return CUDNN_STATUS_SUCCESS;
    }
    default: return CUDNN_STATUS_BAD_PARAM;
    }
}

/* The array of a tensor, by its number. */
static bool find_array(const struct descriptor *pack, const struct descriptor *tensor,
                       struct twin_tensor *t)
{
    const int64_t *ids = values_of(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 3);
    const int64_t *arrays =
        values_of(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3);
    const int64_t *id = values_of(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1);
    const int64_t *alignment =
        values_of(tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1);
    if (ids == NULL || arrays == NULL || alignment == NULL) return false;
    for (int i = 0; i < 3; i++)
        if (ids[i] == *id) memcpy(&t->data, &arrays[i], sizeof t->data);
    return t->data != NULL && (uintptr_t)t->data % (uintptr_t)*alignment == 0;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan_,
                                  cudnnBackendDescriptor_t pack_)
{
    const struct descriptor *plan = plan_, *pack = pack_;
    if (is("lost")) return CUDNN_STATUS_EXECUTION_FAILED;
    const struct descriptor *graph = part_of(plan, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    struct twin_convolution p = {
        .precision = plan->engine == ON_TENSOR_CORES ? LEIT_PRECISION_TF32 : LEIT_PRECISION_FP32};
    if (handle == NULL || stream != cudaStreamPerThread || graph == NULL || !plan->is_final ||
        !pack->is_final || !read_operation(operation_of(graph), &p))
        return CUDNN_STATUS_BAD_PARAM;
    struct twin_tensor *const tensors[3] = {&p.x, &p.w, &p.y};
    const struct descriptor *operation = operation_of(graph);
    for (int i = 0; i < 3; i++)
        if (!find_array(pack, part_of(operation, operations[p.direction].arrays[i]), tensors[i]))
            return CUDNN_STATUS_BAD_PARAM;
    const int64_t *workspace =
        values_of(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1);
    if (workspace == NULL) return CUDNN_STATUS_BAD_PARAM;
    memcpy(&p.workspace, workspace, sizeof p.workspace);
    p.workspace_bytes = (uint64_t)needed_by(plan->engine);
    leit_twin_convolve(&p);
    return CUDNN_STATUS_SUCCESS;
}

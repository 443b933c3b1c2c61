#include "kernels/cudnn.h"

#include <string.h>

#include "core/shared_library.h"

#if __has_include(<cudnn.h>)
#include <cudnn.h>

#define FUNCTIONS(F)                                                                               \
    F(GetVersion)                                                                                  \
    F(GetErrorString)                                                                              \
    F(Create)                                                                                      \
    F(SetStream)                                                                                   \
    F(BackendCreateDescriptor)                                                                     \
    F(BackendDestroyDescriptor)                                                                    \
    F(BackendSetAttribute)                                                                         \
    F(BackendGetAttribute)                                                                         \
    F(BackendFinalize)                                                                             \
    F(BackendExecute)

#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

static leit_library dnn_file = {"cuDNN", "libcudnn.so." TEXT_OF(CUDNN_MAJOR), "LEITMOTIF_CUDNN",
                                nullptr};
static struct {
    bool is_open;
    size_t version;
#define F(name) decltype(&cudnn##name) name;
    FUNCTIONS(F)
#undef F
} dnn;

static leit_status open_dnn()
{
    if (dnn.is_open) return LEIT_OK;
    LEIT_TRY(leit_library_open(&dnn_file));
#define F(name) LEIT_TRY(leit_library_find(&dnn_file, "cudnn" #name, &dnn.name));
    FUNCTIONS(F)
#undef F
    dnn.version = dnn.GetVersion();
    LEIT_FAIL_IF(dnn.version < CUDNN_VERSION, LEIT_DEVICE,
                 "%s is cuDNN %zu, and the plugin is made for %d and newer",
                 leit_library_path(&dnn_file), dnn.version, (int)CUDNN_VERSION);
    dnn.is_open = true;
    return LEIT_OK;
}

leit_status leit_cudnn_version(int version[3])
{
    LEIT_TRY(open_dnn());
    version[0] = (int)(dnn.version / 10000);
    version[1] = (int)(dnn.version / 100 % 100);
    version[2] = (int)(dnn.version % 100);
    return LEIT_OK;
}

static leit_status check_dnn(cudnnStatus_t status, const char *call, const char *op)
{
    LEIT_FAIL_IF(status != CUDNN_STATUS_SUCCESS, LEIT_DEVICE, "%s: cuDNN, %s: %s (%d)", op, call,
                 dnn.GetErrorString(status), (int)status);
    return LEIT_OK;
}

/* A call of the library inside a function that returns leit_status and has a `p`. */
#define DNN(name, ...) LEIT_TRY(check_dnn(dnn.name(__VA_ARGS__), "cudnn" #name, p->op))

/* What decides upon a plan: no padding, compared as bytes. */
struct dnn_key {
    int64_t N, H, W, C, K;
    int32_t kernel_size, direction, precision, unused;
    uint64_t workspace_bytes;
};

enum { IMAGES, WEIGHTS, RESULTS, N_ARRAYS, MOST_DESCRIPTORS = 16, MOST_CONFIGS = 32 };

/* A convolution in the library's terms, kept: making it takes milliseconds. */
struct dnn_plan {
    const char *op;
    dnn_key key;
    cudnnBackendDescriptor_t made[MOST_DESCRIPTORS]; /* all there are, for the end */
    int n_made;
    cudnnBackendDescriptor_t graph, plan;
};

/* Of the GPU that serves this thread; they live as long as the thread. A model has fewer convolutions. */
enum { MOST_PLANS = 128 };
static thread_local cudnnHandle_t dnn_handle;
static thread_local dnn_plan dnn_plans[MOST_PLANS];
static thread_local int n_dnn_plans;

static leit_status make_one(dnn_plan *p, cudnnBackendDescriptorType_t type,
                            cudnnBackendDescriptor_t *descriptor)
{
    LEIT_FAIL_IF(p->n_made >= MOST_DESCRIPTORS, LEIT_INTERNAL, "%s: too many descriptors", p->op);
    DNN(BackendCreateDescriptor, type, descriptor);
    p->made[p->n_made++] = *descriptor;
    return LEIT_OK;
}

static void drop_last(dnn_plan *p, int n_kept)
{
    while (p->n_made > n_kept) dnn.BackendDestroyDescriptor(p->made[--p->n_made]);
}

static leit_status set(dnn_plan *p, cudnnBackendDescriptor_t descriptor,
                       cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                       int64_t count, const void *values)
{
    DNN(BackendSetAttribute, descriptor, name, type, count, values);
    return LEIT_OK;
}

static leit_status finish(dnn_plan *p, cudnnBackendDescriptor_t descriptor)
{
    DNN(BackendFinalize, descriptor);
    return LEIT_OK;
}

/* ---- the convolution ---- */

/* (N, C, H, W) by name, channels last by strides: what the manual calls NHWC. */
static leit_status make_tensor(dnn_plan *p, int64_t id, const int64_t extents[4], bool is_bf16,
                               cudnnBackendDescriptor_t *tensor)
{
    const int64_t C = extents[1], H = extents[2], W = extents[3];
    const int64_t strides[4] = {H * W * C, 1, W * C, C}, alignment = LEIT_CUDNN_ALIGNMENT;
    const cudnnDataType_t type = is_bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    LEIT_TRY(make_one(p, CUDNN_BACKEND_TENSOR_DESCRIPTOR, tensor));
    LEIT_TRY(set(p, *tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    LEIT_TRY(set(p, *tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, extents));
    LEIT_TRY(set(p, *tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides));
    LEIT_TRY(set(p, *tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id));
    LEIT_TRY(set(p, *tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment));
    return finish(p, *tensor);
}

static leit_status make_window(dnn_plan *p, cudnnBackendDescriptor_t *window)
{
    const int64_t two = 2, ones[2] = {1, 1}, padding = p->key.kernel_size / 2;
    const int64_t paddings[2] = {padding, padding};
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    LEIT_TRY(make_one(p, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, window));
    LEIT_TRY(set(p, *window, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    LEIT_TRY(
        set(p, *window, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode));
    LEIT_TRY(set(p, *window, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &two));
    LEIT_TRY(set(p, *window, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones));
    LEIT_TRY(set(p, *window, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, ones));
    LEIT_TRY(set(p, *window, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, paddings));
    LEIT_TRY(set(p, *window, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, paddings));
    return finish(p, *window);
}

/* The words of a direction: the operation and its attributes. */
struct dnn_words {
    cudnnBackendDescriptorType_t operation;
    cudnnBackendAttributeName_t window, alpha, beta, arrays[N_ARRAYS];
};

static const dnn_words words_of[] = {
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

/* The array that is written, by direction. */
static const int written_of[] = {RESULTS, IMAGES, WEIGHTS};

static leit_status make_graph(dnn_plan *p)
{
    const dnn_key *key = &p->key;
    const int64_t size = key->kernel_size;
    const int64_t extents[N_ARRAYS][4] = {{key->N, key->C, key->H, key->W},
                                          {key->K, key->C, size, size},
                                          {key->N, key->K, key->H, key->W}};
    const dnn_words *words = &words_of[key->direction];
    const float one = 1.0f, zero = 0.0f;
    cudnnBackendDescriptor_t window, operation;
    LEIT_TRY(make_window(p, &window));
    LEIT_TRY(make_one(p, words->operation, &operation));
    for (int i = 0; i < N_ARRAYS; i++) {
        const bool is_bf16 =
            key->precision == LEIT_PRECISION_BF16 && i != written_of[key->direction];
        cudnnBackendDescriptor_t tensor;
        LEIT_TRY(make_tensor(p, i, extents[i], is_bf16, &tensor));
        LEIT_TRY(set(p, operation, words->arrays[i], CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &tensor));
    }
    LEIT_TRY(set(p, operation, words->window, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &window));
    LEIT_TRY(set(p, operation, words->alpha, CUDNN_TYPE_FLOAT, 1, &one));
    LEIT_TRY(set(p, operation, words->beta, CUDNN_TYPE_FLOAT, 1, &zero));
    LEIT_TRY(finish(p, operation));
    LEIT_TRY(make_one(p, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, &p->graph));
    LEIT_TRY(set(p, p->graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                 &operation));
    LEIT_TRY(set(p, p->graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &dnn_handle));
    return finish(p, p->graph);
}

/* ---- its engine ---- */

/* Whether the engine of a configuration keeps to the precision and repeats itself. */
static leit_status suits(dnn_plan *p, cudnnBackendDescriptor_t config, bool *does)
{
    const int n_before = p->n_made;
    int64_t count = 0;
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    cudnnBackendDescriptor_t engine;
    LEIT_TRY(make_one(p, CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine));
    DNN(BackendGetAttribute, config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
        &count, &engine);
    DNN(BackendGetAttribute, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
        CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes);
    drop_last(p, n_before);
    *does = true;
    for (int64_t i = 0; i < count; i++)
        if (notes[i] == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC ||
            notes[i] == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
            notes[i] == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ||
            (notes[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE &&
             p->key.precision == LEIT_PRECISION_FP32))
            *does = false;
    return LEIT_OK;
}

/* Makes the plan of a configuration; *fits is false where the library has none after all, or one that
 * needs more memory. */
static leit_status try_config(dnn_plan *p, cudnnBackendDescriptor_t config, bool *fits)
{
    const int n_before = p->n_made;
    int64_t count = 0, bytes = 0;
    *fits = false;
    LEIT_TRY(suits(p, config, fits));
    if (!*fits) return LEIT_OK;
    LEIT_TRY(make_one(p, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &p->plan));
    LEIT_TRY(set(p, p->plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &dnn_handle));
    LEIT_TRY(set(p, p->plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                 1, &config));
    *fits = dnn.BackendFinalize(p->plan) == CUDNN_STATUS_SUCCESS;
    if (*fits) {
        DNN(BackendGetAttribute, p->plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
            CUDNN_TYPE_INT64, 1, &count, &bytes);
        *fits = (uint64_t)bytes <= p->key.workspace_bytes;
    }
    if (!*fits) drop_last(p, n_before);
    return LEIT_OK;
}

/* The first of the library's choices in a mode that fits. A configuration is needed no longer than its
 * plan is made. */
static leit_status choose_in(dnn_plan *p, cudnnBackendHeurMode_t mode, bool *fits)
{
    int64_t count = 0;
    cudnnBackendDescriptor_t heuristic, configs[MOST_CONFIGS] = {};
    leit_status status = LEIT_OK;
    LEIT_TRY(make_one(p, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &heuristic));
    LEIT_TRY(set(p, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                 1, &p->graph));
    LEIT_TRY(set(p, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode));
    if (dnn.BackendFinalize(heuristic) != CUDNN_STATUS_SUCCESS) return LEIT_OK;
    int n_configs = 0;
    while (status == LEIT_OK && n_configs < MOST_CONFIGS) {
        status = check_dnn(
            dnn.BackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &configs[n_configs]),
            "cudnnBackendCreateDescriptor", p->op);
        if (status == LEIT_OK) n_configs++;
    }
    if (status == LEIT_OK)
        status = check_dnn(dnn.BackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, n_configs, &count,
                                                   configs),
                           "cudnnBackendGetAttribute", p->op);
    if (count > n_configs) count = n_configs;
    for (int64_t i = 0; i < count && status == LEIT_OK && !*fits; i++)
        status = try_config(p, configs[i], fits);
    for (int i = 0; i < n_configs; i++) dnn.BackendDestroyDescriptor(configs[i]);
    return status;
}

static leit_status make_dnn_plan(dnn_plan *p)
{
    bool fits = false;
    if (dnn_handle == nullptr) DNN(Create, &dnn_handle);
    LEIT_TRY(make_graph(p));
    LEIT_TRY(choose_in(p, CUDNN_HEUR_MODE_A, &fits));
    if (!fits) LEIT_TRY(choose_in(p, CUDNN_HEUR_MODE_FALLBACK, &fits));
    LEIT_FAIL_IF(!fits, LEIT_DEVICE,
                 "%s: cuDNN has no engine for %lld images of %lld x %lld, %lld to %lld channels",
                 p->op, (long long)p->key.N, (long long)p->key.H, (long long)p->key.W,
                 (long long)p->key.C, (long long)p->key.K);
    return LEIT_OK;
}

static leit_status find_plan(const char *op, const dnn_key *key, dnn_plan **found)
{
    for (int i = 0; i < n_dnn_plans; i++) {
        *found = &dnn_plans[i];
        if (memcmp(&dnn_plans[i].key, key, sizeof *key) == 0) return LEIT_OK;
    }
    if (n_dnn_plans == MOST_PLANS) drop_last(&dnn_plans[--n_dnn_plans], 0);
    dnn_plan *p = *found = &dnn_plans[n_dnn_plans];
    *p = {};
    p->op = op;
    p->key = *key;
    const leit_status status = make_dnn_plan(p);
    if (status == LEIT_OK)
        n_dnn_plans++;
    else
        drop_last(p, 0);
    return status;
}

/* ---- running it ---- */

static leit_status execute(dnn_plan *p, const struct leit_cudnn_convolution *convolution,
                           void *workspace)
{
    const int64_t ids[N_ARRAYS] = {IMAGES, WEIGHTS, RESULTS};
    void *const arrays[N_ARRAYS] = {convolution->images, convolution->weights,
                                    convolution->results};
    cudnnBackendDescriptor_t pack;
    LEIT_TRY(make_one(p, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack));
    LEIT_TRY(
        set(p, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, N_ARRAYS, arrays));
    LEIT_TRY(set(p, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, N_ARRAYS, ids));
    LEIT_TRY(set(p, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace));
    LEIT_TRY(finish(p, pack));
    DNN(BackendExecute, dnn_handle, p->plan, pack);
    return LEIT_OK;
}

leit_status leit_cudnn_convolve(const leit_exec *exec, const char *op,
                                const struct leit_cudnn_convolution *convolution, void *workspace,
                                size_t workspace_bytes)
{
    LEIT_TRY(open_dnn());
    dnn_key key = {};
    key.N = convolution->N;
    key.H = convolution->H;
    key.W = convolution->W;
    key.C = convolution->C;
    key.K = convolution->K;
    key.kernel_size = convolution->kernel_size;
    key.direction = convolution->direction;
    key.precision = exec->precision;
    key.workspace_bytes = workspace_bytes;
    dnn_plan *p = nullptr;
    LEIT_TRY(find_plan(op, &key, &p));
    p->op = op;
    /* NULL is this thread's own stream, as it is to the kernels around the convolution. */
    const cudaStream_t stream =
        exec->stream == nullptr ? cudaStreamPerThread : static_cast<cudaStream_t>(exec->stream);
    DNN(SetStream, dnn_handle, stream);
    const int n_before = p->n_made;
    const leit_status status = execute(p, convolution, workspace);
    drop_last(p, n_before);
    return status;
}

#else /* the plugin is made where cuDNN's header is not */

static leit_status fail_without_dnn()
{
    LEIT_FAIL(LEIT_DEVICE, "this plugin is made without cuDNN: build it where cudnn.h is");
}

leit_status leit_cudnn_version(int *)
{
    return fail_without_dnn();
}

leit_status leit_cudnn_convolve(const leit_exec *, const char *,
                                const struct leit_cudnn_convolution *, void *, size_t)
{
    return fail_without_dnn();
}

#endif

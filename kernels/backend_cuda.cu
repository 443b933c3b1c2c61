#include "kernels/backend.h"

#include "kernels/device_memory.cuh"
#include "kernels/ops.h"

/* Typed op functions behind untyped ones, as in backend.c; a table's kernels hear its precision. */
#define LEIT_UNTYPED_WORKSPACE(op, kind)                                                           \
    static size_t op##_workspace_##kind(const void *args, int n_workers)                           \
    {                                                                                              \
        return leit_##op##_workspace_##kind(static_cast<const struct leit_##op *>(args),           \
                                            n_workers);                                            \
    }
#define LEIT_UNTYPED(op, direction, kind)                                                          \
    template <enum leit_precision precision>                                                       \
    static leit_status op##_##direction##_##kind(const leit_exec *exec, const void *args)          \
    {                                                                                              \
        leit_exec own = *exec;                                                                     \
        own.precision = precision;                                                                 \
        return leit_##op##_##direction##_##kind(&own,                                              \
                                                static_cast<const struct leit_##op *>(args));      \
    }
#define LEIT_UNTYPED_FORWARD(op, kind)                                                             \
    LEIT_UNTYPED_WORKSPACE(op, kind)                                                               \
    LEIT_UNTYPED(op, forward, kind)
#define LEIT_UNTYPED_BOTH(op, kind)                                                                \
    LEIT_UNTYPED_FORWARD(op, kind)                                                                 \
    LEIT_UNTYPED(op, backward, kind)

#define LEIT_OP(op) LEIT_UNTYPED_BOTH(op, cuda)
#define LEIT_OP_FORWARD(op) LEIT_UNTYPED_FORWARD(op, cuda)
#include "kernels/ops_cuda.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

#define LEIT_OP(op) LEIT_UNTYPED_BOTH(op, fast)
#define LEIT_OP_PRODUCT(op) LEIT_UNTYPED_BOTH(op, fast)
#define LEIT_OP_FORWARD(op) LEIT_UNTYPED_FORWARD(op, fast)
#include "kernels/ops_cuda_fast.def"
#undef LEIT_OP
#undef LEIT_OP_PRODUCT
#undef LEIT_OP_FORWARD

#define LEIT_OP_PRODUCT(op) LEIT_UNTYPED_BOTH(op, library)
#define LEIT_OP_FORWARD(op) LEIT_UNTYPED_FORWARD(op, library)
#include "kernels/ops_cuda_library.def"
#undef LEIT_OP_PRODUCT
#undef LEIT_OP_FORWARD

static leit_backend make_plain()
{
    leit_backend backend = {};
    backend.name = "cuda";
    backend.memory = leit_cuda_memory;
    backend.recorder = &leit_cuda_recorder;
    backend.ranges = leit_cuda_ranges;
#define LEIT_OP(op)                                                                                \
    backend.ops[LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace_cuda,               \
                                 op##_forward_cuda<LEIT_PRECISION_FP32>,                           \
                                 op##_backward_cuda<LEIT_PRECISION_FP32>};
#define LEIT_OP_FORWARD(op)                                                                        \
    backend.ops[LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace_cuda,               \
                                 op##_forward_cuda<LEIT_PRECISION_FP32>, nullptr};
#include "kernels/ops_cuda.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
    return backend;
}

template <enum leit_precision precision>
static leit_backend make_fast()
{
    leit_backend backend = make_plain();
    backend.has_moments = true;
#define LEIT_OP(op)                                                                                \
    backend.ops[LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace_fast,               \
                                 op##_forward_fast<precision>, op##_backward_fast<precision>};
#define LEIT_OP_PRODUCT(op) LEIT_OP(op)
#define LEIT_OP_FORWARD(op)                                                                        \
    backend.ops[LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace_fast,               \
                                 op##_forward_fast<precision>, nullptr};
#include "kernels/ops_cuda_fast.def"
#undef LEIT_OP
#undef LEIT_OP_PRODUCT
#undef LEIT_OP_FORWARD
    return backend;
}

template <enum leit_precision precision>
static leit_backend make_library()
{
    leit_backend backend = make_fast<precision>();
    backend.has_moments = false;
#define LEIT_OP_PRODUCT(op)                                                                        \
    backend.ops[LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace_library,            \
                                 op##_forward_library<precision>,                                  \
                                 op##_backward_library<precision>};
#define LEIT_OP_FORWARD(op)                                                                        \
    backend.ops[LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace_library,            \
                                 op##_forward_library<precision>, nullptr};
#include "kernels/ops_cuda_library.def"
#undef LEIT_OP_PRODUCT
#undef LEIT_OP_FORWARD
    return backend;
}

static const leit_backend plain = make_plain();
static const leit_backend fast[LEIT_N_PRECISIONS] = {make_fast<LEIT_PRECISION_FP32>(),
                                                     make_fast<LEIT_PRECISION_TF32>(),
                                                     make_fast<LEIT_PRECISION_BF16>()};
static const leit_backend library[LEIT_N_PRECISIONS] = {make_library<LEIT_PRECISION_FP32>(),
                                                        make_library<LEIT_PRECISION_TF32>(),
                                                        make_library<LEIT_PRECISION_BF16>()};

const leit_backend *leit_backend_cuda(enum leit_kernels kernels, enum leit_precision precision)
{
    if (kernels == LEIT_KERNELS_PLAIN) return &plain;
    return kernels == LEIT_KERNELS_FAST ? &fast[precision] : &library[precision];
}

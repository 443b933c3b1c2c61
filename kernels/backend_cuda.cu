#include "kernels/backend.h"

#include "kernels/device_memory.cuh"
#include "kernels/ops.h"

/* Typed op functions behind untyped ones, as in backend.c. */
#define LEIT_OP_FORWARD(op)                                                                        \
    static size_t op##_workspace(const void *args, int n_workers)                                  \
    {                                                                                              \
        return leit_##op##_workspace_cuda(static_cast<const struct leit_##op *>(args), n_workers); \
    }                                                                                              \
    static leit_status op##_forward(const leit_exec *exec, const void *args)                       \
    {                                                                                              \
        return leit_##op##_forward_cuda(exec, static_cast<const struct leit_##op *>(args));        \
    }
#define LEIT_OP(op)                                                                                \
    LEIT_OP_FORWARD(op)                                                                            \
    static leit_status op##_backward(const leit_exec *exec, const void *args)                      \
    {                                                                                              \
        return leit_##op##_backward_cuda(exec, static_cast<const struct leit_##op *>(args));       \
    }
#include "kernels/ops_cuda.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

static leit_backend make_backend()
{
    leit_backend backend = {};
    backend.name = "cuda";
    backend.memory = leit_cuda_memory;
#define LEIT_OP(op)                                                                                \
    backend.ops[LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace, op##_forward,      \
                                 op##_backward};
#define LEIT_OP_FORWARD(op)                                                                        \
    backend.ops[LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace, op##_forward,      \
                                 nullptr};
#include "kernels/ops_cuda.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
    return backend;
}

static const leit_backend backend = make_backend();

const leit_backend *leit_backend_cuda(void)
{
    return &backend;
}

#include "kernels/backend.h"

#include "kernels/ops.h"

/* Typed op functions behind untyped ones: C forbids calling through a cast pointer. */
#define LEIT_OP_FORWARD(op)                                                                        \
    static size_t op##_workspace(const void *args, int n_workers)                                  \
    {                                                                                              \
        return leit_##op##_workspace_cpu(args, n_workers);                                         \
    }                                                                                              \
    static leit_status op##_forward(const leit_exec *exec, const void *args)                       \
    {                                                                                              \
        return leit_##op##_forward_cpu(exec, args);                                                \
    }
#define LEIT_OP(op)                                                                                \
    LEIT_OP_FORWARD(op)                                                                            \
    static leit_status op##_backward(const leit_exec *exec, const void *args)                      \
    {                                                                                              \
        return leit_##op##_backward_cpu(exec, args);                                               \
    }
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

const leit_backend *leit_backend_cpu(void)
{
    static const leit_backend backend = {
        .name = "cpu",
        .ops =
            {
#define LEIT_OP(op)                                                                                \
    [LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace, op##_forward, op##_backward},
#define LEIT_OP_FORWARD(op)                                                                        \
    [LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace, op##_forward, NULL},
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
            },
    };
    return &backend;
}

/* Ops that treat every element alone, one thread each: rows of D elements are one flat array. */
#ifndef LEIT_KERNELS_ELEMENTWISE_CUH
#define LEIT_KERNELS_ELEMENTWISE_CUH

#include "kernels/leit_cuda.h"
#include "kernels/op.h"

/* Defines the three functions of the op leit_<op> with fields N, D, n_rows, x, y, dy, dx: y = `value`
 * of x, and dx = `gradient` of dy and of x or y, whichever it says. */
#define LEIT_DEFINE_ACTIVATION_CUDA(op, value, gradient)                                           \
    LEIT_NO_WORKSPACE_CUDA(op)                                                                     \
    static __global__ void forward_elements(struct leit_##op args)                                 \
    {                                                                                              \
        const int64_t i = leit_element();                                                          \
        if (i < leit_device_rows(args.n_rows, args.N) * args.D) {                                  \
            const float x = args.x[i];                                                             \
            args.y[i] = (value);                                                                   \
        }                                                                                          \
    }                                                                                              \
    static __global__ void backward_elements(struct leit_##op args)                                \
    {                                                                                              \
        const int64_t i = leit_element();                                                          \
        if (i < leit_device_rows(args.n_rows, args.N) * args.D) args.dx[i] = (gradient);           \
    }                                                                                              \
    leit_status leit_##op##_forward_cuda(const leit_exec *exec, const struct leit_##op *args)      \
    {                                                                                              \
        LEIT_TRY(leit_check_matrix(#op, args->N, args->D));                                        \
        if (args->N == 0) return LEIT_OK;                                                          \
        LEIT_LAUNCH(forward_elements, leit_element_blocks(args->N * args->D),                      \
                    LEIT_ELEMENT_THREADS, 0, exec->stream, *args);                                 \
        return leit_launch_status(#op " forward");                                                 \
    }                                                                                              \
    leit_status leit_##op##_backward_cuda(const leit_exec *exec, const struct leit_##op *args)     \
    {                                                                                              \
        LEIT_TRY(leit_check_matrix(#op, args->N, args->D));                                        \
        if (args->N == 0 || args->dx == nullptr) return LEIT_OK;                                   \
        LEIT_LAUNCH(backward_elements, leit_element_blocks(args->N * args->D),                     \
                    LEIT_ELEMENT_THREADS, 0, exec->stream, *args);                                 \
        return leit_launch_status(#op " backward");                                                \
    }

#endif

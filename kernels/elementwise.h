/* Ops that treat every element alone: rows of D elements are one flat array, a task is a block. */
#ifndef LEIT_KERNELS_ELEMENTWISE_H
#define LEIT_KERNELS_ELEMENTWISE_H

#include "kernels/blocks.h"
#include "kernels/op.h"

enum { LEIT_ELEMENTWISE_BLOCK = 8192 };

/* Before a loop whose arrays are the same or apart, never shifted: lets it become vector code. */
#if defined(__clang__)
#define LEIT_NO_SHIFTED_ALIAS _Pragma("clang loop vectorize(assume_safety)")
#else
#define LEIT_NO_SHIFTED_ALIAS _Pragma("GCC ivdep")
#endif

static inline leit_status leit_elementwise_check(const char *op, const int32_t *n_rows, int64_t N,
                                                 int64_t D)
{
    LEIT_TRY(leit_check_matrix(op, N, D));
    return leit_check_rows(op, n_rows, N);
}

/* Runs block(args, i) over all elements of the rows that hold data. */
static inline void leit_elementwise_run(const leit_exec *exec, int64_t elements, leit_task *block,
                                        void *context)
{
    leit_threads_run(exec->threads, leit_blocks(elements, LEIT_ELEMENTWISE_BLOCK), block, context);
}

/* Defines the three functions of the op leit_<op> with fields N, D, n_rows, x, y, dy, dx:
 * y[i] = `value` and dx[i] = `gradient`, expressions in x[i], y[i] and dy[i]. */
#define LEIT_DEFINE_ACTIVATION(op, value, gradient)                                                \
    LEIT_NO_WORKSPACE_CPU(op)                                                                      \
    static void forward_block(void *context, int64_t block, int worker)                            \
    {                                                                                              \
        (void)worker;                                                                              \
        const struct leit_##op *args = context;                                                    \
        const int64_t n = leit_rows(args->n_rows, args->N) * args->D;                              \
        const leit_range range = leit_block_range(block, n, LEIT_ELEMENTWISE_BLOCK);               \
        const float *x = args->x;                                                                  \
        float *y = args->y;                                                                        \
        LEIT_NO_SHIFTED_ALIAS                                                                      \
        for (int64_t i = range.begin; i < range.end; i++) y[i] = (value);                          \
    }                                                                                              \
    leit_status leit_##op##_forward_cpu(const leit_exec *exec, const struct leit_##op *args)       \
    {                                                                                              \
        LEIT_TRY(leit_elementwise_check(#op, args->n_rows, args->N, args->D));                     \
        struct leit_##op copy = *args;                                                             \
        leit_elementwise_run(exec, leit_rows(args->n_rows, args->N) * args->D, forward_block,      \
                             &copy);                                                               \
        return LEIT_OK;                                                                            \
    }                                                                                              \
    static void backward_block(void *context, int64_t block, int worker)                           \
    {                                                                                              \
        (void)worker;                                                                              \
        const struct leit_##op *args = context;                                                    \
        const int64_t n = leit_rows(args->n_rows, args->N) * args->D;                              \
        const leit_range range = leit_block_range(block, n, LEIT_ELEMENTWISE_BLOCK);               \
        const float *x = args->x, *y = args->y, *dy = args->dy;                                    \
        float *dx = args->dx;                                                                      \
        (void)x;                                                                                   \
        (void)y;                                                                                   \
        LEIT_NO_SHIFTED_ALIAS                                                                      \
        for (int64_t i = range.begin; i < range.end; i++) dx[i] = (gradient);                      \
    }                                                                                              \
    leit_status leit_##op##_backward_cpu(const leit_exec *exec, const struct leit_##op *args)      \
    {                                                                                              \
        LEIT_TRY(leit_elementwise_check(#op, args->n_rows, args->N, args->D));                     \
        if (args->dx == NULL) return LEIT_OK;                                                      \
        struct leit_##op copy = *args;                                                             \
        leit_elementwise_run(exec, leit_rows(args->n_rows, args->N) * args->D, backward_block,     \
                             &copy);                                                               \
        return LEIT_OK;                                                                            \
    }

#endif

/* The kernel contract: what is common to all ops.
 *
 * An op is one stem: layernorm.h (the definition: mathematics, shapes, limits), layernorm.c (CPU),
 * layernorm.cu (CUDA), and one line in ops.def. Its arguments are one struct, struct
 * leit_layernorm, that serves forward and backward; pointers that a direction does not use may be
 * NULL.
 *
 * Conventions that every op keeps:
 *   - Arrays are dense, row-major, f32 unless the field says otherwise; images are NHWC.
 *   - Counts in memory. A field `const int32_t *n_rows` (or n_samples, ...) may be NULL; otherwise
 *     only the first *n_rows <= N rows hold data, and rows behind them are neither read nor
 *     written. So one plan with room for the largest batch serves every batch.
 *   - Gradients: `dx` of an activation is written, or added to what is there where the op has a
 *     field `bool adds_dx` and it is set; gradients of parameters (dw, db, ...) are accumulated.
 *     A NULL gradient pointer means: not wanted.
 *   - Random draws come from Philox with counter {index / 4, sample, step, stream}, see core/rng.h;
 *     `const leit_random *random` lives in memory that the step updates.
 *   - Sums have a fixed order that does not depend on the number of threads: same bits always.
 *   - Scratch memory comes from exec->workspace; <op>_workspace says how much is needed. A function
 *     that uses it refuses less with LEIT_INTERNAL.
 *   - A function checks its limits before it writes, and returns LEIT_INTERNAL with a sentence when
 *     they are broken. Among the limits are the numbers that say where to read and write: counts,
 *     labels, ids, offsets. CUDA kernels read those on the device, where nothing can be answered:
 *     there a count is cut to its capacity.
 */
#ifndef LEIT_KERNELS_OP_H
#define LEIT_KERNELS_OP_H

#include <stddef.h>
#include <stdint.h>

#include "core/check.h"
#include "core/threads.h"

/* Which kernels of a GPU: `plain` ones are written to be read and judge the `fast` ones; `cudnn` takes
 * NVIDIA's libraries where they have the op (ops_cuda_library.def), and the fast ones elsewhere. */
#define LEIT_KERNELS_LIST(X) X(PLAIN, plain) X(FAST, fast) X(CUDNN, cudnn)
/* What a GPU's matrix products multiply: operands are rounded to 24, 11 or 8 significant bits. Arrays
 * in memory, sums, statistics and everything else are fp32 whatever is chosen. */
#define LEIT_PRECISION_LIST(X) X(FP32, fp32) X(TF32, tf32) X(BF16, bf16)

#define LEIT_KERNELS_ENUM(constant, word) LEIT_KERNELS_##constant,
#define LEIT_PRECISION_ENUM(constant, word) LEIT_PRECISION_##constant,
enum leit_kernels { LEIT_KERNELS_LIST(LEIT_KERNELS_ENUM) };
enum leit_precision { LEIT_PRECISION_LIST(LEIT_PRECISION_ENUM) LEIT_N_PRECISIONS };

/* Counters by which the blocks of a CUDA launch know which of them ends last (leit_cuda.h). */
enum { LEIT_TICKETS = 1024 };

/* Where and with what an op runs. */
typedef struct leit_exec {
    leit_threads *threads; /* CPU workers; NULL runs on the caller */
    void *workspace;       /* 64-byte aligned scratch memory of this step */
    size_t workspace_bytes;
    unsigned *tickets;             /* (LEIT_TICKETS) zeros, which an op leaves zero; of a GPU */
    void *stream;                  /* CUDA stream; NULL on the CPU */
    enum leit_precision precision; /* of a table's products: the table itself sets it */
} leit_exec;

/* The part of a random counter that changes from step to step. */
typedef struct leit_random {
    uint64_t seed;
    uint32_t step;
} leit_random;

/* What ops that can fuse an activation apply last. */
enum leit_activation {
    LEIT_ACTIVATION_NONE,
    LEIT_ACTIVATION_RELU,
    LEIT_ACTIVATION_GELU /* exact: x Phi(x) */
};

/* C linkage, also in .cu files. */
#ifdef __cplusplus
#define LEIT_C extern "C"
#else
#define LEIT_C extern
#endif

/* Declares the functions of one op: of the CPU, of the plain CUDA kernel, and where there are any of
 * the fast one (ops_cuda_fast.def) and of a library (ops_cuda_library.def). `workspace` returns bytes for either direction and n_workers
 * threads. */
#define LEIT_DECLARE_OP_FORWARD(op)                                                                \
    LEIT_DECLARE_FORWARD(op, cpu)                                                                  \
    LEIT_DECLARE_FORWARD(op, cuda)                                                                 \
    LEIT_DECLARE_FORWARD(op, fast)                                                                 \
    LEIT_DECLARE_FORWARD(op, library)
#define LEIT_DECLARE_OP(op)                                                                        \
    LEIT_DECLARE_OP_FORWARD(op)                                                                    \
    LEIT_DECLARE_BACKWARD(op, cpu)                                                                 \
    LEIT_DECLARE_BACKWARD(op, cuda)                                                                \
    LEIT_DECLARE_BACKWARD(op, fast)                                                                \
    LEIT_DECLARE_BACKWARD(op, library)
#define LEIT_DECLARE_FORWARD(op, kind)                                                             \
    LEIT_C size_t leit_##op##_workspace_##kind(const struct leit_##op *args, int n_workers);       \
    LEIT_C leit_status leit_##op##_forward_##kind(const leit_exec *exec,                           \
                                                  const struct leit_##op *args);
#define LEIT_DECLARE_BACKWARD(op, kind)                                                            \
    LEIT_C leit_status leit_##op##_backward_##kind(const leit_exec *exec,                          \
                                                   const struct leit_##op *args);

/* Defines the workspace function of an op that needs none. */
#define LEIT_NO_WORKSPACE_CPU(op) LEIT_NO_WORKSPACE(op, cpu)
#define LEIT_NO_WORKSPACE_CUDA(op) LEIT_NO_WORKSPACE(op, cuda)
#define LEIT_NO_WORKSPACE_FAST(op) LEIT_NO_WORKSPACE(op, fast)
#define LEIT_NO_WORKSPACE(op, backend)                                                             \
    size_t leit_##op##_workspace_##backend(const struct leit_##op *args, int n_workers)            \
    {                                                                                              \
        (void)args;                                                                                \
        (void)n_workers;                                                                           \
        return 0;                                                                                  \
    }

/* What an op on rows of D elements asks of its sizes, on either backend. */
static inline leit_status leit_check_matrix(const char *op, int64_t N, int64_t D)
{
    LEIT_FAIL_IF(N < 0 || D < 1, LEIT_INTERNAL,
                 "%s: N is %lld and D is %lld, expected 0 and 1 or more", op, (long long)N,
                 (long long)D);
    return LEIT_OK;
}

/* What an op with a count checks on entry, beside its own limits. */
static inline leit_status leit_check_rows(const char *op, const int32_t *n_rows, int64_t capacity)
{
    LEIT_FAIL_IF(n_rows != NULL && (*n_rows < 0 || *n_rows > capacity), LEIT_INTERNAL,
                 "%s: the count in memory is %d, expected 0 to %lld", op, *n_rows,
                 (long long)capacity);
    return LEIT_OK;
}

/* What a function checks before it lays out its workspace. */
static inline leit_status leit_check_workspace(const char *op, const leit_exec *exec, size_t needed)
{
    LEIT_FAIL_IF(exec->workspace_bytes < needed, LEIT_INTERNAL,
                 "%s: the workspace has %zu bytes, expected at least %zu", op,
                 exec->workspace_bytes, needed);
    return LEIT_OK;
}

/* The number of rows that hold data. */
static inline int64_t leit_rows(const int32_t *n_rows, int64_t capacity)
{
    return n_rows == NULL ? capacity : *n_rows;
}

#endif

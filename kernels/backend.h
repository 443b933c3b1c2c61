/* The table of a backend: every op of ops.def behind one shape, so that the plan, the test harness
 * and the benchmarks need not know the ops one by one. */
#ifndef LEIT_KERNELS_BACKEND_H
#define LEIT_KERNELS_BACKEND_H

#include "kernels/op.h"

typedef enum leit_op_id {
#define LEIT_OP(name) LEIT_OP_##name,
#define LEIT_OP_FORWARD(name) LEIT_OP_##name,
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
    LEIT_N_OPS
} leit_op_id;

/* `args` points to the op's struct. `backward` is NULL for ops without one. */
typedef struct leit_op {
    const char *name;
    size_t args_bytes;
    size_t (*workspace_bytes)(const void *args, int n_workers);
    leit_status (*forward)(const leit_exec *exec, const void *args);
    leit_status (*backward)(const leit_exec *exec, const void *args);
} leit_op;

typedef struct leit_backend {
    const char *name; /* "cpu" or "cuda" */
    leit_op ops[LEIT_N_OPS];
} leit_backend;

LEIT_C const leit_backend *leit_backend_cpu(void);

/* Of the CUDA plugin, which has it inside (src/cuda/cuda_loader.h). Ops without a .cu file are all
 * NULL there. */
LEIT_C const leit_backend *leit_backend_cuda(void);

#endif

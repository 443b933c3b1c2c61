/* The table of a backend: every op of ops.def behind one shape, so that the plan, the test harness
 * and the benchmarks need not know the ops one by one. */
#ifndef LEIT_KERNELS_BACKEND_H
#define LEIT_KERNELS_BACKEND_H

#include <stdbool.h>

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

/* The memory that the pointers of an argument struct point into. A failed function leaves its
 * sentence, LEIT_DEVICE on a GPU. */
typedef struct leit_device_memory {
    bool is_host; /* the program's own: what a kernel wrote can be read, and nothing is copied */
    /* Zeroed; NULL when there is not enough. Unless `at_once`, parts may be taken when they are
     * first touched. */
    void *(*allocate)(size_t bytes, bool at_once);
    void (*release)(void *memory); /* NULL is fine */
    /* Copies to and from the program's memory and zeros, in the order of the stream's launches. When
     * write returns, `from` may change; when read returns, `to` is there. */
    leit_status (*write)(void *to, const void *from, size_t bytes, void *stream);
    leit_status (*read)(void *to, const void *from, size_t bytes, void *stream);
    leit_status (*zero)(void *memory, size_t bytes, void *stream);
} leit_device_memory;

typedef struct leit_backend {
    const char *name; /* "cpu" or "cuda" */
    leit_device_memory memory;
    leit_op ops[LEIT_N_OPS];
} leit_backend;

LEIT_C const leit_backend *leit_backend_cpu(void);

/* Of the CUDA plugin, which has it inside (src/cuda/cuda_loader.h). Ops without a .cu file are all
 * NULL there. */
LEIT_C const leit_backend *leit_backend_cuda(void);

#endif

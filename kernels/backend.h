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

/* A copy on its way from a device to the program; it may be begun again when it has ended. */
typedef struct leit_device_fetch leit_device_fetch;

/* The memory that the pointers of an argument struct point into. A failed function leaves its
 * sentence, LEIT_DEVICE on a GPU. */
typedef struct leit_device_memory {
    bool is_host; /* the program's own: what a kernel wrote can be read, and nothing is copied */
    /* Zeroed; NULL when there is not enough. Unless `at_once`, parts may be taken when they are
     * first touched. */
    void *(*allocate)(size_t bytes, bool at_once);
    void (*release)(void *memory); /* NULL is fine */
    size_t (*free_bytes)(void);    /* that allocate could still give; NULL: nobody knows */
    /* Memory of the program that kernels can read too, over the bus, for what is too large. */
    void *(*allocate_mapped)(size_t bytes);
    void (*release_mapped)(void *memory); /* NULL is fine */
    /* Copies to and from the program's memory and zeros, in the order of the stream's launches. When
     * write returns, `from` may change; when read returns, `to` is there. */
    leit_status (*write)(void *to, const void *from, size_t bytes, void *stream);
    leit_status (*read)(void *to, const void *from, size_t bytes, void *stream);
    leit_status (*zero)(void *memory, size_t bytes, void *stream);
    /* A read that does not wait: begin queues it behind the stream's launches, end waits for what
     * was there then. */
    leit_status (*fetch_create)(size_t bytes, leit_device_fetch **fetch);
    leit_status (*fetch_begin)(leit_device_fetch *fetch, const void *from, void *stream);
    leit_status (*fetch_end)(leit_device_fetch *fetch, void *to);
    void (*fetch_free)(leit_device_fetch *fetch); /* NULL is fine */
} leit_device_memory;

/* Launches of a stream that are kept to be launched together, with the arguments they had: what
 * changes from time to time lies in memory. */
typedef struct leit_recording leit_recording;

typedef struct leit_recorder {
    /* Between begin and end, launches and zeros of the stream are kept in place of being run. end
     * comes after a failure too, and gives NULL then. */
    leit_status (*begin)(void *stream);
    leit_status (*end)(void *stream, leit_recording **recording);
    leit_status (*launch)(const leit_recording *recording, void *stream);
    int64_t (*n_nodes)(const leit_recording *recording);
    void (*free)(leit_recording *recording); /* NULL is fine */
} leit_recorder;

/* Spans of the program's time under names that a profiler shows (NVTX); they nest. */
typedef struct leit_ranges {
    void (*begin)(const char *name);
    void (*end)(void);
} leit_ranges;

typedef struct leit_backend {
    const char *name; /* "cpu" or "cuda" */
    leit_device_memory memory;
    const leit_recorder *recorder; /* NULL: nothing is gained by keeping launches */
    const leit_ranges *ranges;     /* NULL: no profiler asks for them */
    leit_op ops[LEIT_N_OPS];
    bool
        has_moments; /* conv2d makes the moments of y while it makes y, and batchnorm2d need not look for them */
} leit_backend;

static inline void leit_range_begin(const leit_backend *backend, const char *name)
{
    if (backend->ranges != NULL) backend->ranges->begin(name);
}

static inline void leit_range_end(const leit_backend *backend)
{
    if (backend->ranges != NULL) backend->ranges->end();
}

LEIT_C const leit_backend *leit_backend_cpu(void);

/* A table of the CUDA plugin, which has them inside (src/cuda/cuda_loader.h). Among the fast kernels,
 * an op that has none (ops_cuda_fast.def) has its plain one; plain kernels are fp32 whatever
 * `precision`. Libraries are opened by the first op that calls one, which fails with LEIT_DEVICE where it
 * is missing. */
LEIT_C const leit_backend *leit_backend_cuda(enum leit_kernels kernels,
                                             enum leit_precision precision);

#endif

/* Gradients of several ranks, each with a GPU of its own, over NCCL. libnccl.so.2 (or the file that
 * LEITMOTIF_NCCL names) is opened when one of these functions is called first; where it is missing
 * they fail with LEIT_DEVICE and a sentence, and the rest of the plugin works as ever.
 *
 * NCCL adds in an order of its own, which depends on the number of ranks: a sum has other last bits
 * than leit_dist_sum's. */
#ifndef LEIT_CUDA_NCCL_RANKS_H
#define LEIT_CUDA_NCCL_RANKS_H

#include <stdint.h>

#include "core/check.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LEIT_NCCL_ID_BYTES = 128 };

typedef struct leit_nccl leit_nccl;

/* A stream that is NULL is the one that kernels run in. */
typedef struct leit_nccl_table {
    int64_t bucket_bytes; /* of a sum that is worth being asked for */
    /* 22809: NCCL 2.28.9 */
    leit_status (*version)(int *version);
    /* id (LEIT_NCCL_ID_BYTES), made by rank 0 and handed to all by leit_dist_broadcast or
     * leit_tcp_store_share, which name the ranks that are missing. */
    leit_status (*make_id)(void *id);
    /* With the GPU of this thread. LEIT_RANK when not all have come within the deadline. */
    leit_status (*open)(const void *id, int rank, int size, int64_t deadline_ms, leit_nccl **nccl);
    /* *side: a stream of its own, whose launches from now on come behind those that `stream` has, and
     * run beside those it gets next. It is the communicator's. */
    leit_status (*fork)(leit_nccl *nccl, void *stream, void **side);
    /* What `stream` gets from now on comes behind all that the side stream has. */
    leit_status (*join)(leit_nccl *nccl, void *stream);
    /* Queued behind the stream's launches, or recorded with them: to (count) = the sum of `from` over
     * the ranks, in device memory; `from` may be `to`. */
    leit_status (*sum)(leit_nccl *nccl, const float *from, float *to, int64_t count, void *stream);
    /* Until the stream has done all that is queued. LEIT_RANK when the deadline passes or NCCL has
     * lost a rank: then nothing but close is left. */
    leit_status (*wait)(leit_nccl *nccl, void *stream);
    void (*close)(leit_nccl *nccl); /* NULL is fine */
} leit_nccl_table;

/* Of the CUDA plugin; elsewhere it is a field of its table. */
const leit_nccl_table *leit_nccl_functions(void);

#ifdef __cplusplus
}
#endif

#endif

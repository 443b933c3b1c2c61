/* The emulator as its tests see it: in which order threads run, and what was found.
 *
 * A launch runs its blocks one after another, and the threads of a block as fibers until each one
 * waits or ends. A mistake that only an order of threads decides, such as a missing barrier, gives
 * wrong numbers in some order; shared memory starts as NaN. What is wrong in every order
 * (a barrier that not all threads reach, a shuffle from a lane that is not there) is a finding: the
 * launch ends, and leit_launch_status returns LEIT_DEVICE with a sentence. */
#ifndef LEIT_TESTS_EMULATOR_H
#define LEIT_TESTS_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum leit_emulator_order {
    LEIT_EMULATOR_FORWARD,
    LEIT_EMULATOR_REVERSE,
    LEIT_EMULATOR_SHUFFLED, /* one permutation per block */
    LEIT_EMULATOR_RANDOM,   /* any thread that can run, at every switch */
    LEIT_EMULATOR_EAGER,    /* one warp as far as it gets, then the next: finds those that write
                               what others have yet to read */
    LEIT_EMULATOR_N_ORDERS
} leit_emulator_order;

/* For the launches that follow; blocks are permuted like threads. */
void leit_emulator_schedule(leit_emulator_order order, uint64_t seed);

/* The dynamic shared memory that launches can ask for from now on; 0: that of compute capability 9.0. */
void leit_emulator_shared_limit(size_t bytes);

const char *leit_emulator_order_name(leit_emulator_order order);

/* Work since the process began. */
typedef struct leit_emulator_counts {
    uint64_t n_launches, n_blocks, n_threads, n_switches;
} leit_emulator_counts;
leit_emulator_counts leit_emulator_work(void);

/* The kernel of launch i of a recording, "zeros" of what clears memory. */
struct leit_recording;
const char *leit_emulator_recorded_name(const struct leit_recording *recording, int64_t i);

/* Whether this is the check build (checker.h), which also finds races that no order shows, accesses
 * outside of a buffer and reads of what nobody wrote. There kernels may touch only memory that has
 * been added; the first filled_bytes of it hold something. Elsewhere the two functions do nothing. */
bool leit_emulator_checks(void);
void leit_emulator_memory_add(const char *name, const void *memory, size_t bytes,
                              size_t filled_bytes);
void leit_emulator_memory_forget(void);

/* Requests of warps, as counters.h says: sectors of global memory or passes of shared memory, how few
 * would have done, and where the most of the difference comes from. */
typedef struct leit_emulator_requests {
    uint64_t n, paid, least, worst_excess;
    char worst[120]; /* "layernorm.cu:60" */
} leit_emulator_requests;

/* What the launches of one kernel have moved. Bytes are of global memory, as the lanes ask for them, and
 * each counted once a launch. */
typedef struct leit_emulator_traffic {
    const char *kernel;
    uint64_t n_launches;
    unsigned n_threads;  /* of a block */
    size_t shared_bytes; /* of a block */
    uint64_t read_bytes, written_bytes, distinct_read_bytes, distinct_written_bytes;
    leit_emulator_requests global, shared;
    uint64_t product_flops; /* of the tensor cores */
} leit_emulator_traffic;

/* From here on each launch is counted, from nothing; with false nothing is. Check build only. */
void leit_emulator_count_traffic(bool begins);
/* One entry per kernel, in the order of first launches; valid until counting begins again. */
const leit_emulator_traffic *leit_emulator_traffic_list(size_t *n);

#ifdef __cplusplus
}
#endif

#endif

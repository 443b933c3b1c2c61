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

const char *leit_emulator_order_name(leit_emulator_order order);

/* Work since the process began. */
typedef struct leit_emulator_counts {
    uint64_t n_launches, n_blocks, n_threads, n_switches;
} leit_emulator_counts;
leit_emulator_counts leit_emulator_work(void);

/* Whether this is the check build (checker.h), which also finds races that no order shows, accesses
 * outside of a buffer and reads of what nobody wrote. There kernels may touch only memory that has
 * been added; the first filled_bytes of it hold something. Elsewhere the two functions do nothing. */
bool leit_emulator_checks(void);
void leit_emulator_memory_add(const char *name, const void *memory, size_t bytes,
                              size_t filled_bytes);
void leit_emulator_memory_forget(void);

#ifdef __cplusplus
}
#endif

#endif

/* Small kernels with one mistake each, and the same kernels without it: what the emulator must
 * catch and what it must let pass. */
#ifndef LEIT_TESTS_PLANTED_H
#define LEIT_TESTS_PLANTED_H

#include "core/check.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PLANTED_BLOCKS = 3, PLANTED_THREADS = 64, PLANTED_N = PLANTED_BLOCKS * PLANTED_THREADS };

/* X(name, part of the finding; NULL: found by its wrong numbers) */
#define PLANTED_LIST(X)                                                                            \
    X(missing_barrier, NULL)                                                                       \
    X(missing_barrier_in_loop, NULL)                                                               \
    X(missing_barrier_after_read, NULL)                                                            \
    X(missing_syncwarp, NULL)                                                                      \
    X(uninitialised_shared, NULL)                                                                  \
    X(two_barriers, "a divergent barrier")                                                         \
    X(early_return, "barrier")                                                                     \
    X(barrier_in_one_warp, "barrier")                                                              \
    X(ended_lane, "ended")                                                                         \
    X(lane_outside_mask, "which is not in mask")                                                   \
    X(not_in_own_mask, "is not in its own mask")                                                   \
    X(two_masks, "meets mask")                                                                     \
    X(lanes_that_never_meet, "no thread can go on")                                                \
    X(too_much_static, "bytes of static shared memory")                                            \
    X(too_much_shared, "bytes of shared memory")

/* Fills out[PLANTED_N]; without the mistake out[i] is 2 i. The status is the emulator's finding. */
typedef leit_status planted_function(int is_planted, float *out);
#define PLANTED_DECLARE(name, finding) planted_function planted_##name;
PLANTED_LIST(PLANTED_DECLARE)
#undef PLANTED_DECLARE

/* Everything the emulator offers, each against its plain meaning; 0 or the line that went wrong. */
leit_status planted_tour(int *failed_line);

#ifdef __cplusplus
}
#endif

#endif

/* Small kernels with one mistake each, and the same kernels without it: what the emulator must
 * catch and what it must let pass. */
#ifndef LEIT_TESTS_PLANTED_H
#define LEIT_TESTS_PLANTED_H

#include "core/check.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PLANTED_BLOCKS = 3, PLANTED_THREADS = 64, PLANTED_N = PLANTED_BLOCKS * PLANTED_THREADS };

/* Who must catch a mistake. Numbers: they are wrong in some order of threads. The emulator: a finding
 * in every order. The checker: a finding of the check build, in the first order. The sanitizers:
 * AddressSanitizer or UndefinedBehaviorSanitizer ends the program. */
enum { BY_NUMBERS = 1, BY_EMULATOR = 2, BY_CHECKER = 4, BY_SANITIZERS = 8 };

/* X(name, who, part of the finding) */
#define PLANTED_LIST(X)                                                                            \
    X(missing_barrier, BY_NUMBERS | BY_CHECKER, "that nobody has written")                         \
    X(missing_barrier_in_tree, BY_NUMBERS | BY_CHECKER, "a race in shared memory")                 \
    X(missing_barrier_in_loop, BY_NUMBERS | BY_CHECKER, "a race in shared memory")                 \
    X(missing_barrier_after_read, BY_NUMBERS | BY_CHECKER, "a race in shared memory")              \
    X(missing_syncwarp, BY_NUMBERS | BY_CHECKER, "that nobody has written")                        \
    X(shuffle_as_fence, BY_CHECKER, "a race in shared memory")                                     \
    X(read_of_another_block, BY_NUMBERS | BY_CHECKER, "a race in 'out'")                           \
    X(ticket_before_part, BY_NUMBERS | BY_CHECKER, "when the block has handed in its part")        \
    X(ticket_of_too_few, BY_NUMBERS | BY_CHECKER, "that nobody has written")                       \
    X(sum_across_blocks, BY_CHECKER, "a race in 'total'")                                          \
    X(atomic_beside_plain, BY_CHECKER, "a race in 'total'")                                        \
    X(uninitialised_shared, BY_NUMBERS | BY_CHECKER, "that nobody has written")                    \
    X(uninitialised_flag, BY_CHECKER, "that nobody has written")                                   \
    X(sum_onto_nothing, BY_NUMBERS | BY_CHECKER, "that nobody has written")                        \
    X(copy_waited_too_weakly, BY_NUMBERS | BY_CHECKER, "an asynchronous copy is under way")        \
    X(copy_without_wait, BY_NUMBERS | BY_CHECKER, "an asynchronous copy is under way")             \
    X(copy_never_committed, BY_NUMBERS | BY_CHECKER, "an asynchronous copy is under way")          \
    X(copy_without_barrier, BY_NUMBERS | BY_CHECKER, "shared memory")                              \
    X(copy_into_what_is_read, BY_CHECKER, "a race in shared memory")                               \
    X(copy_misaligned, BY_EMULATOR, "not aligned to 16")                                           \
    X(matrix_row_misaligned, BY_EMULATOR, "a row that is not aligned")                             \
    X(matrix_not_in_shared, BY_EMULATOR, "memory that is not shared")                              \
    X(product_of_half_a_warp, BY_EMULATOR, "ended")                                                \
    X(past_named_array, BY_CHECKER | BY_SANITIZERS, "outside its arrays")                          \
    X(past_array_by_pointer, BY_CHECKER | BY_SANITIZERS, "outside its arrays")                     \
    X(past_dynamic_shared, BY_CHECKER | BY_SANITIZERS, "outside its arrays")                       \
    X(past_inner_index, BY_SANITIZERS, NULL)                                                       \
    X(past_global, BY_CHECKER | BY_SANITIZERS, "past the end of 'out'")                            \
    X(before_global, BY_CHECKER | BY_SANITIZERS, "before 'out'")                                   \
    X(far_past_global, BY_CHECKER, "not the device's")                                             \
    X(pointer_of_the_host, BY_CHECKER, "reads 4 bytes at")                                         \
    X(misaligned_vector, BY_SANITIZERS, NULL)                                                      \
    X(shift_too_far, BY_SANITIZERS, NULL)                                                          \
    X(signed_overflow, BY_SANITIZERS, NULL)                                                        \
    X(two_barriers, BY_EMULATOR, "a divergent barrier")                                            \
    X(early_return, BY_EMULATOR, "barrier")                                                        \
    X(barrier_in_one_warp, BY_EMULATOR, "barrier")                                                 \
    X(barrier_once_more, BY_EMULATOR, "barrier")                                                   \
    X(ended_lane, BY_EMULATOR, "ended")                                                            \
    X(lane_outside_mask, BY_EMULATOR, "which is not in mask")                                      \
    X(not_in_own_mask, BY_EMULATOR, "is not in its own mask")                                      \
    X(two_masks, BY_EMULATOR, "meets mask")                                                        \
    X(lanes_that_never_meet, BY_EMULATOR, "no thread can go on")                                   \
    X(part_of_a_warp, BY_EMULATOR, "expected whole warps")                                         \
    X(too_much_static, BY_EMULATOR, "bytes of static shared memory")                               \
    X(too_much_shared, BY_EMULATOR, "bytes of shared memory")                                      \
    X(not_allowed, BY_EMULATOR, "at launch, and no LEIT_ALLOW_SHARED")                             \
    X(not_allowed_beside_its_own, BY_EMULATOR, "no LEIT_ALLOW_SHARED")                             \
    X(phase_not_awaited, BY_EMULATOR | BY_CHECKER, "under way")                                    \
    X(wrong_parity, BY_EMULATOR | BY_CHECKER, "under way")                                         \
    X(too_few_bytes, BY_EMULATOR | BY_CHECKER, "under way")                                        \
    X(too_many_bytes, BY_EMULATOR, "no thread can go on")                                          \
    X(arrival_missing, BY_EMULATOR, "no thread can go on")                                         \
    X(arrival_too_many, BY_EMULATOR, "more arrivals than the 1")                                   \
    X(barrier_not_published, BY_EMULATOR, "without leit_mbarrier_publish")                         \
    X(barrier_not_open, BY_EMULATOR, "a barrier that is not open")                                 \
    X(awaited_by_one_thread, BY_NUMBERS | BY_CHECKER, "an asynchronous copy is under way")         \
    X(box_misaligned, BY_EMULATOR, "not aligned to 1024")                                          \
    X(box_left_behind, BY_EMULATOR, "ends with 1 boxes under way")                                 \
    X(box_onto_box, BY_NUMBERS | BY_CHECKER, "shared memory")                                      \
    X(product_not_awaited, BY_NUMBERS, NULL)                                                       \
    X(product_never_committed, BY_EMULATOR, "products of warp 0 under way")                        \
    X(product_without_begin, BY_EMULATOR, "without leit_warpgroup_begin")                          \
    X(product_of_unpublished, BY_CHECKER, "without leit_publish_shared")                           \
    X(product_overwritten, BY_NUMBERS | BY_CHECKER, "that a product of matrices is reading")       \
    X(product_not_swizzled, BY_NUMBERS | BY_CHECKER, "that nobody has written")                    \
    X(product_by_three_warps, BY_EMULATOR, "has made 0 of the 1 products")                         \
    X(product_of_others, BY_EMULATOR, "multiply different matrices")

/* Fills out[PLANTED_N], which is the device's; without the mistake out[i] is 2 i. The status is the
 * emulator's finding. */
typedef leit_status planted_function(int is_planted, float *out);
#define PLANTED_DECLARE(name, who, finding) planted_function planted_##name;
PLANTED_LIST(PLANTED_DECLARE)
#undef PLANTED_DECLARE

/* Everything the emulator offers, each against its plain meaning; 0 or the line that went wrong. */
leit_status planted_tour(int *failed_line);
leit_status planted_tour_of_atomics(int *failed_line);

#ifdef __cplusplus
}
#endif

#endif

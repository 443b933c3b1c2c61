/* What the parts of the emulator ask of each other. */
#ifndef LEIT_TESTS_EMULATOR_PARTS_H
#define LEIT_TESTS_EMULATOR_PARTS_H

namespace emulator {

/* A mistake of the running thread: ends the launch, and leit_launch_status tells it with the kernel,
 * the block and the thread before it. */
[[noreturn]] void found(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Kernels, copies and zeros may touch the device's memory (emulator_memory.cc), others may not. */
void open_memory();
void close_memory();

/* The running thread waits until somebody wakes those who wait for the event. */
void block_until(const void *event, const char *what, struct place at);
bool is_awaited(const void *event);
void wake(const void *event);

/* Asynchronous copies, boxes and products of warpgroups end with their block; the last thread of a block calls
 * end_... of what must have been waited for. */
void forget_copies();
void end_boxes();
void forget_boxes();
void end_products();
void forget_products();

} // namespace emulator

#endif

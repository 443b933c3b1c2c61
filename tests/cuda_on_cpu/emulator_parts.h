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

/* Asynchronous copies end with their block. */
void forget_copies();

} // namespace emulator

#endif

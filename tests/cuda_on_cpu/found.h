/* How the parts of the emulator report what they find. */
#ifndef LEIT_TESTS_FOUND_H
#define LEIT_TESTS_FOUND_H

namespace emulator {

/* A mistake of the running thread: ends the launch, and leit_launch_status tells it with the kernel,
 * the block and the thread before it. */
[[noreturn]] void found(const char *format, ...) __attribute__((format(printf, 1, 2)));

} // namespace emulator

#endif

/* What a launch moves, counted in the check build, where every access is seen (checker.h).
 *
 * A warp's request is what its lanes access by one instruction: the n-th access of each lane at one
 * place of the program. Of it the hardware makes
 *   - of global memory, one transaction for each 32-byte sector that a lane touches;
 *   - of shared memory, which has 32 banks of 4 bytes, one pass for all lanes, two of 16 lanes where each
 *     takes 8 bytes, four of 8 lanes where each takes 16; and each pass again as often as a bank is
 *     asked for different words.
 * (CUDA's programming guide, "Device Memory Accesses" and "Shared Memory" of compute capability 5.0 and
 * above.) Vectors of 8 and 16 bytes reach the hooks in words of 4; they are put together again
 * (is_continued of counters.cc).
 *
 * Not counted: what caches keep, and arithmetic other than of the tensor cores. */
#ifndef LEIT_TESTS_COUNTERS_H
#define LEIT_TESTS_COUNTERS_H

#include <cstddef>
#include <cstdint>

#include "cuda_on_cpu/checker.h"

namespace counters {

enum memory { GLOBAL, SHARED };

#ifdef LEIT_EMULATOR_CHECKS

void begin_launch(const char *kernel, unsigned n_threads);
/* Shared memory of the block, fixed and asked for at launch. */
void end_block(size_t shared_bytes);
void end_launch();

/* By that thread of the running block. */
void note(memory where, unsigned thread, uintptr_t address, size_t bytes, checker::access_kind kind,
          const void *pc);
/* A warp's product of matrices. */
void note_product(uint64_t multiply_adds);

#else

inline void begin_launch(const char *, unsigned)
{
}
inline void end_block(size_t)
{
}
inline void end_launch()
{
}
inline void note(memory, unsigned, uintptr_t, size_t, checker::access_kind, const void *)
{
}
inline void note_product(uint64_t)
{
}

#endif

} // namespace counters

#endif

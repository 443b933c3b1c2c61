/* What the check build knows about memory: who wrote and read each word last, and whether that was
 * ordered.
 *
 * The kernels of the check build are compiled with -fsanitize=thread, which puts a call before
 * every load and store; those calls come to memory_hooks.cc and from there to access(), not to
 * libtsan. Two accesses of one word of which one writes are a race unless
 *   - one thread did both, or an earlier launch did one of them;
 *   - threads of one block did them, with a __syncthreads between;
 *   - lanes of one warp did them, with a __syncwarp of both between (not a shuffle);
 *   - both are atomic;
 *   - the block is the last to take a ticket that the other one has taken (leit_is_last_block);
 *   - one thread arrived at an mbarrier behind its access, and the other waited for that phase before its own.
 * Otherwise blocks of one launch are not ordered. The first finding ends the launch like any other.
 *
 * In the other build these functions are empty. */
#ifndef LEIT_TESTS_CHECKER_H
#define LEIT_TESTS_CHECKER_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace checker {

enum access_kind { READ, WRITE, ATOMIC };
enum { MAX_BARRIERS = 64 }; /* of a block */

struct place_of_thread {
    unsigned number; /* in its block */
    const void *stack;
    size_t stack_bytes;
};

#ifdef LEIT_EMULATOR_CHECKS

/* ---- told by the emulator ---- */

/* What follows is ordered after all that was; kernels may read the closure: their arguments. */
void begin_launch(const void *closure, size_t bytes);
/* Shared memory is pieces of the arena. */
void begin_block(const void *arena, size_t bytes);
void give_shared(const void *memory, size_t bytes);
/* From here on accesses are this thread's; with nullptr nobody looks. */
void run(const place_of_thread *thread);
void block_barrier();
void warp_barrier(unsigned warp, unsigned mask);
/* The running block has taken a ticket: what it did comes before what the last to take it does, and it
 * writes no more unless it is that one. */
void hand_in(const void *ticket, bool is_last);
/* An asynchronous copy of the running thread into shared memory: nobody may touch the target before
 * it has landed. */
void copy_departs(const void *target, size_t bytes, const void *source, size_t source_bytes,
                  const void *pc);
void copy_lands(const void *target, size_t bytes, const void *pc);
/* mbarriers of the block are numbered from 0. A box that departed as a copy does is there for those who have seen
 * its phase end. */
void arrive(unsigned barrier);
void phase_ends(unsigned barrier);
void see_phase(unsigned barrier);
void box_lands(const void *target, size_t bytes, unsigned barrier, const void *pc);
/* A product of the running thread's warp reads shared memory from the first call to the second. What threads
 * have written there it sees when they have published it. */
void publish_shared();
void product_begins(const void *memory, size_t bytes, const void *pc);
void product_ends(const void *memory, size_t bytes, const void *pc);
/* The running thread's warp has waited: each lane knows that those products are done. */
void see_products();

/* Device memory, of which the first filled_bytes hold something. */
void add_memory(const char *name, const void *memory, size_t bytes, size_t filled_bytes);
void forget_memory();
/* The emulated device's own memory, zeroed. It counts where nothing has been added: a test that names its
 * buffers means those bytes and no others. */
void allocated(const void *memory, size_t bytes);
void released(const void *memory);

/* ---- told by instrumented code ---- */

/* pc: behind the access. */
void access(const void *address, size_t bytes, access_kind kind, const void *pc);

/* "layernorm.cu:60", or "leit_cuda.h:101 from layernorm.cu:38" of an inlined function. Asks addr2line. */
std::string place_of(const void *pc);

#else

inline void begin_launch(const void *, size_t)
{
}
inline void begin_block(const void *, size_t)
{
}
inline void give_shared(const void *, size_t)
{
}
inline void run(const place_of_thread *)
{
}
inline void block_barrier()
{
}
inline void warp_barrier(unsigned, unsigned)
{
}
inline void hand_in(const void *, bool)
{
}
inline void copy_departs(const void *, size_t, const void *, size_t, const void *)
{
}
inline void copy_lands(const void *, size_t, const void *)
{
}
inline void arrive(unsigned)
{
}
inline void phase_ends(unsigned)
{
}
inline void see_phase(unsigned)
{
}
inline void box_lands(const void *, size_t, unsigned, const void *)
{
}
inline void publish_shared()
{
}
inline void product_begins(const void *, size_t, const void *)
{
}
inline void product_ends(const void *, size_t, const void *)
{
}
inline void see_products()
{
}
inline void add_memory(const char *, const void *, size_t, size_t)
{
}
inline void forget_memory()
{
}
inline void allocated(const void *, size_t)
{
}
inline void released(const void *)
{
}
inline void access(const void *, size_t, access_kind, const void *)
{
}

#endif

} // namespace checker

#endif

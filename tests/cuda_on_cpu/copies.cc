/* cp.async: each thread has a queue of copies. One is made when a wait says that it must have been,
 * and its target is NaN until then: what may be late is late. */
#include <vector>

#include "cuda_on_cpu/checker.h"
#include "cuda_on_cpu/emulator_parts.h"
#include "mma_on_cpu.h"

namespace emulator {
namespace {

struct copy {
    void *target;
    const void *source;
    size_t bytes, source_bytes;
    uint64_t group;
};

struct queue {
    std::vector<copy> copies;
    uint64_t n_groups; /* closed ones */
};

queue queues[1024]; /* one per thread of the block */

bool is_aligned(const void *memory, size_t bytes)
{
    return reinterpret_cast<uintptr_t>(memory) % bytes == 0;
}

void make(const copy &c, const void *pc)
{
    checker::copy_lands(c.target, c.bytes, pc);
    memset(c.target, 0, c.bytes);
    memcpy(c.target, c.source, c.source_bytes);
}

} // namespace

void copy_async(place at, void *target, const void *source, size_t bytes, size_t source_bytes)
{
    if (!is_shared(target, bytes))
        found("%s:%d: an asynchronous copy into memory that is not shared", at.file, at.line);
    if (!is_aligned(target, bytes) || !is_aligned(source, bytes))
        found("%s:%d: an asynchronous copy of %zu bytes that are not aligned to %zu", at.file,
              at.line, bytes, bytes);
    checker::copy_departs(target, bytes, source, source_bytes, __builtin_return_address(0));
    memset(target, 0xFF, bytes);
    queue &q = queues[thread_number()];
    q.copies.push_back({target, source, bytes, source_bytes, q.n_groups});
}

void commit_copies()
{
    queues[thread_number()].n_groups++;
}

void await_copies(size_t n_groups)
{
    queue &q = queues[thread_number()];
    size_t n_left = 0;
    for (size_t i = 0; i < q.copies.size(); i++) {
        if (q.copies[i].group + n_groups < q.n_groups)
            make(q.copies[i], __builtin_return_address(0));
        else
            q.copies[n_left++] = q.copies[i];
    }
    q.copies.resize(n_left);
}

void forget_copies()
{
    for (queue &q : queues) {
        q.copies.clear();
        q.n_groups = 0;
    }
}

} // namespace emulator

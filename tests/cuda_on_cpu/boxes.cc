/* mbarrier and TMA. A phase of a barrier ends when all arrivals and all bytes it was told to expect have come; a
 * box comes when somebody waits for a phase that lacks nothing but bytes, and not before: what may be late
 * is late. */
#include <algorithm>
#include <map>
#include <vector>

#include "cuda_on_cpu/checker.h"
#include "cuda_on_cpu/emulator_parts.h"
#include "kernels/leit_sm90.cuh"

namespace emulator {
namespace {

enum { MAX_BYTES = 1 << 20 };

struct barrier_state {
    unsigned number; /* in the block */
    unsigned n_arrivals, pending, parity;
    int64_t bytes; /* expected and not there */
    bool is_published;
};

struct box {
    unsigned char *target;
    leit_tensor_map map;
    int column, row;
    const void *barrier;
    const void *pc;
};

/* Of the running block. */
std::map<const void *, barrier_state> barriers;
std::vector<box> boxes;

barrier_state &find(place at, const void *barrier)
{
    const auto known = barriers.find(barrier);
    if (known == barriers.end()) found("%s:%d: a barrier that is not open", at.file, at.line);
    return known->second;
}

size_t bytes_of(const leit_tensor_map &map)
{
    return static_cast<size_t>(map.box_rows) * LEIT_BOX_ROW_BYTES;
}

/* The part of row r of a box that is in the matrix; 0 bytes: none. It begins at byte `first` of the row. */
size_t bytes_of_row(const box &b, int r, const unsigned char **source, size_t *first)
{
    const int64_t row = b.row + r, in_row = LEIT_BOX_ROW_BYTES / b.map.element_bytes;
    const int64_t begin = std::max<int64_t>(b.column, 0);
    const int64_t end = std::min(b.column + in_row, b.map.columns);
    if (row < 0 || row >= b.map.rows || begin >= end) return 0;
    *first = static_cast<size_t>((begin - b.column) * b.map.element_bytes);
    *source = b.map.matrix + row * b.map.step_bytes + begin * b.map.element_bytes;
    return static_cast<size_t>((end - begin) * b.map.element_bytes);
}

void bring(const box &b, const barrier_state &barrier)
{
    for (int r = 0; r < b.map.box_rows; r++) {
        unsigned char row[LEIT_BOX_ROW_BYTES] = {};
        const unsigned char *source = nullptr;
        size_t first = 0;
        const size_t bytes = bytes_of_row(b, r, &source, &first);
        if (bytes > 0) memcpy(row + first, source, bytes);
        for (int byte = 0; byte < LEIT_BOX_ROW_BYTES; byte += 16)
            memcpy(b.target + leit_swizzled(r, byte), row + byte, 16);
    }
    checker::box_lands(b.target, bytes_of(b.map), barrier.number, b.pc);
}

void end_phase(const void *barrier, barrier_state &state)
{
    state.parity ^= 1;
    state.pending = state.n_arrivals;
    checker::phase_ends(state.number);
    wake(barrier);
}

bool is_complete(const barrier_state &state)
{
    return state.pending == 0 && state.bytes == 0;
}

/* Brings boxes, one after another, while that is all that the phase still lacks. */
void settle(const void *barrier, barrier_state &state)
{
    for (size_t i = 0; i < boxes.size() && state.pending == 0 && !is_complete(state);) {
        if (boxes[i].barrier != barrier) {
            i++;
            continue;
        }
        bring(boxes[i], state);
        state.bytes -= static_cast<int64_t>(bytes_of(boxes[i].map));
        boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (is_complete(state)) end_phase(barrier, state);
}

} // namespace

void open_barrier(place at, const void *barrier, unsigned n_arrivals)
{
    if (!is_shared(barrier, sizeof(leit_mbarrier)) || reinterpret_cast<uintptr_t>(barrier) % 8 != 0)
        found("%s:%d: a barrier that is not 8 aligned bytes of shared memory", at.file, at.line);
    if (barriers.count(barrier) > 0) found("%s:%d: a barrier that is open", at.file, at.line);
    if (barriers.size() == checker::MAX_BARRIERS || n_arrivals == 0)
        found("%s:%d: a barrier of %u arrivals, the %zuth of the block", at.file, at.line,
              n_arrivals, barriers.size() + 1);
    barriers[barrier] = {
        static_cast<unsigned>(barriers.size()), n_arrivals, n_arrivals, 0, 0, false};
}

void publish_barriers()
{
    for (auto &b : barriers) b.second.is_published = true;
}

void arrive(place at, const void *barrier, int64_t expected_bytes)
{
    barrier_state &state = find(at, barrier);
    if (state.pending == 0)
        found("%s:%d: more arrivals than the %u of the barrier", at.file, at.line,
              state.n_arrivals);
    if (state.bytes + expected_bytes >= MAX_BYTES)
        found("%s:%d: a barrier cannot expect 2^20 bytes", at.file, at.line);
    checker::arrive(state.number);
    state.pending--;
    state.bytes += expected_bytes;
    if (is_awaited(barrier))
        settle(barrier, state);
    else if (is_complete(state))
        end_phase(barrier, state);
}

void await_phase(place at, const void *barrier, unsigned parity)
{
    barrier_state &state = find(at, barrier);
    if (state.parity == parity) settle(barrier, state);
    while (state.parity == parity) block_until(barrier, "leit_mbarrier_wait", at);
    checker::see_phase(state.number);
}

void copy_box(place at, void *target, const leit_tensor_map &map, int column, int row,
              const void *barrier)
{
    barrier_state &state = find(at, barrier);
    if (!state.is_published)
        found("%s:%d: a box for a barrier without leit_mbarrier_publish", at.file, at.line);
    if (!is_shared(target, bytes_of(map)))
        found("%s:%d: a box into memory that is not shared", at.file, at.line);
    if (reinterpret_cast<uintptr_t>(target) % LEIT_BOX_ALIGNMENT != 0)
        found("%s:%d: a box at an address that is not aligned to %d", at.file, at.line,
              static_cast<int>(LEIT_BOX_ALIGNMENT));
    const box b = {static_cast<unsigned char *>(target), map, column, row, barrier,
                   __builtin_return_address(0)};
    for (int r = 0; r < map.box_rows; r++) {
        const unsigned char *source = nullptr;
        size_t first = 0;
        const size_t bytes = bytes_of_row(b, r, &source, &first);
        if (bytes > 0) checker::access(source, bytes, checker::READ, b.pc);
    }
    checker::copy_departs(target, bytes_of(map), nullptr, 0, b.pc);
    memset(target, 0xFF, bytes_of(map));
    boxes.push_back(b);
    if (is_awaited(barrier)) settle(barrier, state);
}

void publish_shared()
{
    checker::publish_shared();
}

void end_boxes()
{
    if (!boxes.empty()) found("its block ends with %zu boxes under way", boxes.size());
}

void forget_boxes()
{
    barriers.clear();
    boxes.clear();
}

} // namespace emulator

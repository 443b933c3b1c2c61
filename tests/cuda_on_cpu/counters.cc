#include "cuda_on_cpu/counters.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <vector>

#include "cuda_on_cpu/emulator.h"

namespace counters {
namespace {

enum { WARP = 32, MAX_THREADS = 1024, MAX_WARPS = MAX_THREADS / WARP };
enum { SECTOR_BYTES = 32, BANKS = 32, BANK_BYTES = 4, VECTOR_BYTES = 16 };

struct access {
    uintptr_t address;
    size_t bytes; /* 0: none */
    memory where;
    checker::access_kind kind;
    const void *pc; /* of the first part */
    const void *last_pc;
};

struct request {
    uint32_t lanes; /* that have come */
    uintptr_t address[WARP];
    size_t bytes[WARP];
};

/* An instruction. open[w] are requests of warp w that lack lanes, from its first[w]-th on. */
struct site {
    memory where;
    const void *pc;
    uint64_t paid, least; /* sectors or passes, and how few they could have been */
    uint32_t n_of_thread[MAX_THREADS], first[MAX_WARPS];
    std::deque<request> open[MAX_WARPS];
};

/* Which bytes a launch has touched, 64 to a word of bits. */
struct touched {
    uint64_t read, written;
};

bool is_counting;
std::vector<leit_emulator_traffic> list;
leit_emulator_traffic *now; /* of the running kernel */
unsigned n_threads_now;
access latest[MAX_THREADS]; /* may go on: counted when it does not */
std::unordered_map<uintptr_t, site> sites;
std::unordered_map<uintptr_t, touched> bytes_of_launch;

/* ---- a request ---- */

/* Sectors that it touches; in `least` how few would hold its bytes. */
uint64_t sectors(const request &r, uint64_t *least)
{
    int order[WARP], n = 0;
    for (int lane = 0; lane < WARP; lane++)
        if ((r.lanes >> lane & 1) != 0) order[n++] = lane;
    std::sort(order, order + n, [&r](int a, int b) { return r.address[a] < r.address[b]; });
    uint64_t n_sectors = 0, n_bytes = 0;
    uintptr_t next_sector = 0, end = 0;
    for (int i = 0; i < n; i++) {
        const uintptr_t begin = r.address[order[i]], stop = begin + r.bytes[order[i]];
        const uintptr_t first = std::max(begin / SECTOR_BYTES, next_sector);
        const uintptr_t behind = (stop - 1) / SECTOR_BYTES + 1;
        if (behind > first) n_sectors += behind - first;
        next_sector = std::max(next_sector, behind);
        if (stop > end) n_bytes += stop - std::max(begin, end);
        end = std::max(end, stop);
    }
    *least = (n_bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
    return n_sectors;
}

/* How often the banks must be asked for what the lanes [first, first + n) want. */
uint64_t passes_of(const request &r, int first, int n)
{
    std::vector<uintptr_t> words;
    for (int lane = first; lane < first + n; lane++)
        for (size_t at = 0; (r.lanes >> lane & 1) != 0 && at < r.bytes[lane]; at += BANK_BYTES)
            words.push_back((r.address[lane] + at) / BANK_BYTES);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    uint64_t in_bank[BANKS] = {}, most = 0;
    for (const uintptr_t word : words) most = std::max(most, ++in_bank[word % BANKS]);
    return most;
}

uint64_t passes(const request &r, uint64_t *least)
{
    size_t widest = 0;
    for (int lane = 0; lane < WARP; lane++)
        if ((r.lanes >> lane & 1) != 0) widest = std::max(widest, r.bytes[lane]);
    const int lanes = widest <= 4 ? WARP : widest <= 8 ? WARP / 2 : WARP / 4;
    uint64_t total = 0;
    *least = 0;
    for (int first = 0; first < WARP; first += lanes) {
        const uint64_t n = passes_of(r, first, lanes);
        total += n;
        *least += n > 0;
    }
    return total;
}

void judge(site &s, const request &r)
{
    uint64_t least = 0;
    const uint64_t paid = s.where == GLOBAL ? sectors(r, &least) : passes(r, &least);
    s.paid += paid;
    s.least += least;
    leit_emulator_requests &sum = s.where == GLOBAL ? now->global : now->shared;
    sum.n++;
    sum.paid += paid;
    sum.least += least;
}

/* ---- accesses of threads ---- */

site &site_of(const access &a)
{
    const uintptr_t key = reinterpret_cast<uintptr_t>(a.pc) << 3 |
                          static_cast<uintptr_t>(a.where) << 2 | static_cast<uintptr_t>(a.kind);
    site &s = sites[key];
    s.where = a.where;
    s.pc = a.pc;
    return s;
}

void touch(uintptr_t address, size_t bytes, checker::access_kind kind)
{
    while (bytes > 0) {
        const uintptr_t at = address % 64;
        const size_t n = std::min<size_t>(bytes, 64 - at);
        const uint64_t mask = (n == 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1) << at;
        touched &t = bytes_of_launch[address / 64];
        if (kind != checker::WRITE) t.read |= mask;
        if (kind != checker::READ) t.written |= mask;
        address += n;
        bytes -= n;
    }
}

/* The latest access of a thread is over. */
void close(unsigned thread)
{
    access &a = latest[thread];
    if (a.bytes == 0) return;
    if (a.where == GLOBAL) {
        if (a.kind != checker::WRITE) now->read_bytes += a.bytes;
        if (a.kind != checker::READ) now->written_bytes += a.bytes;
        touch(a.address, a.bytes, a.kind);
    }
    site &s = site_of(a);
    const unsigned warp = thread / WARP, lane = thread % WARP;
    std::deque<request> &open = s.open[warp];
    const uint32_t at = s.n_of_thread[thread]++ - s.first[warp];
    if (at >= open.size()) open.resize(at + 1);
    request &r = open[at];
    r.lanes |= 1u << lane;
    r.address[lane] = a.address;
    r.bytes[lane] = a.bytes;
    a.bytes = 0;
    while (!open.empty() && open.front().lanes == 0xFFFFFFFFu) {
        judge(s, open.front());
        open.pop_front();
        s.first[warp]++;
    }
}

/* The compiler takes a vector of floats apart: the next word of the same 8 or 16 bytes, aligned to
 * them, by another instruction and with nothing in between belongs to it. A loop over single words
 * comes from one instruction and stays what it is. */
bool is_continued(const access &a, const access &next)
{
    const size_t room = a.address % VECTOR_BYTES == 0 ? VECTOR_BYTES : a.address % 8 == 0 ? 8 : 0;
    return a.bytes >= BANK_BYTES && next.bytes >= BANK_BYTES && next.pc > a.last_pc &&
           next.where == a.where && next.kind == a.kind && a.kind != checker::ATOMIC &&
           next.address == a.address + a.bytes && a.bytes + next.bytes <= room;
}

void add_access(unsigned thread, const access &next)
{
    access &a = latest[thread];
    if (is_continued(a, next)) {
        a.bytes += next.bytes;
        a.last_pc = next.last_pc;
        return;
    }
    close(thread);
    a = next;
}

/* The instruction that has paid most above the least. */
void name_worst(memory where, leit_emulator_requests *sum)
{
    for (const auto &entry : sites) {
        const site &s = entry.second;
        if (s.where != where || s.paid - s.least <= sum->worst_excess) continue;
        sum->worst_excess = s.paid - s.least;
        snprintf(sum->worst, sizeof sum->worst, "%s", checker::place_of(s.pc).c_str());
    }
}

} // namespace

void begin_launch(const char *kernel, unsigned n_threads)
{
    if (!is_counting) return;
    n_threads_now = n_threads;
    now = nullptr;
    for (leit_emulator_traffic &t : list)
        if (strcmp(t.kernel, kernel) == 0) now = &t;
    if (now == nullptr) {
        list.push_back({});
        now = &list.back();
        now->kernel = kernel;
    }
    now->n_launches++;
    now->n_threads = std::max(now->n_threads, n_threads);
}

void end_block(size_t shared_bytes)
{
    if (!is_counting) return;
    now->shared_bytes = std::max(now->shared_bytes, shared_bytes);
    for (unsigned thread = 0; thread < n_threads_now; thread++) close(thread);
    for (auto &entry : sites) {
        site &s = entry.second;
        for (std::deque<request> &open : s.open) {
            for (const request &r : open)
                if (r.lanes != 0) judge(s, r);
            open.clear();
        }
        memset(s.n_of_thread, 0, sizeof s.n_of_thread);
        memset(s.first, 0, sizeof s.first);
    }
}

void end_launch()
{
    if (!is_counting) return;
    for (const auto &entry : bytes_of_launch) {
        now->distinct_read_bytes += static_cast<uint64_t>(__builtin_popcountll(entry.second.read));
        now->distinct_written_bytes +=
            static_cast<uint64_t>(__builtin_popcountll(entry.second.written));
    }
    bytes_of_launch.clear();
    name_worst(GLOBAL, &now->global);
    name_worst(SHARED, &now->shared);
    sites.clear();
}

void note(memory where, unsigned thread, uintptr_t address, size_t bytes, checker::access_kind kind,
          const void *pc)
{
    if (!is_counting) return;
    for (size_t done = 0; done < bytes; done += VECTOR_BYTES) /* a structure is copied in vectors */
        add_access(thread, {address + done, std::min<size_t>(bytes - done, VECTOR_BYTES), where,
                            kind, pc, pc});
}

void note_product(uint64_t multiply_adds)
{
    if (is_counting) now->product_flops += 2 * multiply_adds;
}

} // namespace counters

void leit_emulator_count_traffic(bool begins)
{
    counters::is_counting = begins;
    if (begins) counters::list.clear();
}

const leit_emulator_traffic *leit_emulator_traffic_list(size_t *n)
{
    *n = counters::list.size();
    return counters::list.data();
}

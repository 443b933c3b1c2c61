#include "cuda_on_cpu/checker.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <link.h>
#include <map>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

#include "cuda_on_cpu/counters.h"
#include "cuda_on_cpu/emulator_parts.h"

extern char __executable_start, _end; /* the linker's */

namespace checker {
namespace {

enum { WARP = 32, MAX_THREADS = 1024, MAX_WARPS = MAX_THREADS / WARP };
enum { WORD_BYTES = 4, ALL_BYTES = 15 };

/* One thread's access of a word. */
struct trace {
    uint32_t block; /* numbered over all launches, from 1; 0: none */
    uint32_t barrier, clock;
    uint32_t pc; /* from the start of the program */
    uint16_t thread;
    uint8_t bytes; /* of the word, as a mask */
    bool is_atomic;
};

/* The last writer, the last reader and a reader before it that was another thread: when many have
 * read, a writer is one of the two at most. */
struct word {
    trace writer, reader, other_reader;
    uint8_t is_there, is_written, is_in_flight; /* masks of bytes */
    uint8_t n_products;                         /* that are reading it */
};

struct region {
    std::string name;
    uintptr_t begin, end;
    word *words; /* the first holds the byte at `begin`, rounded down to a word */
};

std::vector<region> added, device; /* by tests; what the emulated device has given */
size_t last_region;

/* All that kernels may touch. */
const std::vector<region> &regions()
{
    return added.empty() ? device : added;
}

struct {
    uintptr_t begin, end;
    std::vector<word> words;
    size_t n_used;
} arena;

struct {
    uintptr_t begin, end;
} closure, stack;

/* Of the launch: which blocks have taken a ticket. */
std::map<const void *, std::set<uint32_t>> tickets;
std::set<uint32_t> seen_blocks; /* what the running block has waited for */
bool has_handed_in;             /* the running block, and was not the last */

bool is_running;
uint32_t thread_now, block_now, first_block_of_launch, barrier_now;
/* clocks[w][i][k]: what lane i of warp w knows of lane k. */
uint32_t clocks[MAX_WARPS][WARP][WARP];

/* Boxes are written and products read in the name of threads that no block has: one for each barrier, whose clock
 * counts phases, and one for each warp, whose clock counts waits for products. */
enum { FIRST_BOX = MAX_THREADS, FIRST_PRODUCT = FIRST_BOX + MAX_BARRIERS };
enum { ALL_THREADS = FIRST_PRODUCT + MAX_WARPS };
/* What is known through mbarriers and waits for products: a clock for each of these. Empty: nothing. */
typedef std::vector<uint32_t> knowledge;
knowledge known[MAX_THREADS], arrived[MAX_BARRIERS], ended[MAX_BARRIERS];
uint32_t n_phases[MAX_BARRIERS], n_waits[MAX_WARPS];
uint32_t published[MAX_THREADS]; /* the clock of leit_publish_shared */
bool knows_anything;             /* any of these */

/* ---- where in the source ---- */

uint32_t short_pc(const void *pc)
{
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pc) -
                                 reinterpret_cast<uintptr_t>(&__executable_start));
}

std::string place_of(uint32_t pc)
{
    const uintptr_t address = reinterpret_cast<uintptr_t>(&__executable_start) + pc - 1;
    char program[512], command[640], line[512];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%lx 2>/dev/null", program,
             static_cast<unsigned long>(address - _r_debug.r_map->l_addr));
    std::string place;
    FILE *lines = popen(command, "r");
    for (int depth = 0; lines != nullptr && fgets(line, sizeof line, lines) != nullptr;) {
        line[strcspn(line, " \n")] = '\0'; /* "(discriminator 3)" follows */
        const char *name = strrchr(line, '/') == nullptr ? line : strrchr(line, '/') + 1;
        const bool is_kernel =
            strncmp(line, "/usr/", 5) != 0 && strstr(name, "_on_cpu.h:") == nullptr;
        if (is_kernel && depth++ < 3) place += (place.empty() ? "" : " from ") + std::string(name);
    }
    if (lines != nullptr) pclose(lines);
    return place.empty() || place[0] == '?' ? "instruction " + std::to_string(pc) : place;
}

/* ---- findings ---- */

const char *verb(access_kind kind)
{
    return kind == READ ? "reads" : kind == WRITE ? "writes" : "changes atomically";
}

[[noreturn]] void report_race(const char *memory, access_kind kind, const void *pc,
                              const trace &other, const char *other_verb)
{
    const std::string who = other.thread >= FIRST_PRODUCT ? "a product"
                            : other.thread >= FIRST_BOX
                                ? "a box"
                                : "thread " + std::to_string(other.thread) + " of " +
                                      (other.block == block_now ? "this" : "another") + " block";
    emulator::found("a race in %s: it %s at %s what %s %s at %s", memory, verb(kind),
                    place_of(short_pc(pc)).c_str(), who.c_str(), other_verb,
                    place_of(other.pc).c_str());
}

[[noreturn]] void report(const char *memory, access_kind kind, const void *pc, const char *what)
{
    emulator::found("%s %s at %s", verb(kind), std::string(memory).append(what).c_str(),
                    place_of(short_pc(pc)).c_str());
}

/* An address that is in no buffer: the buffer it may have meant is the nearest. */
[[noreturn]] void report_outside(uintptr_t address, size_t bytes, access_kind kind, const void *pc)
{
    enum { NEAR = 4096 };
    const region *nearest = nullptr;
    uintptr_t least = NEAR;
    for (const region &r : regions()) {
        const uintptr_t distance =
            address + bytes > r.end ? address + bytes - r.end : r.begin - address;
        if (address + bytes > r.begin - NEAR && address < r.end + NEAR && distance <= least) {
            least = distance;
            nearest = &r;
        }
    }
    const std::string place = place_of(short_pc(pc));
    if (nearest == nullptr)
        emulator::found("%s %zu bytes at %s in memory that is not the device's", verb(kind), bytes,
                        place.c_str());
    emulator::found("%s %zu bytes at %s, %zu bytes %s %s of %zu bytes", verb(kind), bytes,
                    place.c_str(), static_cast<size_t>(least),
                    address < nearest->begin ? "before" : "past the end of", nearest->name.c_str(),
                    static_cast<size_t>(nearest->end - nearest->begin));
}

/* ---- order ---- */

uint32_t &own_clock()
{
    return clocks[thread_now / WARP][thread_now % WARP][thread_now % WARP];
}

void join(knowledge *to, const knowledge &from)
{
    if (from.empty()) return;
    to->resize(from.size());
    for (size_t i = 0; i < from.size(); i++) (*to)[i] = std::max((*to)[i], from[i]);
}

bool is_ordered(const trace &t)
{
    if (t.block < first_block_of_launch) return true;
    if (t.block != block_now) return seen_blocks.count(t.block) > 0;
    if (t.thread == thread_now || t.barrier < barrier_now) return true;
    if (t.thread / WARP == thread_now / WARP &&
        clocks[thread_now / WARP][thread_now % WARP][t.thread % WARP] >= t.clock)
        return true;
    return !known[thread_now].empty() && known[thread_now][t.thread] >= t.clock;
}

bool is_race(const trace &t, unsigned bytes, access_kind kind)
{
    return (t.bytes & bytes) != 0 && !(t.is_atomic && kind == ATOMIC) && !is_ordered(t);
}

/* Whether what is in the word may be read now. */
void check_read(const word &w, unsigned bytes, const void *pc, const char *memory)
{
    if ((w.is_in_flight & bytes) != 0)
        report(memory, READ, pc, " into which an asynchronous copy is under way");
    if (is_race(w.writer, bytes, READ)) report_race(memory, READ, pc, w.writer, "writes");
    if ((w.is_written & bytes) != bytes) report(memory, READ, pc, " that nobody has written");
}

/* Whether the word may be written now: what check_read asks, and that nobody still reads. */
void check_write(const word &w, unsigned bytes, access_kind kind, const void *pc,
                 const char *memory)
{
    if ((w.is_in_flight & bytes) != 0)
        report(memory, kind, pc, " into which an asynchronous copy is under way");
    if (w.n_products > 0) report(memory, kind, pc, " that a product of matrices is reading");
    if (is_race(w.writer, bytes, kind)) report_race(memory, kind, pc, w.writer, "writes");
    if (is_race(w.reader, bytes, kind)) report_race(memory, kind, pc, w.reader, "reads");
    if (is_race(w.other_reader, bytes, kind))
        report_race(memory, kind, pc, w.other_reader, "reads");
    if (kind == ATOMIC && (w.is_written & bytes) != bytes)
        report(memory, kind, pc, " that nobody has written");
}

void note_reader(word &w, const trace &reader)
{
    if (w.reader.thread != reader.thread || w.reader.block != reader.block)
        w.other_reader = w.reader;
    w.reader = reader;
}

/* Notes the access of some bytes of a word. */
void touch(word &w, unsigned bytes, access_kind kind, const void *pc, const char *memory)
{
    if (kind == READ)
        check_read(w, bytes, pc, memory);
    else
        check_write(w, bytes, kind, pc, memory);
    const trace now = {block_now,
                       barrier_now,
                       own_clock(),
                       short_pc(pc),
                       static_cast<uint16_t>(thread_now),
                       static_cast<uint8_t>(bytes),
                       kind == ATOMIC};
    if (kind == READ) {
        note_reader(w, now);
    } else {
        w.writer = now;
        w.is_written |= static_cast<uint8_t>(bytes);
    }
}

/* The bytes of [address, address + bytes) in the word that begins at `at`. */
unsigned bytes_in_word(uintptr_t at, uintptr_t address, size_t bytes)
{
    const uintptr_t first = address > at ? address - at : 0;
    const uintptr_t last = std::min<uintptr_t>(address + bytes - at, WORD_BYTES);
    return (1u << last) - (1u << first);
}

void touch_words(word *words, uintptr_t begin, uintptr_t address, size_t bytes, access_kind kind,
                 const void *pc, const char *memory)
{
    const uintptr_t base = begin / WORD_BYTES * WORD_BYTES;
    for (uintptr_t at = address / WORD_BYTES * WORD_BYTES; at < address + bytes; at += WORD_BYTES)
        touch(words[(at - base) / WORD_BYTES], bytes_in_word(at, address, bytes), kind, pc, memory);
}

/* ---- which memory ---- */

void access_shared(uintptr_t address, size_t bytes, access_kind kind, const void *pc)
{
    for (uintptr_t at = address / WORD_BYTES * WORD_BYTES; at < address + bytes; at += WORD_BYTES) {
        const unsigned mask = bytes_in_word(at, address, bytes);
        if ((arena.words[(at - arena.begin) / WORD_BYTES].is_there & mask) != mask)
            report("shared memory", kind, pc, " outside its arrays");
    }
    touch_words(arena.words.data(), arena.begin, address, bytes, kind, pc, "shared memory");
}

const region *region_of(uintptr_t address, size_t bytes)
{
    const std::vector<region> &all = regions();
    for (size_t i = 0; i < all.size(); i++) {
        const size_t at = (last_region + i) % all.size();
        if (address < all[at].begin || address + bytes > all[at].end) continue;
        last_region = at;
        return &all[at];
    }
    return nullptr;
}

template <class Range>
bool is_inside(const Range &range, uintptr_t address, size_t bytes)
{
    return address >= range.begin && address + bytes <= range.end;
}

/* The program itself: constants of the source. */
bool is_constant(uintptr_t address)
{
    return address >= reinterpret_cast<uintptr_t>(&__executable_start) &&
           address < reinterpret_cast<uintptr_t>(&_end);
}

bool is_shared(uintptr_t address)
{
    return address >= arena.begin && address < arena.end;
}

void access_global(uintptr_t address, size_t bytes, access_kind kind, const void *pc)
{
    const region *r = region_of(address, bytes);
    if (r != nullptr) {
        if (has_handed_in && kind != READ)
            report(r->name.c_str(), kind, pc, " when the block has handed in its part");
        touch_words(r->words, r->begin, address, bytes, kind, pc, r->name.c_str());
        counters::note(counters::GLOBAL, thread_now, address, bytes, kind, pc);
        return;
    }
    if (kind == READ && (is_inside(closure, address, bytes) || is_constant(address))) return;
    report_outside(address, bytes, kind, pc);
}

} // namespace

std::string place_of(const void *pc)
{
    return place_of(short_pc(pc));
}

void access(const void *where, size_t bytes, access_kind kind, const void *pc)
{
    if (!is_running) return;
    const uintptr_t address = reinterpret_cast<uintptr_t>(where);
    if (is_inside(stack, address, bytes)) return;
    if (!is_shared(address)) {
        access_global(address, bytes, kind, pc);
        return;
    }
    access_shared(address, bytes, kind, pc);
    counters::note(counters::SHARED, thread_now, address, bytes, kind, pc);
}

void begin_launch(const void *arguments, size_t bytes)
{
    closure.begin = reinterpret_cast<uintptr_t>(arguments);
    closure.end = closure.begin + bytes;
    first_block_of_launch = block_now + 1;
    tickets.clear();
}

static void forget_barriers()
{
    if (!knows_anything) return;
    for (knowledge &k : known) k.clear();
    for (knowledge &k : arrived) k.clear();
    for (knowledge &k : ended) k.clear();
    memset(n_phases, 0, sizeof n_phases);
    memset(n_waits, 0, sizeof n_waits);
    memset(published, 0, sizeof published);
    knows_anything = false;
}

void begin_block(const void *memory, size_t bytes)
{
    block_now++;
    barrier_now = 0;
    seen_blocks.clear();
    has_handed_in = false;
    forget_barriers();
    memset(clocks, 0, sizeof clocks);
    for (auto &warp : clocks)
        for (int lane = 0; lane < WARP; lane++) warp[lane][lane] = 1;
    arena.begin = reinterpret_cast<uintptr_t>(memory);
    arena.end = arena.begin + bytes;
    arena.words.resize(bytes / WORD_BYTES);
    memset(static_cast<void *>(arena.words.data()), 0, arena.n_used * sizeof(word));
    arena.n_used = 0;
}

void give_shared(const void *memory, size_t bytes)
{
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
    for (uintptr_t at = address; at < address + bytes; at += WORD_BYTES)
        arena.words[(at - arena.begin) / WORD_BYTES].is_there =
            static_cast<uint8_t>(bytes_in_word(at, address, bytes));
    arena.n_used = (address + bytes - arena.begin + WORD_BYTES - 1) / WORD_BYTES;
}

void run(const place_of_thread *thread)
{
    is_running = thread != nullptr;
    if (!is_running) return;
    thread_now = thread->number;
    stack.begin = reinterpret_cast<uintptr_t>(thread->stack);
    stack.end = stack.begin + thread->stack_bytes;
}

void block_barrier()
{
    barrier_now++;
}

void warp_barrier(unsigned warp, unsigned mask)
{
    uint32_t latest[WARP] = {};
    for (int lane = 0; lane < WARP; lane++)
        for (int k = 0; (mask >> lane & 1) != 0 && k < WARP; k++)
            if (clocks[warp][lane][k] > latest[k]) latest[k] = clocks[warp][lane][k];
    for (int lane = 0; lane < WARP; lane++) {
        if ((mask >> lane & 1) == 0) continue;
        memcpy(clocks[warp][lane], latest, sizeof latest);
        clocks[warp][lane][lane]++;
    }
    if (!knows_anything) return;
    knowledge all;
    for (unsigned lane = 0; lane < WARP; lane++)
        if ((mask >> lane & 1) != 0) join(&all, known[warp * WARP + lane]);
    for (unsigned lane = 0; lane < WARP; lane++)
        if ((mask >> lane & 1) != 0) known[warp * WARP + lane] = all;
}

/* ---- mbarriers, boxes, products of warpgroups ---- */

void arrive(unsigned barrier)
{
    knowledge &at = arrived[barrier];
    knows_anything = true;
    at.resize(ALL_THREADS);
    const uint32_t warp = thread_now / WARP;
    for (uint32_t lane = 0; lane < WARP; lane++) {
        uint32_t &clock = at[warp * WARP + lane];
        clock = std::max(clock, clocks[warp][thread_now % WARP][lane]);
    }
    join(&at, known[thread_now]);
    own_clock()++;
}

void phase_ends(unsigned barrier)
{
    join(&ended[barrier], arrived[barrier]);
    ended[barrier][FIRST_BOX + barrier] = ++n_phases[barrier];
}

void see_phase(unsigned barrier)
{
    join(&known[thread_now], ended[barrier]);
}

void publish_shared()
{
    knows_anything = true;
    published[thread_now] = own_clock()++;
}

void hand_in(const void *ticket, bool is_last)
{
    tickets[ticket].insert(block_now);
    if (is_last)
        seen_blocks.insert(tickets[ticket].begin(), tickets[ticket].end());
    else
        has_handed_in = true;
}

static void set_in_flight(uintptr_t target, size_t bytes, bool is_in_flight)
{
    for (uintptr_t at = target / WORD_BYTES * WORD_BYTES; at < target + bytes; at += WORD_BYTES) {
        const uint8_t mask = static_cast<uint8_t>(bytes_in_word(at, target, bytes));
        word &w = arena.words[(at - arena.begin) / WORD_BYTES];
        w.is_in_flight =
            static_cast<uint8_t>(is_in_flight ? w.is_in_flight | mask : w.is_in_flight & ~mask);
    }
}

void copy_departs(const void *target, size_t bytes, const void *source, size_t source_bytes,
                  const void *pc)
{
    if (source_bytes > 0) access(source, source_bytes, READ, pc);
    access(target, bytes, WRITE, pc);
    set_in_flight(reinterpret_cast<uintptr_t>(target), bytes, true);
}

void copy_lands(const void *target, size_t bytes, const void *pc)
{
    set_in_flight(reinterpret_cast<uintptr_t>(target), bytes, false);
    access_shared(reinterpret_cast<uintptr_t>(target), bytes, WRITE, pc); /* counted at departure */
}

/* Nobody has touched the target since the box departed. */
void box_lands(const void *target, size_t bytes, unsigned barrier, const void *pc)
{
    const uintptr_t address = reinterpret_cast<uintptr_t>(target);
    set_in_flight(address, bytes, false);
    for (uintptr_t at = address; at < address + bytes; at += WORD_BYTES) {
        word &w = arena.words[(at - arena.begin) / WORD_BYTES];
        w.writer = {block_now,
                    barrier_now,
                    n_phases[barrier] + 1,
                    short_pc(pc),
                    static_cast<uint16_t>(FIRST_BOX + barrier),
                    ALL_BYTES,
                    false};
        w.is_written = ALL_BYTES;
    }
}

void product_begins(const void *memory, size_t bytes, const void *pc)
{
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
    for (uintptr_t at = address; at < address + bytes; at += WORD_BYTES) {
        word &w = arena.words[(at - arena.begin) / WORD_BYTES];
        check_read(w, ALL_BYTES, pc, "shared memory");
        if (w.writer.thread < FIRST_BOX && published[w.writer.thread] < w.writer.clock)
            report("shared memory", READ, pc, " that was written without leit_publish_shared");
        w.n_products++;
    }
}

void product_ends(const void *memory, size_t bytes, const void *pc)
{
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
    const uint32_t warp = thread_now / WARP;
    for (uintptr_t at = address; at < address + bytes; at += WORD_BYTES) {
        word &w = arena.words[(at - arena.begin) / WORD_BYTES];
        w.n_products--;
        note_reader(w, {block_now, barrier_now, n_waits[warp] + 1, short_pc(pc),
                        static_cast<uint16_t>(FIRST_PRODUCT + warp), ALL_BYTES, false});
    }
}

void see_products()
{
    const uint32_t warp = thread_now / WARP;
    knows_anything = true;
    n_waits[warp]++;
    for (uint32_t lane = 0; lane < WARP; lane++) {
        known[warp * WARP + lane].resize(ALL_THREADS);
        known[warp * WARP + lane][FIRST_PRODUCT + warp] = n_waits[warp];
    }
}

static region watched(const char *name, const void *memory, size_t bytes, size_t filled_bytes)
{
    const uintptr_t begin = reinterpret_cast<uintptr_t>(memory);
    region r = {"'" + std::string(name) + "'", begin, begin + bytes, nullptr};
    r.words = static_cast<word *>(calloc(bytes / WORD_BYTES + 2, sizeof(word)));
    if (r.words == nullptr) {
        perror("checker: no memory for the traces of a buffer");
        abort();
    }
    const uintptr_t base = begin / WORD_BYTES * WORD_BYTES;
    for (uintptr_t at = base; at < begin + filled_bytes; at += WORD_BYTES)
        r.words[(at - base) / WORD_BYTES].is_written =
            static_cast<uint8_t>(bytes_in_word(at, begin, filled_bytes));
    return r;
}

void add_memory(const char *name, const void *memory, size_t bytes, size_t filled_bytes)
{
    added.push_back(watched(name, memory, bytes, filled_bytes));
}

void forget_memory()
{
    for (region &r : added) free(r.words);
    added.clear();
    last_region = 0;
}

void allocated(const void *memory, size_t bytes)
{
    device.push_back(watched("device memory", memory, bytes, bytes));
}

void released(const void *memory)
{
    for (size_t i = 0; i < device.size(); i++) {
        if (device[i].begin != reinterpret_cast<uintptr_t>(memory)) continue;
        free(device[i].words);
        device.erase(device.begin() + static_cast<std::ptrdiff_t>(i));
        last_region = 0;
        return;
    }
}

} // namespace checker

#include "cuda_on_cpu/emulator.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <set>
#include <vector>

#include "cuda_on_cpu.h"
#include "cuda_on_cpu/checker.h"
#include "cuda_on_cpu/counters.h"
#include "cuda_on_cpu/emulator_parts.h"
#include "cuda_on_cpu/fiber.h"

#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace emulator {
namespace {

enum { WARP = 32, MAX_THREADS = 1024, MAX_WARPS = MAX_THREADS / WARP };
/* What a block may have on compute capability 9.0, of which arrays of fixed size may take 48 KiB on
 * every target; and its pieces in the arena: red zones between them, lines of 128 bytes. */
enum { SHARED_BYTES = 227 * 1024, STATIC_BYTES = 48 * 1024 };
enum { RED_ZONE = 128, ARENA_BYTES = 2 * SHARED_BYTES };
size_t shared_limit = SHARED_BYTES; /* what a launch can ask for */

enum state { NOT_STARTED, READY, WAITS, DONE };

struct thread {
    fiber stack;
    uint3 index;
    unsigned warp, lane;
    enum state state;
    const char *waits_in;
    place waits_at;
    const void *waits_for; /* an event, nullptr: what waits_in says */
    word posted, received; /* of a warp function */
    unsigned source;
};

/* Lanes on their way into one warp function. Several may be open in a warp at once when their masks
 * are disjoint, so the lowest lane of the mask numbers them. */
struct meeting {
    unsigned mask, arrived;
    warp_function function;
    int width;
    place at;
};

/* ---- what is running ---- */

struct kernel {
    const char *name;
    void (*body)(void *closure);
    void *closure;
    size_t shared_bytes;
    bool may_have_all; /* its shared memory may be more than 48 KiB */
};

struct block {
    coordinates where; /* .thread is that of the running thread */
    thread threads[MAX_THREADS];
    int n_threads, n_done;
    int order[MAX_THREADS], next;
    meeting meetings[MAX_WARPS][WARP];
    int at_barrier, barrier_value, barrier_result;
    place barrier_at;
    uint64_t serial; /* no two blocks have the same */
    size_t arena_used, static_bytes;
    void *dynamic;
};

kernel running;
std::set<const void *> allowed; /* kernels that LEIT_ALLOW_SHARED has named */
block now;
thread *self;
fiber scheduler;
alignas(1024) unsigned char arena[ARENA_BYTES];
char finding[900]; /* "" while all is well; launches are skipped until it is read */

leit_emulator_order schedule = LEIT_EMULATOR_FORWARD;
uint64_t random_state = 1;
leit_emulator_counts work;

uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % bound;
}

/* ---- findings ---- */

/* Appends to the finding; fixed memory, for a fiber that fails never frees anything. */
void add(const char *format, va_list arguments)
{
    const size_t length = strlen(finding);
    vsnprintf(finding + length, sizeof finding - length, format, arguments);
}

void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
void add(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(format, arguments);
    va_end(arguments);
}

bool is_well()
{
    return finding[0] == '\0';
}

void add_block()
{
    const uint3 at = now.where.block;
    add("%s, block (%u, %u, %u): ", running.name, at.x, at.y, at.z);
}

/* A finding about the launch or the block as a whole. */
void record(const char *format, ...) __attribute__((format(printf, 1, 2)));
void record(const char *format, ...)
{
    add_block();
    va_list arguments;
    va_start(arguments, format);
    add(format, arguments);
    va_end(arguments);
}

void switch_to_scheduler()
{
    work.n_switches++;
    fiber_switch(&self->stack, &scheduler);
}

bool is_same(place a, place b)
{
    return a.line == b.line && strcmp(a.file, b.file) == 0;
}

void report_deadlock()
{
    record("no thread can go on;");
    for (int i = 0; i < now.n_threads; i++) {
        const thread &t = now.threads[i];
        if (t.state != WAITS) continue;
        bool is_news = true;
        for (int k = static_cast<int>(t.warp) * WARP; k < i; k++) /* once per warp and place */
            if (now.threads[k].state == WAITS && is_same(now.threads[k].waits_at, t.waits_at))
                is_news = false;
        if (is_news)
            add(" thread %d waits in %s at %s:%d;", i, t.waits_in, t.waits_at.file,
                t.waits_at.line);
    }
    add(" %d of %d have ended", now.n_done, now.n_threads);
}

/* ---- threads of a block ---- */

void wait(const char *what, place at, const void *event = nullptr)
{
    self->state = WAITS;
    self->waits_for = event;
    self->waits_in = what;
    self->waits_at = at;
    switch_to_scheduler();
}

void end_thread()
{
    self->state = DONE;
    now.n_done++;
    if (now.at_barrier > 0)
        found("it ended while %d wait at the barrier of %s:%d", now.at_barrier, now.barrier_at.file,
              now.barrier_at.line);
    for (const meeting &m : now.meetings[self->warp])
        if (m.arrived != 0 && (m.mask >> self->lane & 1) != 0)
            found("it ended while lanes 0x%08x of its warp wait for it at %s:%d", m.arrived,
                  m.at.file, m.at.line);
    if (now.n_done < now.n_threads) return;
    end_boxes();
    end_products();
}

void thread_main()
{
    fiber_enter();
    running.body(running.closure);
    end_thread();
    switch_to_scheduler();
    abort();
}

thread *next_thread()
{
    int at = schedule == LEIT_EMULATOR_EAGER ? 0 : now.next;
    if (schedule == LEIT_EMULATOR_RANDOM)
        at = static_cast<int>(random_below(static_cast<uint64_t>(now.n_threads)));
    for (int i = 0; i < now.n_threads; i++, at++) {
        thread *t = &now.threads[now.order[at % now.n_threads]];
        if (t->state == NOT_STARTED || t->state == READY) {
            now.next = (at + 1) % now.n_threads;
            return t;
        }
    }
    return nullptr;
}

template <class T>
void arrange(T *order, size_t n)
{
    std::iota(order, order + n, T(0));
    if (schedule == LEIT_EMULATOR_REVERSE)
        for (size_t i = 0; i < n / 2; i++) std::swap(order[i], order[n - 1 - i]);
    if (schedule >= LEIT_EMULATOR_SHUFFLED)
        for (size_t i = n; i > 1; i--) std::swap(order[i - 1], order[random_below(i)]);
}

void arrange_threads()
{
    if (schedule != LEIT_EMULATOR_EAGER) {
        arrange(now.order, static_cast<size_t>(now.n_threads));
        return;
    }
    int warps[MAX_WARPS];
    arrange(warps, static_cast<size_t>(now.n_threads / WARP));
    for (int i = 0; i < now.n_threads; i++) now.order[i] = warps[i / WARP] * WARP + i % WARP;
}

void *take_shared(size_t bytes)
{
    const size_t begin = now.arena_used + RED_ZONE;
    now.arena_used = (begin + bytes + 127) / 128 * 128;
    unsigned char *memory = arena + begin;
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    memset(memory, 0xFF, bytes); /* NaN, -1 */
    checker::give_shared(memory, bytes);
    return memory;
}

void begin_block(uint64_t number)
{
    const dim3 grid = now.where.grid_size, size = now.where.block_size;
    now.where.block = {static_cast<unsigned>(number % grid.x),
                       static_cast<unsigned>(number / grid.x % grid.y),
                       static_cast<unsigned>(number / grid.x / grid.y)};
    now.serial++;
    now.n_done = now.at_barrier = now.next = 0;
    memset(now.meetings, 0, sizeof now.meetings);
    now.arena_used = now.static_bytes = 0;
    ASAN_POISON_MEMORY_REGION(arena, ARENA_BYTES);
    checker::begin_block(arena, ARENA_BYTES);
    forget_copies();
    forget_boxes();
    forget_products();
    now.dynamic = running.shared_bytes > 0 ? take_shared(running.shared_bytes) : nullptr;
    for (int i = 0; i < now.n_threads; i++) {
        const unsigned n = static_cast<unsigned>(i);
        thread &t = now.threads[i];
        t.state = NOT_STARTED;
        t.index = {n % size.x, n / size.x % size.y, n / size.x / size.y};
        t.warp = n / WARP;
        t.lane = n % WARP;
    }
    arrange_threads();
}

void run_block(uint64_t number)
{
    begin_block(number);
    while (now.n_done < now.n_threads && is_well()) {
        self = next_thread();
        if (self == nullptr) {
            report_deadlock();
            break;
        }
        if (self->state == NOT_STARTED) fiber_start(&self->stack, thread_main);
        self->state = READY;
        now.where.thread = self->index;
        work.n_switches++;
        const checker::place_of_thread place = {thread_number(), self->stack.stack,
                                                self->stack.stack_bytes};
        checker::run(&place);
        fiber_switch(&scheduler, &self->stack);
        checker::run(nullptr);
        if (self->state == DONE) fiber_free(&self->stack);
    }
    self = nullptr;
    for (int i = 0; i < now.n_threads; i++) /* after a finding some were left in the middle */
        if (now.threads[i].state == READY || now.threads[i].state == WAITS)
            fiber_free(&now.threads[i].stack);
    ASAN_UNPOISON_MEMORY_REGION(arena, ARENA_BYTES);
    counters::end_block(now.static_bytes + running.shared_bytes);
    work.n_blocks++;
    work.n_threads += static_cast<uint64_t>(now.n_threads);
}

} // namespace

/* ---- findings of a thread ---- */

/* This fiber is left where it stands. */
void found(const char *format, ...)
{
    checker::run(nullptr);
    add_block();
    add("thread (%u, %u, %u): ", self->index.x, self->index.y, self->index.z);
    va_list arguments;
    va_start(arguments, format);
    add(format, arguments);
    va_end(arguments);
    switch_to_scheduler();
    abort(); /* nobody resumes it */
}

/* ---- what kernels call ---- */

const coordinates &here()
{
    return now.where;
}

unsigned lane()
{
    return self->lane;
}

unsigned thread_number()
{
    return self->warp * WARP + self->lane;
}

void allow_shared(const void *kernel)
{
    allowed.insert(kernel);
}

/* Whether beside its own arrays the running kernel may have what the launch gave it. */
static bool is_allowed(size_t static_bytes)
{
    return running.may_have_all || running.shared_bytes + static_bytes <= STATIC_BYTES;
}

void launch(kernel_entry kernel, dim3 grid, dim3 size, size_t shared_bytes,
            void (*body)(void *closure), void *closure, size_t closure_bytes)
{
    if (!is_well()) return;
    if (is_recording()) {
        record_launch(kernel, grid, size, shared_bytes, body, closure, closure_bytes);
        return;
    }
    running = {kernel.name, body, closure, shared_bytes, allowed.count(kernel.function) > 0};
    now.where = {{0, 0, 0}, {0, 0, 0}, size, grid};
    const uint64_t n_threads = static_cast<uint64_t>(size.x) * size.y * size.z;
    const uint64_t n_blocks = static_cast<uint64_t>(grid.x) * grid.y * grid.z;
    if (n_threads == 0 || n_threads > MAX_THREADS || n_threads % WARP != 0)
        record("%llu threads, expected whole warps and at most %d threads",
               static_cast<unsigned long long>(n_threads), static_cast<int>(MAX_THREADS));
    else if (n_blocks == 0 || grid.x > 0x7FFFFFFFu || grid.y > 65535 || grid.z > 65535)
        record("a grid of (%u, %u, %u) blocks", grid.x, grid.y, grid.z);
    else if (shared_bytes > shared_limit)
        record("%zu bytes of shared memory, expected at most %zu", shared_bytes, shared_limit);
    else if (!is_allowed(0))
        record("%zu bytes of shared memory at launch, and no LEIT_ALLOW_SHARED", shared_bytes);
    if (!is_well()) return;

    work.n_launches++;
    checker::begin_launch(closure, closure_bytes);
    counters::begin_launch(kernel.name, static_cast<unsigned>(n_threads));
    now.n_threads = static_cast<int>(n_threads);
    std::vector<uint64_t> order(n_blocks);
    arrange(order.data(), order.size());
    open_memory();
    for (size_t i = 0; i < order.size() && is_well(); i++) run_block(order[i]);
    counters::end_launch();
    close_memory();
}

static int combine(vote kind, int total, int value)
{
    switch (kind) {
    case VOTE_OR: return total | (value != 0);
    case VOTE_AND: return total & (value != 0);
    case VOTE_COUNT: return total + (value != 0);
    case NO_VOTE: break;
    }
    return 0;
}

int barrier(place at, vote kind, int value)
{
    if (now.n_done > 0)
        found("the barrier of %s:%d comes after %d threads of the block have ended", at.file,
              at.line, now.n_done);
    if (now.at_barrier == 0) {
        now.barrier_at = at;
        now.barrier_value = kind == VOTE_AND;
    } else if (!is_same(now.barrier_at, at)) {
        found("a divergent barrier: it is at %s:%d while %d wait at %s:%d", at.file, at.line,
              now.at_barrier, now.barrier_at.file, now.barrier_at.line);
    }
    now.barrier_value = combine(kind, now.barrier_value, value);
    now.at_barrier++;
    if (now.at_barrier < now.n_threads) {
        wait("__syncthreads", at);
        return now.barrier_result; /* nobody completes another barrier before all have read it */
    }
    now.at_barrier = 0;
    now.barrier_result = now.barrier_value;
    checker::block_barrier();
    for (int i = 0; i < now.n_threads; i++) now.threads[i].state = READY;
    return now.barrier_result;
}

/* Opens the meeting of this mask or joins it. */
static meeting &join(place at, unsigned mask, warp_function function, int width, unsigned source)
{
    if ((mask >> self->lane & 1) == 0)
        found("%s:%d: lane %u is not in its own mask 0x%08x", at.file, at.line, self->lane, mask);
    if ((mask >> source & 1) == 0)
        found("%s:%d: reads lane %u, which is not in mask 0x%08x", at.file, at.line, source, mask);
    const thread *warp = &now.threads[self->warp * WARP];
    meeting &m = now.meetings[self->warp][__builtin_ctz(mask)];
    for (int i = 0; i < WARP; i++)
        if ((mask >> i & 1) != 0 && warp[i].state == DONE)
            found("%s:%d: mask 0x%08x names lane %d, which has ended", at.file, at.line, mask, i);
    if (m.arrived == 0)
        m = {mask, 0, function, width, at};
    else if (m.mask != mask || m.function != function || m.width != width)
        found("%s:%d: mask 0x%08x meets mask 0x%08x of another warp function at %s:%d", at.file,
              at.line, mask, m.mask, m.at.file, m.at.line);
    return m;
}

/* Whether this lane is the last of those that meet; if not, it has waited for that one. */
static bool is_last(meeting &m, place at, const word &value, unsigned source)
{
    self->posted = value;
    self->source = source;
    m.arrived |= 1u << self->lane;
    if (m.arrived == m.mask) return true;
    wait("a warp function", at);
    return false;
}

static void part(meeting &m)
{
    thread *warp = &now.threads[self->warp * WARP];
    for (int i = 0; i < WARP; i++)
        if ((m.mask >> i & 1) != 0) warp[i].state = READY;
    m.arrived = 0;
}

word meet(place at, unsigned mask, warp_function function, int width, const word &value,
          unsigned source)
{
    meeting &m = join(at, mask, function, width, source);
    if (!is_last(m, at, value, source)) return self->received;
    if (function == SYNC) checker::warp_barrier(self->warp, mask);
    thread *warp = &now.threads[self->warp * WARP];
    unsigned votes = 0;
    for (int i = 0; i < WARP; i++)
        if (function == BALLOT && (mask >> i & 1) != 0 && unpack<bool>(warp[i].posted))
            votes |= 1u << i;
    for (int i = 0; i < WARP; i++)
        if ((mask >> i & 1) != 0)
            warp[i].received = function == BALLOT ? pack(votes) : warp[warp[i].source].posted;
    part(m);
    return self->received;
}

void act_together(place at, warp_function function, int kind, void *brought,
                  void (*act)(void *const *brought_by_lane))
{
    meeting &m = join(at, 0xFFFFFFFFu, function, kind, self->lane);
    if (!is_last(m, at, pack(brought), self->lane)) return;
    void *by_lane[WARP];
    for (int i = 0; i < WARP; i++)
        by_lane[i] =
            unpack<void *>(now.threads[self->warp * WARP + static_cast<unsigned>(i)].posted);
    act(by_lane);
    part(m);
}

static int64_t changed(atomic_function function, int64_t old, int64_t operand, int64_t expected,
                       bool is_less)
{
    switch (function) {
    case ADD:
        return static_cast<int64_t>(static_cast<uint64_t>(old) + static_cast<uint64_t>(operand));
    case INCREMENT: return is_less ? old + 1 : 0;
    case MAXIMUM: return is_less ? operand : old;
    case MINIMUM: return is_less ? old : operand;
    case EXCHANGE: return operand;
    case COMPARE_AND_SWAP: return old == expected ? operand : old;
    }
    return old;
}

int64_t change(void *address, size_t bytes, bool is_signed, atomic_function function,
               int64_t operand, int64_t expected)
{
    checker::access(address, bytes, checker::ATOMIC, __builtin_return_address(0));
    int64_t old = 0; /* the lower half of it, for four bytes: little-endian */
    memcpy(&old, address, bytes);
    if (bytes == 4 && is_signed) old = static_cast<int32_t>(old);
    const bool is_less =
        is_signed ? old < operand : static_cast<uint64_t>(old) < static_cast<uint64_t>(operand);
    const int64_t now_there = changed(function, old, operand, expected, is_less);
    memcpy(address, &now_there, bytes);
    return old;
}

void hand_in(const void *ticket, bool is_last)
{
    checker::hand_in(ticket, is_last);
}

void *shared(site *s, size_t bytes)
{
    if (s->block != now.serial) {
        now.static_bytes += (bytes + 15) / 16 * 16; /* LEIT_SHARED aligns to 16 */
        if (now.static_bytes > STATIC_BYTES)
            found("more than %d bytes of static shared memory", static_cast<int>(STATIC_BYTES));
        if (!is_allowed(now.static_bytes))
            found("%zu bytes of shared memory at launch beside %zu, and no LEIT_ALLOW_SHARED",
                  running.shared_bytes, now.static_bytes);
        if (now.arena_used + bytes > SHARED_BYTES)
            found("more than %d bytes of shared memory", static_cast<int>(SHARED_BYTES));
        s->memory = take_shared(bytes);
        s->block = now.serial;
    }
    return s->memory;
}

size_t most_shared_bytes()
{
    return shared_limit;
}

void *dynamic_shared()
{
    if (now.dynamic == nullptr) found("dynamic shared memory, but the launch gave none");
    return now.dynamic;
}

bool is_shared(const void *memory, size_t bytes)
{
    const auto *at = static_cast<const unsigned char *>(memory);
    return at >= arena && at + bytes <= arena + ARENA_BYTES;
}

const void *shared_memory()
{
    return arena;
}

void block_until(const void *event, const char *what, place at)
{
    wait(what, at, event);
}

static bool waits_for(const thread &t, const void *event)
{
    return t.state == WAITS && t.waits_for == event;
}

bool is_awaited(const void *event)
{
    for (int i = 0; i < now.n_threads; i++)
        if (waits_for(now.threads[i], event)) return true;
    return false;
}

void wake(const void *event)
{
    for (int i = 0; i < now.n_threads; i++)
        if (waits_for(now.threads[i], event)) now.threads[i].state = READY;
}

leit_status status(const char *op)
{
    if (is_well()) return LEIT_OK;
    const leit_status code = leit_fail(LEIT_DEVICE, __func__, "%s: %s", op, finding);
    finding[0] = '\0';
    return code;
}

} // namespace emulator

void leit_emulator_schedule(leit_emulator_order order, uint64_t seed)
{
    emulator::schedule = order;
    emulator::random_state = seed * 0x9E3779B97F4A7C15u + 1;
}

void leit_emulator_shared_limit(size_t bytes)
{
    emulator::shared_limit = bytes > 0 ? bytes : size_t{emulator::SHARED_BYTES};
}

const char *leit_emulator_order_name(leit_emulator_order order)
{
    static const char *const names[] = {"forward", "reverse", "shuffled", "random", "eager"};
    return order < LEIT_EMULATOR_N_ORDERS ? names[order] : "unknown";
}

leit_emulator_counts leit_emulator_work(void)
{
    return emulator::work;
}

bool leit_emulator_checks(void)
{
#ifdef LEIT_EMULATOR_CHECKS
    return true;
#else
    return false;
#endif
}

void leit_emulator_memory_add(const char *name, const void *memory, size_t bytes,
                              size_t filled_bytes)
{
    checker::add_memory(name, memory, bytes, filled_bytes);
}

void leit_emulator_memory_forget(void)
{
    checker::forget_memory();
}

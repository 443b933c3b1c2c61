/* wgmma. Each warp has a queue of products, made when a wait says that they must have been: d is NaN until then,
 * and what is read must be there and stay until then. The warps of a warpgroup go their own ways here; that
 * they have multiplied the same is seen at the end of the block. */
#include <vector>

#include "cuda_on_cpu/checker.h"
#include "cuda_on_cpu/counters.h"
#include "cuda_on_cpu/emulator_parts.h"
#include "kernels/leit_sm90.cuh"

namespace emulator {
namespace {

enum {
    LANES = LEIT_WARP,
    WARPS = 4,
    MAX_WARPS = 32,
    ROWS = 16,
    GROUP_ROWS = 8,
    K_BYTES = 32,
    MAX_N = 256
};

/* A matrix in shared memory, as the descriptor has it. */
struct matrix {
    const unsigned char *memory; /* the start of shared memory */
    unsigned start, group_bytes; /* from 8 rows to the next 8 */

    const unsigned char *at(int row, int byte) const
    {
        const unsigned place = start + static_cast<unsigned>(row / GROUP_ROWS) * group_bytes +
                               static_cast<unsigned>(row % GROUP_ROWS * LEIT_BOX_ROW_BYTES + byte);
        return memory + (place ^ (place >> 7 & 7) << 4);
    }
};

struct product {
    float *d[LANES];
    matrix_element element;
    int n;
    matrix a, b; /* a: the 16 rows of this warp */
    uint64_t group;
    const void *pc;
};

/* Sums of a warp that are under way, by d of its first lane. */
struct sums {
    float *d[LANES];
    int n;
    float of[ROWS][MAX_N];
};

struct warp_queue {
    std::vector<product> products;
    std::vector<sums> under_way;
    uint64_t n_groups; /* closed ones */
    size_t n_begun;    /* of the warpgroup's list */
    bool has_begun;    /* leit_warpgroup_begin since the last wait */
};

/* What a warpgroup multiplies, product after product. */
struct step {
    uint64_t a, b;
    int n;
};

warp_queue queues[MAX_WARPS];
std::vector<step> steps[MAX_WARPS / WARPS];

/* What a lane brings. */
struct order {
    place at;
    float *d;
    matrix_element element;
    int n;
    uint64_t a, b;
    const void *pc;
    size_t n_groups;
};

unsigned warp_now()
{
    return thread_number() / LANES;
}

matrix decode(place at, uint64_t descriptor)
{
    if (descriptor >> 62 != 1)
        found("%s:%d: a matrix that leit_matrix_in_shared has not told", at.file, at.line);
    return {static_cast<const unsigned char *>(shared_memory()),
            static_cast<unsigned>(descriptor & 0x3FFF) << 4,
            static_cast<unsigned>(descriptor >> 32 & 0x3FFF) << 4};
}

/* Column of sum d[i] of a lane, and its row of 16. */
int column_of(int lane, int i)
{
    return 8 * (i / 4) + 2 * (lane % 4) + i % 2;
}

int row_of(int lane, int i)
{
    return lane / 4 + (i % 4 >= 2 ? 8 : 0);
}

float element_of(matrix_element kind, const unsigned char *at)
{
    uint32_t bits = 0;
    memcpy(&bits, at, kind == BF16 ? 2 : 4);
    return float_of(kind == BF16 ? bits << 16
                                 : bits & ~0x1FFFu); /* the lowest 13 are not looked at */
}

void multiply(const product &p, sums *s)
{
    const int element_bytes = p.element == BF16 ? 2 : 4;
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < p.n; column++)
            for (int byte = 0; byte < K_BYTES; byte += element_bytes)
                s->of[row][column] += element_of(p.element, p.a.at(row, byte)) *
                                      element_of(p.element, p.b.at(column, byte));
}

/* Each 16 bytes that a product reads. */
template <class Function>
void for_each_piece(const product &p, Function function)
{
    for (int byte = 0; byte < K_BYTES; byte += 16) {
        for (int row = 0; row < ROWS; row++) function(p.a.at(row, byte));
        for (int column = 0; column < p.n; column++) function(p.b.at(column, byte));
    }
}

sums &sums_of(warp_queue &q, const product &p)
{
    for (sums &s : q.under_way)
        if (s.d[0] == p.d[0]) return s;
    q.under_way.emplace_back();
    sums &s = q.under_way.back();
    memcpy(s.d, p.d, sizeof s.d);
    s.n = p.n;
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < p.n / 2; i++) s.of[row_of(lane, i)][column_of(lane, i)] = p.d[lane][i];
    return s;
}

void follow_warpgroup(const order &o)
{
    std::vector<step> &list = steps[warp_now() / WARPS];
    const size_t i = queues[warp_now()].n_begun++;
    if (i == list.size()) list.push_back({o.a, o.b, o.n});
    if (list[i].a != o.a || list[i].b != o.b || list[i].n != o.n)
        found("%s:%d: the warps of a warpgroup multiply different matrices", o.at.file, o.at.line);
}

void multiply_all(void *const *brought)
{
    auto *const *lanes = reinterpret_cast<order *const *>(brought);
    const order &first = *lanes[0];
    warp_queue &q = queues[warp_now()];
    if (!q.has_begun)
        found("%s:%d: a product without leit_warpgroup_begin before it", first.at.file,
              first.at.line);
    product p = {
        {},         first.element, first.n, decode(first.at, first.a), decode(first.at, first.b),
        q.n_groups, first.pc};
    p.a.start += warp_now() % WARPS * (ROWS / GROUP_ROWS) * p.a.group_bytes;
    for (int lane = 0; lane < LANES; lane++) {
        if (lanes[lane]->a != first.a || lanes[lane]->b != first.b)
            found("%s:%d: lane %d multiplies other matrices than lane 0", first.at.file,
                  first.at.line, lane);
        p.d[lane] = lanes[lane]->d;
    }
    follow_warpgroup(first);
    for_each_piece(p,
                   [&](const unsigned char *piece) { checker::product_begins(piece, 16, p.pc); });
    sums_of(q, p);
    for (float *d : p.d) memset(d, 0xFF, sizeof *d * static_cast<size_t>(p.n) / 2);
    q.products.push_back(p);
}

void finish(warp_queue &q, const product &p)
{
    counters::note_product(uint64_t{ROWS} * static_cast<unsigned>(p.n) * K_BYTES /
                           (p.element == BF16 ? 2 : 4));
    multiply(p, &sums_of(q, p));
    for_each_piece(p, [&](const unsigned char *piece) { checker::product_ends(piece, 16, p.pc); });
}

/* Sums that no product is still to add to go to their lanes. */
void hand_out(warp_queue &q)
{
    size_t n_left = 0;
    for (size_t i = 0; i < q.under_way.size(); i++) {
        const sums &s = q.under_way[i];
        bool is_wanted = false;
        for (const product &p : q.products) is_wanted = is_wanted || p.d[0] == s.d[0];
        for (int lane = 0; lane < LANES && !is_wanted; lane++)
            for (int k = 0; k < s.n / 2; k++)
                s.d[lane][k] = s.of[row_of(lane, k)][column_of(lane, k)];
        if (is_wanted && n_left++ != i) q.under_way[n_left - 1] = s;
    }
    q.under_way.resize(n_left);
}

void await_all(void *const *brought)
{
    const size_t n_groups = static_cast<const order *>(brought[0])->n_groups;
    warp_queue &q = queues[warp_now()];
    size_t n_left = 0;
    std::vector<product> all;
    all.swap(q.products);
    for (const product &p : all) {
        if (p.group + n_groups < q.n_groups)
            finish(q, p);
        else
            n_left++;
    }
    q.products.assign(all.end() - static_cast<std::ptrdiff_t>(n_left), all.end());
    hand_out(q);
    q.has_begun = false;
    checker::see_products();
}

void begin_all(void *const *)
{
    queues[warp_now()].has_begun = true;
}

void commit_all(void *const *)
{
    queues[warp_now()].n_groups++;
}

enum { BEGIN, COMMIT, AWAIT, MULTIPLY_COLUMNS };

void check_warpgroup(place at)
{
    const dim3 size = here().block_size;
    const unsigned n_warps = size.x * size.y * size.z / LANES;
    if (warp_now() / WARPS * WARPS + WARPS > n_warps)
        found("%s:%d: a warpgroup is four warps, and the block has %u", at.file, at.line, n_warps);
}

} // namespace

uint64_t matrix_in_shared(place at, const void *memory)
{
    const auto offset = static_cast<size_t>(static_cast<const unsigned char *>(memory) -
                                            static_cast<const unsigned char *>(shared_memory()));
    if (!is_shared(memory, K_BYTES) || offset >= 1 << 18)
        found("%s:%d: a matrix that is not in shared memory", at.file, at.line);
    if (offset % LEIT_BOX_ALIGNMENT >= LEIT_BOX_ROW_BYTES || offset % K_BYTES != 0)
        found("%s:%d: a matrix that begins %zu bytes behind a multiple of %d", at.file, at.line,
              offset % LEIT_BOX_ALIGNMENT, static_cast<int>(LEIT_BOX_ALIGNMENT));
    return uint64_t{offset >> 4} | 1ull << 16 | 64ull << 32 | 1ull << 62;
}

void begin_products(place at)
{
    check_warpgroup(at);
    act_together(at, WARPGROUP, BEGIN, nullptr, begin_all);
}

void multiply_in_shared(place at, matrix_element element, float *d, int n_columns, uint64_t a,
                        uint64_t b)
{
    order mine = {at, d, element, n_columns, a, b, __builtin_return_address(0), 0};
    act_together(at, WARPGROUP, MULTIPLY_COLUMNS + n_columns * 2 + element, &mine, multiply_all);
}

void commit_products(place at)
{
    act_together(at, WARPGROUP, COMMIT, nullptr, commit_all);
}

void await_products(place at, size_t n_groups)
{
    order mine = {at, nullptr, BF16, 0, 0, 0, nullptr, n_groups};
    act_together(at, WARPGROUP, AWAIT, &mine, await_all);
}

void end_products()
{
    for (unsigned warp = 0; warp < MAX_WARPS; warp++) {
        if (!queues[warp].products.empty())
            found("its block ends with products of warp %u under way", warp);
        if (queues[warp].n_begun != steps[warp / WARPS].size())
            found("warp %u has made %zu of the %zu products of its warpgroup", warp,
                  queues[warp].n_begun, steps[warp / WARPS].size());
    }
}

void forget_products()
{
    for (warp_queue &q : queues) q = {};
    for (std::vector<step> &list : steps) list.clear();
}

} // namespace emulator

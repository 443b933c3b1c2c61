/* ldmatrix and mma.sync: the last lane of the warp to arrive does the work of all, on the fragments
 * that kernels/leit_mma.cuh describes. Products are summed in float, k after k; the hardware sums in
 * another order and with other roundings. */
#include "mma_on_cpu.h"

#include "cuda_on_cpu/checker.h"
#include "cuda_on_cpu/counters.h"
#include "cuda_on_cpu/emulator_parts.h"

namespace emulator {
namespace {

enum { LANES = 32, ROWS = 16, COLUMNS = 8, MATRIX_ROWS = 8, ROW_BYTES = 16 };

/* What a lane brings to ldmatrix. */
struct load {
    uint32_t *registers;
    int n;
    const void *row;
};

uint16_t element(const load *const *lanes, int matrix, int row, int column)
{
    const auto *halves = static_cast<const uint16_t *>(lanes[matrix * MATRIX_ROWS + row]->row);
    return halves[column];
}

template <bool is_transposed>
void load_all(void *const *brought)
{
    auto *const *lanes = reinterpret_cast<load *const *>(brought);
    for (int lane = 0; lane < LANES; lane++) {
        const int group = lane / 4, i = lane % 4;
        for (int m = 0; m < lanes[lane]->n; m++) {
            const uint32_t low =
                is_transposed ? element(lanes, m, 2 * i, group) : element(lanes, m, group, 2 * i);
            const uint32_t high = is_transposed ? element(lanes, m, 2 * i + 1, group)
                                                : element(lanes, m, group, 2 * i + 1);
            lanes[lane]->registers[m] = low | high << 16;
        }
    }
}

/* What a lane brings to mma. */
struct product {
    float *d;
    const uint32_t *a, *b;
};

template <int depth>
struct matrices {
    float a[ROWS][depth], b[depth][COLUMNS];
};

void gather_bf16(matrices<16> *m, int lane, const product &p)
{
    const int group = lane / 4, i = lane % 4;
    for (int r = 0; r < 4; r++)
        for (int half = 0; half < 2; half++) {
            const int column = 2 * i + half + (r >= 2 ? 8 : 0);
            m->a[group + (r % 2 == 1 ? 8 : 0)][column] = float_of(p.a[r] >> 16 * half << 16);
        }
    for (int r = 0; r < 2; r++)
        for (int half = 0; half < 2; half++)
            m->b[2 * i + half + 8 * r][group] = float_of(p.b[r] >> 16 * half << 16);
}

/* The hardware does not look at the lowest 13 bits. */
void gather_tf32(matrices<8> *m, int lane, const product &p)
{
    const int group = lane / 4, i = lane % 4;
    for (int r = 0; r < 4; r++)
        m->a[group + (r % 2 == 1 ? 8 : 0)][i + (r >= 2 ? 4 : 0)] = float_of(p.a[r] & ~0x1FFFu);
    for (int r = 0; r < 2; r++) m->b[i + 4 * r][group] = float_of(p.b[r] & ~0x1FFFu);
}

template <int depth, void (*gather)(matrices<depth> *m, int lane, const product &p)>
void multiply_all(void *const *brought)
{
    auto *const *lanes = reinterpret_cast<product *const *>(brought);
    matrices<depth> m;
    counters::note_product(uint64_t{ROWS} * COLUMNS * depth);
    for (int lane = 0; lane < LANES; lane++) gather(&m, lane, *lanes[lane]);
    for (int lane = 0; lane < LANES; lane++)
        for (int r = 0; r < 4; r++) {
            const int row = lane / 4 + (r >= 2 ? 8 : 0), column = 2 * (lane % 4) + r % 2;
            float sum = lanes[lane]->d[r];
            for (int k = 0; k < depth; k++) sum += m.a[row][k] * m.b[k][column];
            lanes[lane]->d[r] = sum;
        }
}

} // namespace

void load_matrices(place at, uint32_t *registers, int n, bool is_transposed, const void *row)
{
    if (static_cast<int>(lane()) < n * MATRIX_ROWS) { /* the other addresses do not count */
        if (!is_shared(row, ROW_BYTES))
            found("%s:%d: ldmatrix of memory that is not shared", at.file, at.line);
        if (reinterpret_cast<uintptr_t>(row) % ROW_BYTES != 0)
            found("%s:%d: ldmatrix of a row that is not aligned to 16 bytes", at.file, at.line);
        checker::access(row, ROW_BYTES, checker::READ, __builtin_return_address(0));
    }
    load mine = {registers, n, row};
    const int kind = is_transposed ? -n : n;
    act_together(at, LOAD_MATRICES, kind, &mine, is_transposed ? load_all<true> : load_all<false>);
}

void multiply_bf16(place at, float *d, const uint32_t *a, const uint32_t *b)
{
    product mine = {d, a, b};
    act_together(at, MULTIPLY, 16, &mine, multiply_all<16, gather_bf16>);
}

void multiply_tf32(place at, float *d, const uint32_t *a, const uint32_t *b)
{
    product mine = {d, a, b};
    act_together(at, MULTIPLY, 8, &mine, multiply_all<8, gather_tf32>);
}

} // namespace emulator

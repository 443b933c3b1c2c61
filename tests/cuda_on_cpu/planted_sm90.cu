/* Planted mistakes of what kernels/leit_sm90.cuh has. */
#include "cuda_on_cpu/planted.h"

#include "cuda_on_cpu/emulator.h"
#include "kernels/leit_sm90.cuh"

enum { COLUMNS = LEIT_BOX_ROW_BYTES / 4, ROWS = PLANTED_N / COLUMNS, HALF_ROWS = ROWS / 2 };
enum { HALF_BYTES = HALF_ROWS * LEIT_BOX_ROW_BYTES, SHARED_BYTES = 4 * LEIT_BOX_ALIGNMENT };

/* ---- boxes: out is the matrix of what it must become, in two boxes ---- */

enum box_mistake {
    NO_MISTAKE,
    PHASE_NOT_AWAITED,
    WRONG_PARITY,
    TOO_FEW_BYTES,
    TOO_MANY_BYTES,
    ARRIVAL_MISSING,
    ARRIVAL_TOO_MANY,
    BARRIER_NOT_PUBLISHED,
    BARRIER_NOT_OPEN,
    AWAITED_BY_ONE_THREAD,
    BOX_MISALIGNED,
    BOX_LEFT_BEHIND
};

static __device__ void ask_for_boxes(const leit_tensor_map &map, unsigned char *shared,
                                     leit_mbarrier *barrier, enum box_mistake mistake)
{
    if (mistake != BARRIER_NOT_OPEN)
        leit_mbarrier_open(barrier, mistake == ARRIVAL_MISSING ? 2 : 1);
    if (mistake != BARRIER_NOT_PUBLISHED) leit_mbarrier_publish();
    const unsigned bytes = mistake == TOO_FEW_BYTES    ? HALF_BYTES
                           : mistake == TOO_MANY_BYTES ? 3 * HALF_BYTES
                                                       : 2 * HALF_BYTES;
    leit_mbarrier_expect(barrier, bytes);
    leit_copy_box(shared, &map, 0, 0, barrier);
    leit_copy_box(shared + LEIT_BOX_ALIGNMENT + (mistake == BOX_MISALIGNED ? 128 : 0), &map, 0,
                  HALF_ROWS, barrier);
    if (mistake == BOX_LEFT_BEHIND)
        leit_copy_box(shared + 2 * LEIT_BOX_ALIGNMENT, &map, 0, 0, barrier);
    if (mistake == ARRIVAL_TOO_MANY) leit_mbarrier_arrive(barrier);
}

template <enum box_mistake mistake>
static __global__ void two_boxes(const __grid_constant__ leit_tensor_map map, float *out)
{
    LEIT_DYNAMIC_SHARED(unsigned char, raw);
    LEIT_SHARED(leit_mbarrier, barrier, [1]);
    unsigned char *shared = leit_align_boxes(raw);
    if (threadIdx.x == 0) ask_for_boxes(map, shared, barrier, mistake);
    __syncthreads();
    if (mistake != PHASE_NOT_AWAITED && (mistake != AWAITED_BY_ONE_THREAD || threadIdx.x == 5))
        leit_mbarrier_wait(barrier, mistake == WRONG_PARITY);
    for (int i = (int)threadIdx.x; i < PLANTED_N; i += PLANTED_THREADS) {
        const int row = i / COLUMNS, box = row / HALF_ROWS * LEIT_BOX_ALIGNMENT;
        out[i] = *reinterpret_cast<const float *>(shared + box +
                                                  leit_swizzled(row % HALF_ROWS, i % COLUMNS * 4));
    }
}

static leit_status map_of_numbers(leit_tensor_map *map)
{
    alignas(16) static float numbers[PLANTED_N];
    for (int i = 0; i < PLANTED_N; i++) numbers[i] = 2.0f * (float)i;
    leit_emulator_memory_add("numbers", numbers, sizeof numbers, sizeof numbers);
    return leit_tensor_map_make(map, LEIT_BOX_FLOATS, numbers, ROWS, COLUMNS, COLUMNS, HALF_ROWS);
}

#define PLANTED_BOXES(name, mistake)                                                               \
    leit_status planted_##name(int is_planted, float *out)                                         \
    {                                                                                              \
        leit_tensor_map map = {};                                                                  \
        const auto name = is_planted ? two_boxes<mistake> : two_boxes<NO_MISTAKE>;                 \
        LEIT_TRY(map_of_numbers(&map));                                                            \
        LEIT_LAUNCH(name, 1, PLANTED_THREADS, SHARED_BYTES, nullptr, map, out);                    \
        return leit_launch_status(#name);                                                          \
    }
PLANTED_BOXES(phase_not_awaited, PHASE_NOT_AWAITED)
PLANTED_BOXES(wrong_parity, WRONG_PARITY)
PLANTED_BOXES(too_few_bytes, TOO_FEW_BYTES)
PLANTED_BOXES(too_many_bytes, TOO_MANY_BYTES)
PLANTED_BOXES(arrival_missing, ARRIVAL_MISSING)
PLANTED_BOXES(arrival_too_many, ARRIVAL_TOO_MANY)
PLANTED_BOXES(barrier_not_published, BARRIER_NOT_PUBLISHED)
PLANTED_BOXES(barrier_not_open, BARRIER_NOT_OPEN)
PLANTED_BOXES(awaited_by_one_thread, AWAITED_BY_ONE_THREAD)
PLANTED_BOXES(box_misaligned, BOX_MISALIGNED)
PLANTED_BOXES(box_left_behind, BOX_LEFT_BEHIND)

/* One room for both boxes: the second may come when all have read the first. */
template <bool is_planted>
static __global__ void box_onto_box(const __grid_constant__ leit_tensor_map map, float *out)
{
    LEIT_DYNAMIC_SHARED(unsigned char, raw);
    LEIT_SHARED(leit_mbarrier, is_full, [2]);
    LEIT_SHARED(leit_mbarrier, is_empty, [1]);
    unsigned char *shared = leit_align_boxes(raw);
    if (threadIdx.x == 0) {
        leit_mbarrier_open(&is_full[0], 1);
        leit_mbarrier_open(&is_full[1], 1);
        leit_mbarrier_open(is_empty, PLANTED_THREADS);
        leit_mbarrier_publish();
    }
    __syncthreads();
    for (int round = 0; round < 2; round++) {
        if (threadIdx.x == 0) {
            if (!is_planted) leit_mbarrier_wait(is_empty, round == 0);
            leit_mbarrier_expect(&is_full[round], HALF_BYTES);
            leit_copy_box(shared, &map, 0, round * HALF_ROWS, &is_full[round]);
        }
        leit_mbarrier_wait(&is_full[round], 0);
        for (int i = (int)threadIdx.x; i < PLANTED_N / 2; i += PLANTED_THREADS)
            out[round * PLANTED_N / 2 + i] = *reinterpret_cast<const float *>(
                shared + leit_swizzled(i / COLUMNS, i % COLUMNS * 4));
        leit_mbarrier_arrive(is_empty);
    }
}

leit_status planted_box_onto_box(int is_planted, float *out)
{
    leit_tensor_map map = {};
    const auto kernel = is_planted ? box_onto_box<true> : box_onto_box<false>;
    LEIT_TRY(map_of_numbers(&map));
    LEIT_LAUNCH(kernel, 1, PLANTED_THREADS, SHARED_BYTES, nullptr, map, out);
    return leit_launch_status("box_onto_box");
}

/* ---- products: out is the first three columns of a product of 64 rows ---- */

enum product_mistake {
    CORRECT,
    NOT_AWAITED,
    NEVER_COMMITTED,
    WITHOUT_BEGIN,
    NOT_PUBLISHED,
    OVERWRITTEN,
    NOT_SWIZZLED,
    BY_THREE_WARPS,
    OF_OTHER_MATRICES
};
enum { PRODUCT_ROWS = 64, PRODUCT_BYTES = PRODUCT_ROWS * LEIT_BOX_ROW_BYTES };

/* a[r] = (r, 1, 0, ...), b[c] = (6, 2 c, 0, ...): 6 r + 2 c. */
static __device__ void write_matrices(unsigned char *shared, enum product_mistake mistake)
{
    for (int i = (int)threadIdx.x; i < PRODUCT_ROWS * 16; i += LEIT_WARPGROUP) {
        const int row = i / 16, k = i % 16;
        const int at =
            mistake == NOT_SWIZZLED ? row * LEIT_BOX_ROW_BYTES + 2 * k : leit_swizzled(row, 2 * k);
        const float a = k == 0 ? (float)row : k == 1 ? 1.0f : 0.0f;
        const float b = k == 0 ? 6.0f : k == 1 ? 2.0f * (float)row : 0.0f;
        *reinterpret_cast<leit_bf16 *>(shared + at) = leit_to_bf16(a);
        *reinterpret_cast<leit_bf16 *>(shared + PRODUCT_BYTES + at) = leit_to_bf16(b);
    }
    if (mistake != NOT_PUBLISHED) leit_publish_shared();
    __syncthreads();
}

template <enum product_mistake mistake>
static __global__ void product_in_shared(float *out)
{
    LEIT_DYNAMIC_SHARED(unsigned char, raw);
    unsigned char *shared = leit_align_boxes(raw);
    const int warp = (int)threadIdx.x / LEIT_WARP, lane = (int)threadIdx.x % LEIT_WARP;
    float d[32] = {};
    write_matrices(shared, mistake);
    if (mistake != BY_THREE_WARPS || warp < 3) {
        const bool is_other = mistake == OF_OTHER_MATRICES && warp == 2;
        if (mistake != WITHOUT_BEGIN) leit_warpgroup_begin();
        leit_warpgroup_bf16(d, leit_matrix_in_shared(shared),
                            leit_matrix_in_shared(shared + (is_other ? 0 : PRODUCT_BYTES)));
        if (mistake != NEVER_COMMITTED) leit_warpgroup_commit();
        if (mistake == OVERWRITTEN && threadIdx.x == 100)
            *reinterpret_cast<leit_bf16 *>(shared + leit_swizzled(50, 0)) = leit_to_bf16(1.0f);
        if (mistake == NOT_AWAITED)
            leit_warpgroup_await<1>();
        else
            leit_warpgroup_await<0>();
    }
    for (int i = 0; i < 4; i++) {
        const int row = 16 * warp + lane / 4 + i / 2 * 8, column = 2 * (lane % 4) + i % 2;
        if (column < 3) out[3 * row + column] = d[i];
    }
    if (mistake == NOT_AWAITED) leit_warpgroup_await<0>();
}

#define PLANTED_PRODUCT(name, mistake)                                                             \
    leit_status planted_##name(int is_planted, float *out)                                         \
    {                                                                                              \
        const auto name = is_planted ? product_in_shared<mistake> : product_in_shared<CORRECT>;    \
        LEIT_LAUNCH(name, 1, LEIT_WARPGROUP, 2 * PRODUCT_BYTES + LEIT_BOX_ALIGNMENT, nullptr,      \
                    out);                                                                          \
        return leit_launch_status(#name);                                                          \
    }
PLANTED_PRODUCT(product_not_awaited, NOT_AWAITED)
PLANTED_PRODUCT(product_never_committed, NEVER_COMMITTED)
PLANTED_PRODUCT(product_without_begin, WITHOUT_BEGIN)
PLANTED_PRODUCT(product_of_unpublished, NOT_PUBLISHED)
PLANTED_PRODUCT(product_overwritten, OVERWRITTEN)
PLANTED_PRODUCT(product_not_swizzled, NOT_SWIZZLED)
PLANTED_PRODUCT(product_by_three_warps, BY_THREE_WARPS)
PLANTED_PRODUCT(product_of_others, OF_OTHER_MATRICES)

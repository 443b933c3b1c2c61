#include "cuda_on_cpu/planted.h"

#include "cuda_on_cpu/emulator.h"
#include "kernels/leit_mma.cuh"

#define PLANTED(name)                                                                              \
    leit_status planted_##name(int is_planted, float *out)                                         \
    {                                                                                              \
        LEIT_LAUNCH(name, PLANTED_BLOCKS, PLANTED_THREADS, 0, nullptr, is_planted, out);           \
        return leit_launch_status(#name);                                                          \
    }

static __device__ int position()
{
    return (int)(blockIdx.x * blockDim.x + threadIdx.x);
}

/* ---- the order of accesses ---- */

static __global__ void missing_barrier(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x, other = PLANTED_THREADS - 1 - i;
    values[other] = 2.0f * (float)(position() - i + other);
    if (!is_planted) __syncthreads();
    out[position()] = values[i];
}
PLANTED(missing_barrier)

static __global__ void missing_barrier_in_tree(int is_planted, float *out)
{
    LEIT_SHARED(float, sums, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x;
    sums[i] = 2.0f * (float)position();
    __syncthreads();
    for (int half = PLANTED_THREADS / 2; half > 0; half /= 2) {
        if (i < half) sums[i] += sums[i + half];
        if (!is_planted) __syncthreads();
    }
    __syncthreads();
    const float mean = sums[0] / (float)PLANTED_THREADS,
                middle = 0.5f * (float)(PLANTED_THREADS - 1);
    out[position()] = mean + 2.0f * ((float)i - middle);
}
PLANTED(missing_barrier_in_tree)

static __global__ void missing_barrier_in_loop(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x;
    float sum = 0.0f;
    for (int round = 0; round < 4; round++) {
        values[i] = (float)(i + round);
        __syncthreads();
        sum += values[PLANTED_THREADS - 1 - i];
        if (!is_planted) __syncthreads(); /* else the next round writes what others still read */
    }
    const float expected = 4.0f * (float)(PLANTED_THREADS - 1 - i) + 6.0f;
    out[position()] = sum == expected ? 2.0f * (float)position() : sum;
}
PLANTED(missing_barrier_in_loop)

/* Two sums over the block in a row, as in a layer norm. */
static __global__ void missing_barrier_after_read(int is_planted, float *out)
{
    LEIT_SHARED(float, partial, [PLANTED_THREADS / LEIT_WARP]);
    float sums[2];
    for (int round = 0; round < 2; round++) {
        const float sum = leit_warp_sum((float)(round + 1));
        if (!is_planted) __syncthreads(); /* else a warp may write before another one has read */
        if (threadIdx.x % LEIT_WARP == 0) partial[threadIdx.x / LEIT_WARP] = sum;
        __syncthreads();
        sums[round] = partial[0] + partial[1];
    }
    const bool is_right = sums[0] == 64.0f && sums[1] == 128.0f;
    out[position()] = is_right ? 2.0f * (float)position() : sums[0];
}
PLANTED(missing_barrier_after_read)

static __global__ void missing_syncwarp(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x;
    values[i ^ 1] = 2.0f * (float)(position() - i + (i ^ 1));
    if (!is_planted) __syncwarp(LEIT_ALL_LANES);
    out[position()] = values[i];
}
PLANTED(missing_syncwarp)

/* A shuffle hands over registers and orders no memory. */
static __global__ void shuffle_as_fence(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x;
    values[i ^ 1] = (float)(position() - i + (i ^ 1));
    const float other = __shfl_xor_sync(LEIT_ALL_LANES, (float)position(), 1);
    if (!is_planted) __syncwarp(LEIT_ALL_LANES);
    out[position()] = values[i] + other + (float)(i - (i ^ 1));
}
PLANTED(shuffle_as_fence)

static __global__ void read_of_another_block(int is_planted, float *out)
{
    const int i = (int)threadIdx.x;
    if (blockIdx.x == 0 || !is_planted)
        out[position()] = 2.0f * (float)position();
    else
        out[position()] = out[i] + 2.0f * (float)(position() - i);
}
PLANTED(read_of_another_block)

/* The block that ends last completes what all have written. */
static __device__ void double_in_last_block(unsigned *ticket, unsigned n, float *out)
{
    if (leit_is_last_block(ticket, n))
        for (int i = (int)threadIdx.x; i < PLANTED_N; i += PLANTED_THREADS) out[i] *= 2.0f;
}

static __global__ void ticket_before_part(int is_planted, float *out, unsigned *ticket)
{
    if (!is_planted) out[position()] = (float)position();
    double_in_last_block(ticket, PLANTED_BLOCKS, out);
    if (is_planted) out[position()] = 2.0f * (float)position();
}

static __global__ void ticket_of_too_few(int is_planted, float *out, unsigned *ticket)
{
    out[position()] = (float)position();
    double_in_last_block(ticket, PLANTED_BLOCKS - (is_planted ? 1u : 0u), out);
}

#define PLANTED_TICKET(name)                                                                       \
    leit_status planted_##name(int is_planted, float *out)                                         \
    {                                                                                              \
        unsigned ticket = 0;                                                                       \
        leit_emulator_memory_add("ticket", &ticket, sizeof ticket, sizeof ticket);                 \
        LEIT_LAUNCH(name, PLANTED_BLOCKS, PLANTED_THREADS, 0, nullptr, is_planted, out, &ticket);  \
        return leit_launch_status(#name);                                                          \
    }
PLANTED_TICKET(ticket_before_part)
PLANTED_TICKET(ticket_of_too_few)

/* Every thread of the grid counts; a second launch reads the total. */
static __global__ void count_threads(int is_planted, unsigned *total)
{
    if (is_planted && threadIdx.x == 0)
        *total += blockDim.x;
    else if (!is_planted)
        atomicAdd(total, 1u);
}

static __global__ void write_after_count(const unsigned *total, float *out)
{
    out[position()] = *total == PLANTED_N ? 2.0f * (float)position() : -1.0f;
}

leit_status planted_sum_across_blocks(int is_planted, float *out)
{
    unsigned total = 0;
    leit_emulator_memory_add("total", &total, sizeof total, sizeof total);
    LEIT_LAUNCH(count_threads, PLANTED_BLOCKS, PLANTED_THREADS, 0, nullptr, is_planted, &total);
    LEIT_LAUNCH(write_after_count, PLANTED_BLOCKS, PLANTED_THREADS, 0, nullptr, &total, out);
    return leit_launch_status("sum_across_blocks: count_threads");
}

static __global__ void atomic_beside_plain(int is_planted, int *total, float *out)
{
    if (threadIdx.x != 0 || !is_planted)
        atomicMax(total, 7);
    else
        *total = 7;
    out[position()] = 2.0f * (float)position();
}

leit_status planted_atomic_beside_plain(int is_planted, float *out)
{
    int total = 7;
    leit_emulator_memory_add("total", &total, sizeof total, sizeof total);
    LEIT_LAUNCH(atomic_beside_plain, PLANTED_BLOCKS, PLANTED_THREADS, 0, nullptr, is_planted,
                &total, out);
    return leit_launch_status("atomic_beside_plain");
}

/* ---- what nobody wrote ---- */

static __global__ void uninitialised_shared(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS + 1]);
    const int i = (int)threadIdx.x;
    values[i] = 0.0f;
    if (!is_planted && i == 0) values[PLANTED_THREADS] = 0.0f; /* the padding */
    __syncthreads();
    out[position()] = 2.0f * (float)position() + values[i + 1];
}
PLANTED(uninitialised_shared)

/* NaN is not 1: as an integer the rubbish looks right. */
static __global__ void uninitialised_flag(int is_planted, float *out)
{
    LEIT_SHARED(int, is_large, [1]);
    if (!is_planted && threadIdx.x == 0) is_large[0] = 0;
    __syncthreads();
    if (position() > PLANTED_N) is_large[0] = 1;
    __syncthreads();
    out[position()] = is_large[0] == 1 ? 0.0f : 2.0f * (float)position();
}
PLANTED(uninitialised_flag)

static __global__ void sum_onto_nothing(int is_planted, float *out)
{
    if (!is_planted) out[position()] = 0.0f;
    out[position()] += 2.0f * (float)position();
}
PLANTED(sum_onto_nothing)

/* ---- asynchronous copies and tensor cores ---- */

/* `from` has 2 i at position i. */
#define PLANTED_COPY(name)                                                                         \
    leit_status planted_##name(int is_planted, float *out)                                         \
    {                                                                                              \
        alignas(16) float from[PLANTED_N];                                                         \
        for (int i = 0; i < PLANTED_N; i++) from[i] = 2.0f * (float)i;                             \
        leit_emulator_memory_add("from", from, sizeof from, sizeof from);                          \
        LEIT_LAUNCH(name, PLANTED_BLOCKS, PLANTED_THREADS, 0, nullptr, is_planted, from, out);     \
        return leit_launch_status(#name);                                                          \
    }

static __global__ void copy_waited_too_weakly(int is_planted, const float *from, float *out)
{
    LEIT_SHARED(float, stages, [2][PLANTED_THREADS]);
    const int i = (int)threadIdx.x, other = PLANTED_THREADS - 1 - i;
    for (int stage = 0; stage < 2; stage++) {
        leit_copy_async<4>(&stages[stage][i], &from[position()]);
        leit_commit_copies();
    }
    if (is_planted)
        leit_await_copies<2>();
    else
        leit_await_copies<1>();
    __syncthreads();
    out[position() - i + other] = stages[0][other];
}
PLANTED_COPY(copy_waited_too_weakly)

static __global__ void copy_without_wait(int is_planted, const float *from, float *out)
{
    LEIT_SHARED(float, stage, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x;
    leit_copy_async<4>(&stage[i], &from[position()]);
    leit_commit_copies();
    if (!is_planted) leit_await_copies<0>();
    out[position()] = stage[i];
}
PLANTED_COPY(copy_without_wait)

static __global__ void copy_never_committed(int is_planted, const float *from, float *out)
{
    LEIT_SHARED(float, stage, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x;
    leit_copy_async<4>(&stage[i], &from[position()]);
    if (!is_planted) leit_commit_copies();
    leit_await_copies<0>();
    out[position()] = stage[i];
}
PLANTED_COPY(copy_never_committed)

static __global__ void copy_without_barrier(int is_planted, const float *from, float *out)
{
    LEIT_SHARED(float, stage, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x, other = PLANTED_THREADS - 1 - i;
    leit_copy_async<4>(&stage[i], &from[position()]);
    leit_commit_copies();
    leit_await_copies<0>();
    if (!is_planted) __syncthreads();
    out[position() - i + other] = stage[other];
}
PLANTED_COPY(copy_without_barrier)

/* The second copy may land while others still read the first. */
static __global__ void copy_into_what_is_read(int is_planted, const float *from, float *out)
{
    LEIT_SHARED(float, stage, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x, other = i ^ 1;
    stage[i] = from[position()];
    __syncthreads();
    out[position() - i + other] = stage[other];
    if (!is_planted) __syncthreads();
    leit_copy_async<4>(&stage[i], &from[position()]);
    leit_commit_copies();
    leit_await_copies<0>();
}
PLANTED_COPY(copy_into_what_is_read)

static __global__ void copy_misaligned(int is_planted, const float *from, float *out)
{
    LEIT_SHARED(float, stage, [PLANTED_THREADS + 4]);
    const int i = (int)threadIdx.x, shift = is_planted ? 1 : 0;
    if (i < PLANTED_THREADS / 4)
        leit_copy_async<16>(&stage[4 * i + shift], &from[position() - i + 4 * i]);
    leit_commit_copies();
    leit_await_copies<0>();
    __syncthreads();
    out[position()] = stage[i + shift];
}
PLANTED_COPY(copy_misaligned)

static __global__ void matrix_row_misaligned(int is_planted, float *out)
{
    LEIT_SHARED(float, rows, [PLANTED_THREADS][8]);
    const int i = (int)threadIdx.x;
    for (int k = 0; k < 8; k++) rows[i][k] = 0.0f;
    __syncthreads();
    uint32_t words[4];
    leit_load_matrices(words, &rows[i][is_planted ? 1 : 0]);
    out[position()] = 2.0f * (float)position() + (float)(words[0] + words[3]);
}
PLANTED(matrix_row_misaligned)

static __global__ void matrix_not_in_shared(int is_planted, float *out)
{
    LEIT_SHARED(float, row, [PLANTED_THREADS / LEIT_WARP][4]);
    const int i = (int)threadIdx.x, warp = i / LEIT_WARP;
    if (i % LEIT_WARP < 4) row[warp][i % LEIT_WARP] = 0.0f;
    out[position()] = 2.0f * (float)position();
    __syncwarp(LEIT_ALL_LANES);
    uint32_t words[1];
    leit_load_matrices(words, is_planted ? &out[position() / 4 * 4] : &row[warp][0]);
    if (words[0] != 0) out[position()] = 0.0f;
}
PLANTED(matrix_not_in_shared)

static __global__ void product_of_half_a_warp(int is_planted, float *out)
{
    float d[4] = {1.0f, 1.0f, 1.0f, 1.0f};
    const uint32_t a[4] = {0, 0, 0, 0}, b[2] = {0, 0};
    out[position()] = 2.0f * (float)position();
    if (!is_planted || threadIdx.x % LEIT_WARP < 16) leit_mma_bf16(d, a, b);
    if (d[0] != 1.0f) out[position()] = 0.0f;
}
PLANTED(product_of_half_a_warp)

/* ---- outside of arrays ---- */

/* The element behind the last is read and then not used. */
static __global__ void past_named_array(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x, n = is_planted ? PLANTED_THREADS : PLANTED_THREADS - 1;
    values[i] = 2.0f * (float)position();
    __syncthreads();
    float next = 0.0f;
    if (i < n) next = values[i + 1];
    out[position()] = i < PLANTED_THREADS - 1 ? next - 2.0f : values[i];
}
PLANTED(past_named_array)

static __device__ __attribute__((noinline)) float element(const float *values, int i)
{
    return values[i];
}

static __global__ void past_array_by_pointer(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS]);
    LEIT_SHARED(float, others, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x, n = is_planted ? PLANTED_THREADS : PLANTED_THREADS - 1;
    values[i] = others[i] = 2.0f * (float)position();
    __syncthreads();
    const float next = i < n ? element(values, i + 1) : 0.0f;
    out[position()] = i < PLANTED_THREADS - 1 ? next - 2.0f : others[i];
}
PLANTED(past_array_by_pointer)

static __global__ void past_dynamic_shared(int is_planted, float *out)
{
    LEIT_DYNAMIC_SHARED(float, values);
    const int i = (int)threadIdx.x;
    values[is_planted ? i + 1 : i] = 2.0f * (float)position();
    __syncthreads();
    out[position()] = values[is_planted ? i + 1 : i];
}

leit_status planted_past_dynamic_shared(int is_planted, float *out)
{
    LEIT_LAUNCH(past_dynamic_shared, PLANTED_BLOCKS, PLANTED_THREADS,
                PLANTED_THREADS * sizeof(float), nullptr, is_planted, out);
    return leit_launch_status("past_dynamic_shared");
}

/* tile[0][8] is tile[1][0]: inside the array and not what was meant. */
static __global__ void past_inner_index(int is_planted, float *out)
{
    LEIT_SHARED(float, tile, [PLANTED_THREADS / 8][8]);
    const int i = (int)threadIdx.x, row = i / 8;
    tile[row][i % 8] = 2.0f * (float)position();
    __syncthreads();
    const int column = i % 8 + (is_planted && i < PLANTED_THREADS - 1 ? 1 : 0);
    const float value = tile[row][column];
    out[position()] = value - 2.0f * (float)(column - i % 8);
}
PLANTED(past_inner_index)

static __global__ void past_global(int is_planted, float *out)
{
    const int n = is_planted ? PLANTED_N + 1 : PLANTED_N;
    for (int i = position(); i < n; i += PLANTED_N) out[i] = 2.0f * (float)i;
}
PLANTED(past_global)

static __global__ void before_global(int is_planted, float *out)
{
    const int i = position(), first = is_planted ? -1 : 0;
    out[i] = 2.0f * (float)i;
    if (i == 0 && out[first] == -1.0f) out[i] = 0.0f;
}
PLANTED(before_global)

static __global__ void far_past_global(int is_planted, float *out)
{
    const int i = position();
    out[i] = 2.0f * (float)i;
    if (is_planted && i == 0) out[1] = out[PLANTED_N + 100000];
}
PLANTED(far_past_global)

static __global__ void pointer_of_the_host(const int *n, float *out)
{
    out[position()] = position() < *n ? 2.0f * (float)position() : 0.0f;
}

leit_status planted_pointer_of_the_host(int is_planted, float *out)
{
    const int on_host = PLANTED_N, on_device = PLANTED_N;
    leit_emulator_memory_add("n", &on_device, sizeof on_device, sizeof on_device);
    LEIT_LAUNCH(pointer_of_the_host, PLANTED_BLOCKS, PLANTED_THREADS, 0, nullptr,
                is_planted ? &on_host : &on_device, out);
    return leit_launch_status("pointer_of_the_host");
}

static __global__ void misaligned_vector(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS + 4]);
    const int i = (int)threadIdx.x;
    values[i] = 2.0f * (float)position();
    if (i < 4) values[PLANTED_THREADS + i] = 0.0f;
    __syncthreads();
    const int quarter = i / 4 * 4 + (is_planted ? 1 : 0);
    const float4 four = *reinterpret_cast<const float4 *>(&values[quarter]);
    const int k = i - i / 4 * 4;
    out[position()] = k == 0 ? four.x : k == 1 ? four.y : k == 2 ? four.z : four.w;
}
PLANTED(misaligned_vector)

/* ---- arithmetic that x86 and a GPU do differently ---- */

static __global__ void shift_too_far(int is_planted, float *out)
{
    const int lane = (int)threadIdx.x % LEIT_WARP;
    const unsigned upper = 0xFFFFFFFFu << (is_planted ? lane + 1 : lane);
    out[position()] = upper != 1u ? 2.0f * (float)position() : 0.0f;
}
PLANTED(shift_too_far)

static __global__ void signed_overflow(int is_planted, float *out)
{
    const int large = is_planted ? 2147483647 : 2147483646;
    const int odd = (int)(threadIdx.x % 2);
    /* The value is needed: of sum != 0 a compiler knows the answer without the sum. */
    out[position()] = 2.0f * (float)position() + (float)((large + odd) % 2 - odd);
}
PLANTED(signed_overflow)

/* ---- found in every order ---- */

static __global__ void two_barriers(int is_planted, float *out)
{
    if (is_planted && threadIdx.x % 2 == 0) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    out[position()] = 2.0f * (float)position();
}
PLANTED(two_barriers)

static __global__ void early_return(int is_planted, float *out)
{
    if (is_planted && threadIdx.x == 7) return;
    __syncthreads();
    out[position()] = 2.0f * (float)position();
}
PLANTED(early_return)

static __global__ void barrier_in_one_warp(int is_planted, float *out)
{
    if (!is_planted || threadIdx.x < LEIT_WARP) __syncthreads();
    out[position()] = 2.0f * (float)position();
}
PLANTED(barrier_in_one_warp)

static __global__ void barrier_once_more(int is_planted, float *out)
{
    const int rounds = is_planted && threadIdx.x < LEIT_WARP ? 3 : 2;
    for (int round = 0; round < rounds; round++) __syncthreads();
    out[position()] = 2.0f * (float)position();
}
PLANTED(barrier_once_more)

static __global__ void ended_lane(int is_planted, float *out)
{
    const int i = (int)threadIdx.x;
    out[position()] = 0.0f;
    if (is_planted && i % LEIT_WARP == 3) return;
    const float lower = __shfl_sync(LEIT_ALL_LANES, (float)position(), i & ~1);
    out[position()] = 2.0f * (lower + (float)(i & 1));
}
PLANTED(ended_lane)

static __global__ void lane_outside_mask(int is_planted, float *out)
{
    const unsigned halves[2] = {0x0000FFFFu, 0xFFFF0000u};
    const int lane = (int)threadIdx.x % LEIT_WARP, source = is_planted ? lane ^ 16 : lane ^ 1;
    const float other = __shfl_sync(halves[lane / 16], (float)position(), source);
    out[position()] = 2.0f * (other + (float)(lane - source));
}
PLANTED(lane_outside_mask)

static __global__ void not_in_own_mask(int is_planted, float *out)
{
    const unsigned mask = is_planted ? 0x7FFFFFFFu : LEIT_ALL_LANES;
    const int own = (int)threadIdx.x % LEIT_WARP;
    out[position()] = 2.0f * __shfl_sync(mask, (float)position(), own);
}
PLANTED(not_in_own_mask)

static __global__ void two_masks(int is_planted, float *out)
{
    const int lane = (int)threadIdx.x % LEIT_WARP;
    const unsigned mask = is_planted && lane >= 16 ? 0xFFFF0001u : LEIT_ALL_LANES;
    out[position()] = 2.0f * __shfl_sync(mask, (float)position(), lane);
}
PLANTED(two_masks)

static __global__ void lanes_that_never_meet(int is_planted, float *out)
{
    if (!is_planted || threadIdx.x % LEIT_WARP < 16) __syncwarp(LEIT_ALL_LANES);
    __syncthreads();
    out[position()] = 2.0f * (float)position();
}
PLANTED(lanes_that_never_meet)

static __global__ void part_of_a_warp(float *out)
{
    for (int i = position(); i < PLANTED_N; i += (int)(gridDim.x * blockDim.x))
        out[i] = 2.0f * (float)i;
}

leit_status planted_part_of_a_warp(int is_planted, float *out)
{
    LEIT_LAUNCH(part_of_a_warp, PLANTED_BLOCKS, is_planted ? 48 : 64, 0, nullptr, out);
    return leit_launch_status("part_of_a_warp");
}

static __global__ void too_much_static(int is_planted, float *out)
{
    LEIT_SHARED(float, most, [12 * 1024]); /* 48 KiB: no target has more without being asked */
    most[threadIdx.x] = 0.0f;
    if (is_planted) {
        LEIT_SHARED(float, one_more, [1]);
        one_more[0] = 0.0f;
    }
    out[position()] = 2.0f * (float)position();
}
PLANTED(too_much_static)

static __global__ void too_much_shared(float *out)
{
    LEIT_SHARED(float, fixed, [4 * 1024]);
    LEIT_DYNAMIC_SHARED(float, asked_for);
    fixed[threadIdx.x] = asked_for[threadIdx.x] = 0.0f;
    out[position()] = 2.0f * (float)position();
}

leit_status planted_too_much_shared(int is_planted, float *out)
{
    const size_t dynamic_bytes = (is_planted ? 220 : 200) * 1024; /* beside 16 KiB, of 227 */
    LEIT_ALLOW_SHARED(too_much_shared);
    LEIT_LAUNCH(too_much_shared, PLANTED_BLOCKS, PLANTED_THREADS, dynamic_bytes, nullptr, out);
    return leit_launch_status("too_much_shared");
}

/* Two kernels: what one is allowed it keeps. */
template <bool is_planted>
static __global__ void not_allowed(float *out)
{
    LEIT_DYNAMIC_SHARED(float, floats);
    floats[threadIdx.x] = 2.0f * (float)position();
    out[position()] = floats[threadIdx.x];
}

leit_status planted_not_allowed(int is_planted, float *out)
{
    const size_t dynamic_bytes = 48 * 1024 + 4;
    LEIT_ALLOW_SHARED(not_allowed<false>);
    const auto kernel = is_planted ? not_allowed<true> : not_allowed<false>;
    LEIT_LAUNCH(kernel, PLANTED_BLOCKS, PLANTED_THREADS, dynamic_bytes, nullptr, out);
    return leit_launch_status("not_allowed");
}

static __global__ void not_allowed_beside_its_own(float *out)
{
    LEIT_SHARED(float, fixed, [4]);
    LEIT_DYNAMIC_SHARED(float, floats);
    if (threadIdx.x < 4) fixed[threadIdx.x] = 0.0f;
    floats[threadIdx.x] = 0.0f;
    out[position()] = 2.0f * (float)position();
}

leit_status planted_not_allowed_beside_its_own(int is_planted, float *out)
{
    const size_t dynamic_bytes = 48 * 1024 - (is_planted ? 0 : 16);
    LEIT_LAUNCH(not_allowed_beside_its_own, PLANTED_BLOCKS, PLANTED_THREADS, dynamic_bytes, nullptr,
                out);
    return leit_launch_status("not_allowed_beside_its_own");
}

/* ---- what must work ---- */

/* The first thing that is not as CUDA's manual says leaves its line number. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition) && *failed_line == 0) *failed_line = __LINE__;                            \
    } while (0)

static __global__ void tour_of_atomics(int *failed_line, int *counts, unsigned *wide)
{
    const int rank = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    atomicAdd(&counts[0], -2);
    atomicMax(&counts[1], rank);
    atomicMin(&counts[2], -rank);
    if (atomicCAS(&counts[3], 5, rank) == 5) atomicExch(&counts[4], rank);
    atomicMax(&wide[0], rank == 9 ? 0xF0000000u : 1u);
    EXPECT(atomicAdd(&wide[1], 0u) == 3u);
}

leit_status planted_tour_of_atomics(int *failed_line)
{
    int counts[5] = {0, 0, 0, 5, -1};
    unsigned wide[2] = {0, 3};
    *failed_line = 0;
    leit_emulator_memory_add("failed_line", failed_line, sizeof *failed_line, sizeof *failed_line);
    leit_emulator_memory_add("counts", counts, sizeof counts, sizeof counts);
    leit_emulator_memory_add("wide", wide, sizeof wide, sizeof wide);
    LEIT_LAUNCH(tour_of_atomics, 3, 64, 0, nullptr, failed_line, counts, wide);
    EXPECT(counts[0] == -2 * 192 && counts[1] == 191 && counts[2] == -191);
    EXPECT(counts[3] == counts[4] && counts[3] >= 0 && wide[0] == 0xF0000000u && wide[1] == 3u);
    return leit_launch_status("tour_of_atomics");
}

static __global__ void tour(int *failed_line, int n_floats)
{
    LEIT_SHARED(double, matrix, [8][9]);
    LEIT_DYNAMIC_SHARED(float, floats);
    const int rank = (int)(threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z));
    const int lane = rank % LEIT_WARP;
    EXPECT(blockDim.x == 8 && blockDim.y == 4 && blockDim.z == 2 && gridDim.y == 3);
    EXPECT(blockIdx.x < 2 && blockIdx.y < 3 && blockIdx.z < 2);
    EXPECT(((uintptr_t)&matrix[0][0]) % 16 == 0);

    matrix[rank / 8][rank % 8] = rank;
    for (int i = rank; i < n_floats; i += 64) floats[i] = (float)i;
    EXPECT(__syncthreads_count(rank % 4 == 0) == 16);
    EXPECT(matrix[rank % 8][rank / 8] == (rank % 8) * 8 + rank / 8);
    EXPECT(floats[n_floats - 1 - rank] == (float)(n_floats - 1 - rank));
    EXPECT(__syncthreads_or(rank == 63) == 1 && __syncthreads_or(0) == 0);
    EXPECT(__syncthreads_and(rank < 64) == 1 && __syncthreads_and(rank < 63) == 0);

    EXPECT(__ballot_sync(LEIT_ALL_LANES, lane >= 28) == 0xF0000000u);
    EXPECT(__any_sync(LEIT_ALL_LANES, lane == 5) == 1 &&
           __all_sync(LEIT_ALL_LANES, lane < 31) == 0);
    EXPECT(__shfl_sync(LEIT_ALL_LANES, lane, 3, 8) == (lane & ~7) + 3);
    EXPECT(__shfl_up_sync(LEIT_ALL_LANES, lane, 2u) == (lane < 2 ? lane : lane - 2));
    EXPECT(__shfl_down_sync(LEIT_ALL_LANES, lane, 3u, 16) == (lane % 16 < 13 ? lane + 3 : lane));
    EXPECT(__shfl_xor_sync(LEIT_ALL_LANES, 0.5 * lane, 31) == 0.5 * (31 - lane));
    EXPECT(leit_warp_sum((float)lane) == 496.0f);
    /* Two halves of a warp meet on their own, a different number of times. */
    const unsigned half = lane < 16 ? 0x0000FFFFu : 0xFFFF0000u;
    int value = lane;
    for (int i = 0; i < (lane < 16 ? 2 : 5); i++) value = __shfl_xor_sync(half, value, 1);
    EXPECT(value == (lane < 16 ? lane : lane ^ 1));
    __syncwarp(LEIT_ALL_LANES);
}

leit_status planted_tour(int *failed_line)
{
    *failed_line = 0;
    leit_emulator_memory_add("failed_line", failed_line, sizeof *failed_line, sizeof *failed_line);
    LEIT_LAUNCH(tour, dim3(2, 3, 2), dim3(8, 4, 2), 500 * sizeof(float), nullptr, failed_line, 500);
    return leit_launch_status("tour");
}

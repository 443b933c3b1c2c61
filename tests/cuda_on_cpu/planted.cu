#include "cuda_on_cpu/planted.h"

#include "kernels/leit_cuda.h"

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

/* ---- found by wrong numbers ---- */

static __global__ void missing_barrier(int is_planted, float *out)
{
    LEIT_SHARED(float, values, [PLANTED_THREADS]);
    const int i = (int)threadIdx.x, other = PLANTED_THREADS - 1 - i;
    values[other] = 2.0f * (float)(position() - i + other);
    if (!is_planted) __syncthreads();
    out[position()] = values[i];
}
PLANTED(missing_barrier)

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
    LEIT_LAUNCH(too_much_shared, PLANTED_BLOCKS, PLANTED_THREADS, dynamic_bytes, nullptr, out);
    return leit_launch_status("too_much_shared");
}

/* ---- what must work ---- */

/* The first thing that is not as CUDA's manual says leaves its line number. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition) && *failed_line == 0) *failed_line = __LINE__;                            \
    } while (0)

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
    LEIT_LAUNCH(tour, dim3(2, 3, 2), dim3(8, 4, 2), 500 * sizeof(float), nullptr, failed_line, 500);
    return leit_launch_status("tour");
}

#include "cuda_on_cpu/access_patterns.h"

#include "kernels/leit_mma.cuh"
#include "kernels/quads.cuh"

enum { SHARED_FLOATS = 4096 };

static __device__ int pattern_lane()
{
    return (int)threadIdx.x;
}

static __global__ void global_floats(const float *from, float *to, int stride, int offset)
{
    to[pattern_lane()] = from[offset + pattern_lane() * stride];
}

static __global__ void global_pairs(const float *from, float *to, int stride, int offset)
{
    const float2 pair =
        *reinterpret_cast<const float2 *>(from + offset + 2 * pattern_lane() * stride);
    *reinterpret_cast<float2 *>(to + 2 * pattern_lane()) = make_float2(pair.x, pair.y);
}

static __global__ void global_quads(const float *from, float *to, int stride, int offset)
{
    leit_store_quad(to + 4 * pattern_lane(),
                    leit_load_quad(from + offset + 4 * pattern_lane() * stride));
}

leit_status pattern_global(const float *from, float *to, int width, int stride, int offset)
{
    if (width == 1)
        LEIT_LAUNCH(global_floats, 1, LEIT_WARP, 0, nullptr, from, to, stride, offset);
    else if (width == 2)
        LEIT_LAUNCH(global_pairs, 1, LEIT_WARP, 0, nullptr, from, to, stride, offset);
    else
        LEIT_LAUNCH(global_quads, 1, LEIT_WARP, 0, nullptr, from, to, stride, offset);
    return leit_launch_status("pattern_global");
}

static __global__ void shared_vectors(float *to, int width, int stride)
{
    LEIT_SHARED(float, floats, [SHARED_FLOATS]);
    const int at = pattern_lane() * stride * width;
    const float value = (float)pattern_lane();
    if (width == 1)
        floats[at] = value;
    else if (width == 2)
        *reinterpret_cast<float2 *>(floats + at) = make_float2(value, value);
    else
        *reinterpret_cast<float4 *>(floats + at) = make_float4(value, value, value, value);
    __syncwarp(LEIT_ALL_LANES);
    to[pattern_lane()] = value;
}

leit_status pattern_shared(float *to, int width, int stride)
{
    LEIT_LAUNCH(shared_vectors, 1, LEIT_WARP, 0, nullptr, to, width, stride);
    return leit_launch_status("pattern_shared");
}

static __global__ void half_of_the_lanes(float *to)
{
    LEIT_SHARED(float, floats, [SHARED_FLOATS]);
    if (pattern_lane() % 2 == 0) floats[32 * pattern_lane()] = 1.0f;
    to[pattern_lane()] = 1.0f;
}

leit_status pattern_half_of_the_lanes(float *to)
{
    LEIT_LAUNCH(half_of_the_lanes, 1, LEIT_WARP, 0, nullptr, to);
    return leit_launch_status("pattern_half_of_the_lanes");
}

static __global__ void product_of_rows(const float *from, float *to, int pitch, int depth)
{
    LEIT_SHARED(float, floats, [SHARED_FLOATS]);
    unsigned char *row = reinterpret_cast<unsigned char *>(floats) + pattern_lane() * pitch;
    leit_copy_async<16>(row, from + 4 * pattern_lane());
    leit_commit_copies();
    leit_await_copies<0>();
    __syncwarp(LEIT_ALL_LANES);
    uint32_t a[4];
    const uint32_t b[2] = {0, 0};
    float d[4] = {0, 0, 0, 0};
    leit_load_matrices<4>(a, row);
    if (depth == 16)
        leit_mma_bf16(d, a, b);
    else
        leit_mma_tf32(d, a, b);
    to[pattern_lane()] = d[0];
}

leit_status pattern_product(const float *from, float *to, int pitch, int depth)
{
    LEIT_LAUNCH(product_of_rows, 1, LEIT_WARP, 0, nullptr, from, to, pitch, depth);
    return leit_launch_status("pattern_product");
}

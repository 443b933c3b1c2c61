/* Four neighbouring floats, the 16 bytes that a lane loads and stores at once. */
#ifndef LEIT_KERNELS_QUADS_CUH
#define LEIT_KERNELS_QUADS_CUH

#include "kernels/leit_cuda.h"

enum { LEIT_QUAD = 4, LEIT_WARP_QUADS = LEIT_WARP * LEIT_QUAD }; /* floats of one, of a warp's */

struct leit_quad {
    float of[LEIT_QUAD];
};

#define LEIT_EACH_OF_QUAD(e)                                                                       \
    LEIT_UNROLL                                                                                    \
    for (int e = 0; e < LEIT_QUAD; e++)

LEIT_DEVICE_FUNCTION struct leit_quad leit_load_quad(const float *from)
{
    const float4 four = *reinterpret_cast<const float4 *>(from);
    const struct leit_quad quad = {{four.x, four.y, four.z, four.w}};
    return quad;
}

LEIT_DEVICE_FUNCTION void leit_store_quad(float *to, const struct leit_quad &quad)
{
    *reinterpret_cast<float4 *>(to) = make_float4(quad.of[0], quad.of[1], quad.of[2], quad.of[3]);
}

/* Whether arrays lie so that a quad can begin at their first float; NULL does. */
template <class... Array>
static inline LEIT_HOST_DEVICE bool leit_are_aligned(const Array *...arrays)
{
    return ((reinterpret_cast<uintptr_t>(arrays) | ...) & (LEIT_QUAD * sizeof(float) - 1)) == 0;
}

#endif

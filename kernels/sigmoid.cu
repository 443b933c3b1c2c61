#include "kernels/sigmoid.h"

#include "kernels/elementwise.cuh"

/* No overflow: e^-|x| is at most 1. */
static __device__ float sigmoid(float x)
{
    const float weight = leit_exp(x < 0.0f ? x : -x);
    return (x < 0.0f ? weight : 1.0f) / (1.0f + weight);
}

LEIT_DEFINE_ACTIVATION_CUDA(sigmoid, sigmoid(x), args.dy[i] * (args.y[i] * (1.0f - args.y[i])))

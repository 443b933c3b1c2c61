/* Activations and their slopes, for the ops that end in one and for the ops that are one. */
#ifndef LEIT_KERNELS_ACTIVATION_CUH
#define LEIT_KERNELS_ACTIVATION_CUH

#include "kernels/leit_cuda.h"
#include "kernels/op.h"

/* Phi, the distribution of the standard normal, at x. */
LEIT_DEVICE_FUNCTION float leit_normal_distribution(float x)
{
    return 0.5f * (1.0f + leit_erf(x * 0.70710678f));
}

LEIT_DEVICE_FUNCTION float leit_gelu_value(float x)
{
    return x * leit_normal_distribution(x);
}

LEIT_DEVICE_FUNCTION float leit_gelu_slope(float x)
{
    return leit_normal_distribution(x) + x * leit_exp(-0.5f * x * x) * 0.39894228f;
}

/* A NaN stays one. */
LEIT_DEVICE_FUNCTION float leit_relu_value(float x)
{
    return x < 0.0f ? 0.0f : x;
}

LEIT_DEVICE_FUNCTION float leit_activation_value(enum leit_activation activation, float x)
{
    if (activation == LEIT_ACTIVATION_GELU) return leit_gelu_value(x);
    return activation == LEIT_ACTIVATION_RELU ? leit_relu_value(x) : x;
}

/* dy times the slope at x. A dropped dy is 0 even where it is not finite, as on the CPU. */
LEIT_DEVICE_FUNCTION float leit_activation_gradient(enum leit_activation activation, float x,
                                                    float dy)
{
    if (activation == LEIT_ACTIVATION_GELU) return dy * leit_gelu_slope(x);
    return activation == LEIT_ACTIVATION_NONE || x > 0.0f ? dy : 0.0f;
}

#endif

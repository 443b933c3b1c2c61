#include "kernels/gelu.h"

#include "kernels/activation.cuh"
#include "kernels/elementwise.cuh"

LEIT_DEFINE_ACTIVATION_CUDA(gelu, leit_gelu_value(x),
                            leit_activation_gradient(LEIT_ACTIVATION_GELU, args.x[i], args.dy[i]))

#include "kernels/relu.h"

#include "kernels/activation.cuh"
#include "kernels/elementwise.cuh"

LEIT_DEFINE_ACTIVATION_CUDA(relu, leit_relu_value(x),
                            leit_activation_gradient(LEIT_ACTIVATION_RELU, args.x[i], args.dy[i]))

#include "kernels/relu.h"

#include "kernels/elementwise.h"
#include "kernels/vector_math.h"

LEIT_DEFINE_ACTIVATION(relu, leit_relu_value(x[i]), x[i] > 0.0f ? dy[i] : 0.0f)

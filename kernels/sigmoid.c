#include "kernels/sigmoid.h"

#include "kernels/elementwise.h"
#include "kernels/vector_math.h"

LEIT_DEFINE_ACTIVATION(sigmoid, leit_sigmoid_value(x[i]), dy[i] * (y[i] * (1.0f - y[i])))

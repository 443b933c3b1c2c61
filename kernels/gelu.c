#include "kernels/gelu.h"

#include "kernels/elementwise.h"
#include "kernels/vector_math.h"

LEIT_DEFINE_ACTIVATION(gelu, leit_gelu_value(x[i]), dy[i] * leit_gelu_slope(x[i]))

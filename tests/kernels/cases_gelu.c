#include "kernels/gelu.h"

#define LEIT_REFERENCE "reference/gelu.h"
#include "reference/twice.h"

#include "kernels/activation_cases.h"

LEIT_ACTIVATION_CASES(gelu, 40, 45)

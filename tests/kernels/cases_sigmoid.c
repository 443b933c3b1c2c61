#include "kernels/sigmoid.h"

#define LEIT_REFERENCE "reference/sigmoid.h"
#include "reference/twice.h"

#include "kernels/activation_cases.h"

LEIT_ACTIVATION_CASES(sigmoid, 20, 3)

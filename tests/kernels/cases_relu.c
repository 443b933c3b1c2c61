#include "kernels/relu.h"

#define LEIT_REFERENCE "reference/relu.h"
#include "reference/twice.h"

#include "kernels/activation_cases.h"

LEIT_ACTIVATION_CASES(relu, 1, 1)

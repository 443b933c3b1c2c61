/* The functions of kernels/leit_sm90.cuh against plain loops, as tensor_cases.h has those of leit_mma.cuh. */
#ifndef LEIT_TESTS_SM90_CASES_H
#define LEIT_TESTS_SM90_CASES_H

#include "cuda_on_cpu/tensor_cases.h"

/* A cmocka group: how many tests failed. The device has compute capability 9.0 (sm90_is_here). */
int sm90_cases_run(const tensor_device *device);

#endif

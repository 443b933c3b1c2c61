/* The functions of kernels/leit_mma.cuh against plain loops, on whatever device tensor_kernels.cu has
 * been compiled for: the emulator (test_tensor_cores.c) or a GPU (tests/device/ptx_check.c). */
#ifndef LEIT_TESTS_TENSOR_CASES_H
#define LEIT_TESTS_TENSOR_CASES_H

#include "kernels/backend.h"

typedef struct tensor_device {
    const leit_device_memory *memory;
    /* What the emulator's check build wants to know of each array (emulator.h); NULL on a GPU. */
    void (*lend)(const char *name, const void *memory, size_t bytes, size_t filled_bytes);
    void (*forget)(void);
    int part, n_parts; /* of the cases that take long; n_parts 0: all of them */
} tensor_device;

/* A cmocka group, one test for each kind of instruction: how many of them failed. */
int tensor_cases_run(const tensor_device *device);

#endif

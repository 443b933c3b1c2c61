/* A list of tensors cut into blocks of fixed size, so that one loop or launch serves all of them. */
#ifndef LEIT_KERNELS_TENSOR_BLOCKS_H
#define LEIT_KERNELS_TENSOR_BLOCKS_H

#include "core/rng.h"
#include "kernels/adam.h"

/* Elements begin to end of a tensor. */
typedef struct leit_tensor_block {
    const leit_adam_tensor *tensor;
    int64_t begin, end;
} leit_tensor_block;

/* Block `block` of the list; without elements, and tensor NULL, behind the last one. */
static inline LEIT_HOST_DEVICE leit_tensor_block
leit_find_tensor_block(const leit_adam_tensor *tensors, int64_t n_tensors, int64_t block)
{
    leit_tensor_block found = {NULL, 0, 0};
    for (int64_t i = 0; i < n_tensors; i++) {
        const int64_t count = tensors[i].count;
        const int64_t here = (count + LEIT_TENSOR_BLOCK - 1) / LEIT_TENSOR_BLOCK;
        if (block < here) {
            found.tensor = &tensors[i];
            found.begin = block * LEIT_TENSOR_BLOCK;
            found.end = block + 1 < here ? found.begin + LEIT_TENSOR_BLOCK : count;
            break;
        }
        block -= here;
    }
    return found;
}

/* Reads the list: for the CPU. */
static inline leit_status leit_check_tensors(const char *op, const leit_adam_tensor *tensors,
                                             int64_t n_tensors, int64_t n_blocks)
{
    LEIT_TRY(leit_check_tensor_list(op, n_tensors, n_blocks));
    for (int64_t i = 0; i < n_tensors; i++)
        LEIT_FAIL_IF(tensors[i].count < 0, LEIT_INTERNAL,
                     "%s: tensor %lld has %lld elements, expected 0 or more", op, (long long)i,
                     (long long)tensors[i].count);
    LEIT_FAIL_IF(n_blocks != leit_tensor_blocks(tensors, n_tensors), LEIT_INTERNAL,
                 "%s: n_blocks is %lld, expected %lld", op, (long long)n_blocks,
                 (long long)leit_tensor_blocks(tensors, n_tensors));
    return LEIT_OK;
}

#endif

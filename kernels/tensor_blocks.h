/* A table of tensors cut into blocks of fixed size, so that one loop over tasks serves all of them.
 */
#ifndef LEIT_KERNELS_TENSOR_BLOCKS_H
#define LEIT_KERNELS_TENSOR_BLOCKS_H

#include "kernels/adam.h"
#include "kernels/blocks.h"

/* The tensor that block `block` of the table lies in, and its elements there. */
static inline const leit_adam_tensor *leit_tensor_of_block(const leit_adam_tensor *tensors,
                                                           int64_t block, leit_range *elements)
{
    for (;; tensors++) {
        const int64_t here = leit_blocks(tensors->count, LEIT_TENSOR_BLOCK);
        if (block < here) break;
        block -= here;
    }
    *elements = leit_block_range(block, tensors->count, LEIT_TENSOR_BLOCK);
    return tensors;
}

static inline leit_status leit_check_tensors(const char *op, const leit_adam_tensor *tensors,
                                             int64_t n_tensors, int64_t n_blocks)
{
    LEIT_FAIL_IF(n_tensors < 0, LEIT_INTERNAL, "%s: n_tensors is %lld, expected 0 or more", op,
                 (long long)n_tensors);
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

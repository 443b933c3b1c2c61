/* A block of the list of tensors (tensor_blocks.h), found by the lanes of a warp side by side. */
#ifndef LEIT_KERNELS_TENSOR_BLOCKS_CUH
#define LEIT_KERNELS_TENSOR_BLOCKS_CUH

#include "kernels/leit_cuda.h"
#include "kernels/tensor_blocks.h"

/* As leit_find_tensor_block; all lanes of a warp call it, with the same block. Each has one of 32 tensors:
 * one after another, a long list costs more than the block's own work. */
LEIT_DEVICE_FUNCTION leit_tensor_block leit_warp_find_tensor_block(const leit_adam_tensor *tensors,
                                                                   int64_t n_tensors, int64_t block)
{
    const int lane = (int)threadIdx.x % LEIT_WARP;
    leit_tensor_block found = {NULL, 0, 0};
    for (int64_t first = 0; first < n_tensors && found.tensor == NULL; first += LEIT_WARP) {
        const int64_t i = first + lane, count = i < n_tensors ? tensors[i].count : 0;
        const int64_t here = leit_pieces(count, LEIT_TENSOR_BLOCK);
        int64_t end = here; /* of this tensor's blocks, counted from tensor `first` on */
        for (int distance = 1; distance < LEIT_WARP; distance *= 2) {
            const int64_t before = __shfl_up_sync(LEIT_ALL_LANES, end, (unsigned)distance);
            if (lane >= distance) end += before;
        }
        const bool has_it = end - here <= block && block < end; /* one lane at most */
        const int64_t owner = leit_warp_max(has_it ? i : -1);
        const int64_t place = leit_warp_max(has_it ? block - (end - here) : -1);
        if (owner >= 0) {
            const int64_t end_of_tensor = tensors[owner].count;
            found.tensor = &tensors[owner];
            found.begin = place * LEIT_TENSOR_BLOCK;
            found.end = found.begin + LEIT_TENSOR_BLOCK;
            if (found.end > end_of_tensor) found.end = end_of_tensor;
        }
        block -= __shfl_sync(LEIT_ALL_LANES, end, LEIT_WARP - 1);
    }
    return found;
}

#endif

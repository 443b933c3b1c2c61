/* Rows that wait (adam.h), for both backends. */
#ifndef LEIT_KERNELS_ADAM_ROWS_H
#define LEIT_KERNELS_ADAM_ROWS_H

#include "kernels/tensor_blocks.h"

/* Rows begin to end of a tensor. */
typedef struct leit_adam_row_range {
    int64_t begin, end;
} leit_adam_row_range;

/* The rows that begin in a block. */
static inline LEIT_HOST_DEVICE leit_adam_row_range leit_adam_rows_of(leit_tensor_block block)
{
    const int64_t width = block.tensor->width;
    const leit_adam_row_range rows = {(block.begin + width - 1) / width,
                                      (block.end + width - 1) / width};
    return rows;
}

/* The first step after `done` that a row has to see to have seen step `until`. Older ones have
 * been, for no row waits longer than LEIT_ADAM_RATES steps. */
static inline LEIT_HOST_DEVICE int64_t leit_adam_next_step(int32_t done, int64_t until)
{
    const int64_t oldest = until - LEIT_ADAM_RATES + 2;
    return done + 1 > oldest ? done + 1 : oldest < 1 ? 1 : oldest;
}

/* The place of step t among the rates. A step that has not been has another t there. */
static inline LEIT_HOST_DEVICE leit_adam_rate *leit_adam_rate_at(leit_adam_rates *rates, int64_t t)
{
    return &rates->of[t % LEIT_ADAM_RATES];
}

#endif

/* adam: one step of Adam with coupled L2, over all tensors in one launch.
 *   g' = scale g + weight_decay p                 (decay only where the tensor has it)
 *   m  = beta1 m + (1 - beta1) g'
 *   v  = beta2 v + (1 - beta2) g'^2
 *   p -= learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 *   tensors      n_tensors entries: p, g, m, v (count) each, weight_decay of this tensor; the list
 *                too lies where the kernels read: device memory on CUDA
 *   n_blocks     what leit_tensor_blocks says of the list, asked while the program still has it: the
 *                work, cut into equal blocks, and so the size of the launch
 *   now          (1)  t >= 1 counts steps; learning_rate and scale of this step, in memory so that
 *                a captured graph can read them; scale carries gradient clipping and accumulation
 *   Limits       n_tensors >= 0, counts >= 0, n_blocks as said; t >= 1.
 *   Error        at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable   bit for bit.
 *   Source       Kingma and Ba, "Adam" (ICLR 2015), algorithm 1; torch.optim.Adam.
 */
#ifndef LEIT_KERNELS_ADAM_H
#define LEIT_KERNELS_ADAM_H

#include "kernels/op.h"

typedef struct leit_adam_tensor {
    float *p;
    const float *g;
    float *m, *v;
    int64_t count;
    float weight_decay;
} leit_adam_tensor;

/* Elements of one tensor that are worked on together. */
enum { LEIT_TENSOR_BLOCK = 16384 };

/* The blocks of a list of tensors; each begins a new one. */
static inline int64_t leit_tensor_blocks(const leit_adam_tensor *tensors, int64_t n_tensors)
{
    int64_t blocks = 0;
    for (int64_t i = 0; i < n_tensors; i++)
        blocks += (tensors[i].count + LEIT_TENSOR_BLOCK - 1) / LEIT_TENSOR_BLOCK;
    return blocks;
}

typedef struct leit_adam_now {
    int64_t t;
    float learning_rate, scale;
} leit_adam_now;

struct leit_adam {
    int64_t n_tensors, n_blocks;
    const leit_adam_tensor *tensors;
    float beta1, beta2, epsilon;
    const leit_adam_now *now;
};

/* The limits that the host can see, on either backend, of an op with a list of tensors. */
static inline leit_status leit_check_tensor_list(const char *op, int64_t n_tensors,
                                                 int64_t n_blocks)
{
    LEIT_FAIL_IF(n_tensors < 0 || n_blocks < 0, LEIT_INTERNAL,
                 "%s: n_tensors is %lld, n_blocks is %lld, expected 0 or more", op,
                 (long long)n_tensors, (long long)n_blocks);
    return LEIT_OK;
}

static inline leit_status leit_adam_check(const struct leit_adam *args)
{
    return leit_check_tensor_list("adam", args->n_tensors, args->n_blocks);
}

LEIT_DECLARE_OP_FORWARD(adam)

#endif

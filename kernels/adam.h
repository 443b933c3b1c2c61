/* adam: one step of Adam with coupled L2, over all tensors in one launch.
 *   g' = scale g + weight_decay p                 (decay only where the tensor has it)
 *   m  = beta1 m + (1 - beta1) g'
 *   v  = beta2 v + (1 - beta2) g'^2
 *   p -= learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 *   tensors      n_tensors entries: p, g, m, v (count) each, weight_decay of this tensor; the list
 *                too lies where the kernels read: device memory on CUDA
 *   n_blocks     what leit_tensor_blocks says of the list, asked while the program still has it: the
 *                work, cut into equal blocks, and so the size of the launch
 *   now          (1)  t >= 1 counts steps; learning_rate of this step, in memory so that a recorded
 *                step can read them (grad_norm.h moves them on)
 *   norm         (1)  the norm of all g, see grad_norm.h; NULL: scale is 1
 *   clip_norm    > 0: scale = min(1, clip_norm / (norm + 1e-6)); 0: scale is 1
 *   n_bad        (1)  > 0: nothing is changed; NULL: 0
 *   Limits       n_tensors >= 0, counts >= 0, n_blocks as said; t >= 1; the rows below.
 *   Error        at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable   bit for bit.
 *   Source       Kingma and Ba, "Adam" (ICLR 2015), algorithm 1; torch.optim.Adam;
 *                torch.nn.utils.clip_grad_norm_.
 *
 * Rows may wait: what a step does to a row without a gradient (all +0: a word that the batch does not
 * have) follows from the row and the step's rate alone, so it can be done later, with the same bits:
 *   done         (count / width) the step each row has seen, 0 at first; NULL: no row waits
 *   rates        the rates of the last steps, zeroed at first; every such tensor needs them
 *   work         LEIT_ADAM_STEP   the step above. Rows without a gradient wait, the others see first what
 *                                 they waited for; in step LEIT_ADAM_RATES, and so on, none waits
 *                LEIT_ADAM_FETCH  no step: the rows of tensor `of` that `rows` (N) names, in any order,
 *                                 repeated or not, see what they waited for. Before they are read
 *                LEIT_ADAM_FLUSH  no step: so do all rows of all tensors. Before p, m or v are read
 *   n_rows       elements of `rows` that hold data, NULL: N
 *   Limits       width >= 1 and divides count; N >= 0; `of` is a tensor whose rows wait, `rows` are rows
 *                of it (CUDA passes over others); done is set to 0 together with rates.
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
    int64_t width; /* of a row; read where done is given */
    int32_t *done;
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
    float learning_rate;
} leit_adam_now;

enum { LEIT_ADAM_RATES = 1024 };

/* What a step multiplies with. */
typedef struct leit_adam_rate {
    int64_t t;
    float rate;       /* learning_rate / (1 - beta1^t) */
    float correction; /* 1 / sqrt(1 - beta2^t) */
} leit_adam_rate;

typedef struct leit_adam_rates {
    int64_t newest;                     /* step that has been */
    leit_adam_rate of[LEIT_ADAM_RATES]; /* step t at t % LEIT_ADAM_RATES */
} leit_adam_rates;

enum leit_adam_work { LEIT_ADAM_STEP, LEIT_ADAM_FETCH, LEIT_ADAM_FLUSH };

struct leit_adam {
    int64_t n_tensors, n_blocks;
    const leit_adam_tensor *tensors;
    float beta1, beta2, epsilon;
    const leit_adam_now *now;
    const float *norm;
    float clip_norm;
    const int32_t *n_bad;
    leit_adam_rates *rates;
    enum leit_adam_work work;
    int64_t of, N;
    const int32_t *rows, *n_rows;
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
    LEIT_FAIL_IF(args->work != LEIT_ADAM_STEP && args->rates == NULL, LEIT_INTERNAL,
                 "adam: rates is NULL, expected those of the steps");
    LEIT_FAIL_IF(args->work == LEIT_ADAM_FETCH &&
                     (args->N < 0 || args->of < 0 || args->of >= args->n_tensors),
                 LEIT_INTERNAL,
                 "adam: %lld rows of tensor %lld are asked for, there are %lld tensors",
                 (long long)args->N, (long long)args->of, (long long)args->n_tensors);
    return leit_check_tensor_list("adam", args->n_tensors, args->n_blocks);
}

LEIT_DECLARE_OP_FORWARD(adam)

#endif

#include "kernels/dropout.h"

#include "kernels/leit_cuda.h"

/* Forward and backward are one kernel: multiply by what the element's draw says. A Philox block has
 * four draws, so a thread has four elements. */

enum { DRAWS = 4 };

LEIT_NO_WORKSPACE_CUDA(dropout)

static __global__ void scale_elements(struct leit_dropout args, const float *from, float *to)
{
    const int64_t n = leit_device_rows(args.n_rows, args.N) * args.D;
    const int64_t block = leit_element(), first = block * DRAWS;
    if (first < n) {
        uint32_t words[DRAWS] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
        if (args.p > 0.0f) {
            const uint32_t counter[4] = {(uint32_t)block, 0, args.random->step, args.stream};
            leit_philox(args.random->seed, counter, words);
        }
        const float kept = 1.0f / (1.0f - args.p);
        for (int k = 0; k < DRAWS && first + k < n; k++)
            /* A dropped element is 0 whatever it was, an infinity too. */
            to[first + k] =
                leit_uniform_from_word(words[k]) >= args.p ? from[first + k] * kept : 0.0f;
    }
}

static leit_status scale_all(const leit_exec *exec, const struct leit_dropout *args,
                             const float *from, float *to)
{
    LEIT_TRY(leit_dropout_check(args));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(scale_elements, leit_element_blocks(leit_pieces(args->N * args->D, DRAWS)),
                LEIT_ELEMENT_THREADS, 0, exec->stream, *args, from, to);
    return leit_launch_status("dropout");
}

leit_status leit_dropout_forward_cuda(const leit_exec *exec, const struct leit_dropout *args)
{
    return scale_all(exec, args, args->x, args->y);
}

leit_status leit_dropout_backward_cuda(const leit_exec *exec, const struct leit_dropout *args)
{
    return args->dx == nullptr ? LEIT_OK : scale_all(exec, args, args->dy, args->dx);
}

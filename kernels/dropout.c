#include "kernels/dropout.h"

#include <string.h>

#include "kernels/elementwise.h"
#include "kernels/philox.h"

/* Forward and backward are one function: multiply by the scales of the draws, which depend on the
 * element's index alone. */

enum { CHUNK = 1024 };

LEIT_NO_WORKSPACE_CPU(dropout)

struct scaling {
    const struct leit_dropout *args;
    const float *from;
    float *to;
};

static void scale_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct scaling *scaling = context;
    const struct leit_dropout *args = scaling->args;
    const int64_t n = leit_rows(args->n_rows, args->N) * args->D;
    const leit_range range = leit_block_range(block, n, LEIT_ELEMENTWISE_BLOCK);
    float scale[CHUNK];
    for (int64_t first = range.begin; first < range.end; first += CHUNK) {
        const int64_t count = range.end - first < CHUNK ? range.end - first : CHUNK;
        leit_dropout_scales(args->random, args->stream, 0, args->p, first, count, scale);
        const float *from = scaling->from + first;
        float *to = scaling->to + first;
        /* A dropped element is 0 whatever it was, an infinity too. */
        /* NOLINTBEGIN(clang-analyzer-core.UndefinedBinaryOperatorResult): `count` were written */
        LEIT_NO_SHIFTED_ALIAS
        for (int64_t i = 0; i < count; i++) to[i] = scale[i] == 0.0f ? 0.0f : from[i] * scale[i];
        /* NOLINTEND(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    }
}

static leit_status scale_all(const leit_exec *exec, const struct leit_dropout *args,
                             const float *from, float *to)
{
    LEIT_TRY(leit_dropout_check(args));
    LEIT_TRY(leit_check_rows("dropout", args->n_rows, args->N));
    const int64_t elements = leit_rows(args->n_rows, args->N) * args->D;
    if (args->p == 0.0f) {
        if (from != to) memcpy(to, from, (size_t)elements * sizeof(float));
        return LEIT_OK;
    }
    struct scaling scaling = {args, from, to};
    leit_elementwise_run(exec, elements, scale_block, &scaling);
    return LEIT_OK;
}

leit_status leit_dropout_forward_cpu(const leit_exec *exec, const struct leit_dropout *args)
{
    return scale_all(exec, args, args->x, args->y);
}

leit_status leit_dropout_backward_cpu(const leit_exec *exec, const struct leit_dropout *args)
{
    return args->dx == NULL ? LEIT_OK : scale_all(exec, args, args->dy, args->dx);
}

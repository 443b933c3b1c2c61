#include "kernels/concat_rows.h"

#include "kernels/leit_cuda.h"

LEIT_NO_WORKSPACE_CUDA(concat_rows)

/* One thread per element of y, or of dy. */
static __global__ void join(struct leit_concat_rows args)
{
    const int64_t i = leit_element(), of_a = args.Na * args.D, of_b = args.Nb * args.D;
    if (i < of_a)
        args.y[i] = args.a[i];
    else if (i < of_a + of_b)
        args.y[i] = args.b[i - of_a];
}

static __global__ void part(struct leit_concat_rows args)
{
    const int64_t i = leit_element(), of_a = args.Na * args.D, of_b = args.Nb * args.D;
    if (i < of_a) {
        if (args.da != nullptr) args.da[i] = args.dy[i];
    } else if (i < of_a + of_b) {
        if (args.db != nullptr) args.db[i - of_a] = args.dy[i];
    }
}

leit_status leit_concat_rows_forward_cuda(const leit_exec *exec,
                                          const struct leit_concat_rows *args)
{
    LEIT_TRY(leit_concat_rows_check(args));
    const int64_t elements = (args->Na + args->Nb) * args->D;
    if (elements == 0) return LEIT_OK;
    LEIT_LAUNCH(join, leit_element_blocks(elements), LEIT_ELEMENT_THREADS, 0, exec->stream, *args);
    return leit_launch_status("concat_rows forward");
}

leit_status leit_concat_rows_backward_cuda(const leit_exec *exec,
                                           const struct leit_concat_rows *args)
{
    LEIT_TRY(leit_concat_rows_check(args));
    const int64_t elements = (args->Na + args->Nb) * args->D;
    if (elements == 0) return LEIT_OK;
    LEIT_LAUNCH(part, leit_element_blocks(elements), LEIT_ELEMENT_THREADS, 0, exec->stream, *args);
    return leit_launch_status("concat_rows backward");
}

#include "kernels/gather_rows.h"

#include "kernels/leit_cuda.h"

LEIT_NO_WORKSPACE_CUDA(gather_rows)

static __global__ void take_rows(struct leit_gather_rows args)
{
    const int64_t i = leit_element(), n = i / args.D, d = i % args.D;
    if (n < leit_device_rows(args.n_rows, args.N)) {
        const int64_t row = args.index[n];
        args.y[i] = row >= 0 && row < args.M ? args.x[row * args.D + d] : leit_nan();
    }
}

/* Row m of dx: the rows of dy that were taken from it are one at most. Few are taken of anything, so
 * every thread looks through all of them. */
static __global__ void give_rows(struct leit_gather_rows args)
{
    const int64_t i = leit_element(), m = i / args.D, d = i % args.D;
    if (m < args.M) {
        const int64_t rows = leit_device_rows(args.n_rows, args.N);
        float sum = args.adds_dx ? args.dx[i] : 0.0f;
        for (int64_t n = 0; n < rows; n++)
            if (args.index[n] == m) sum += args.dy[n * args.D + d];
        args.dx[i] = sum;
    }
}

leit_status leit_gather_rows_forward_cuda(const leit_exec *exec,
                                          const struct leit_gather_rows *args)
{
    LEIT_TRY(leit_gather_rows_check(args));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(take_rows, leit_element_blocks(args->N * args->D), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("gather_rows forward");
}

leit_status leit_gather_rows_backward_cuda(const leit_exec *exec,
                                           const struct leit_gather_rows *args)
{
    LEIT_TRY(leit_gather_rows_check(args));
    if (args->dx == nullptr) return LEIT_OK;
    LEIT_LAUNCH(give_rows, leit_element_blocks(args->M * args->D), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("gather_rows backward");
}

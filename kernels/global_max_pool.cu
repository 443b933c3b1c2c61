#include "kernels/global_max_pool.h"

#include "kernels/images.cuh"

/* Forward: a thread walks the pixels of one channel of one image, the next thread those of the next
 * channel beside it. The images that reach this op are a few pixels small. */

LEIT_NO_WORKSPACE_CUDA(global_max_pool)

static __global__ void take_largest(struct leit_global_max_pool args)
{
    const int64_t out = leit_element(), C = args.C, pixels = args.H * args.W;
    if (out < leit_device_rows(args.n_samples, args.N) * C) {
        const float *x = args.x + out / C * pixels * C + out % C;
        float largest = x[0];
        int best = 0;
        for (int64_t p = 1; p < pixels; p++) leit_take_larger(x[p * C], (int)p, &largest, &best);
        args.y[out] = largest;
        args.argmax[out] = best;
    }
}

static __global__ void give_back(struct leit_global_max_pool args)
{
    const int64_t i = leit_element(), C = args.C, pixels = args.H * args.W;
    if (i < leit_device_rows(args.n_samples, args.N) * pixels * C) {
        const int64_t p = i / C % pixels, out = i / C / pixels * C + i % C;
        args.dx[i] = args.argmax[out] == p ? args.dy[out] : 0.0f;
    }
}

leit_status leit_global_max_pool_forward_cuda(const leit_exec *exec,
                                              const struct leit_global_max_pool *args)
{
    LEIT_TRY(leit_global_max_pool_check(args));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(take_largest, leit_element_blocks(args->N * args->C), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("global_max_pool forward");
}

leit_status leit_global_max_pool_backward_cuda(const leit_exec *exec,
                                               const struct leit_global_max_pool *args)
{
    LEIT_TRY(leit_global_max_pool_check(args));
    if (args->N == 0 || args->dx == nullptr) return LEIT_OK;
    LEIT_LAUNCH(give_back, leit_element_blocks(args->N * args->H * args->W * args->C),
                LEIT_ELEMENT_THREADS, 0, exec->stream, *args);
    return leit_launch_status("global_max_pool backward");
}

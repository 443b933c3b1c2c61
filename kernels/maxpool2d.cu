#include "kernels/maxpool2d.h"

#include "kernels/images.cuh"

/* Windows do not overlap: forward has a thread for each output, backward one for each element of
 * x, which asks its window whether it was the largest. */

LEIT_NO_WORKSPACE_CUDA(maxpool2d)

static __global__ void take_largest(struct leit_maxpool2d args, struct leit_pooling pooling)
{
    const int64_t out = leit_element();
    const int64_t n_samples = leit_device_rows(args.n_samples, args.N);
    if (out < n_samples * pooling.out_H * pooling.out_W * pooling.C) {
        float largest = args.x[leit_window_element(pooling, out, 0)];
        int best = 0;
        for (int place = 1; place < pooling.height * pooling.width; place++)
            leit_take_larger(args.x[leit_window_element(pooling, out, place)], place, &largest,
                             &best);
        args.y[out] = largest;
        args.argmax[out] = (uint8_t)best;
    }
}

static __global__ void give_back(struct leit_maxpool2d args, struct leit_pooling pooling)
{
    const int64_t i = leit_element();
    const int64_t n_samples = leit_device_rows(args.n_samples, args.N);
    if (i < n_samples * pooling.H * pooling.W * pooling.C) {
        int place;
        const int64_t out = leit_window_of(pooling, i, &place);
        args.dx[i] = out >= 0 && args.argmax[out] == place ? args.dy[out] : 0.0f;
    }
}

static struct leit_pooling pooling_of(const struct leit_maxpool2d *args)
{
    return leit_pooling_of(args->H, args->W, args->C, args->pool_height, args->pool_width);
}

leit_status leit_maxpool2d_forward_cuda(const leit_exec *exec, const struct leit_maxpool2d *args)
{
    LEIT_TRY(leit_maxpool2d_check(args));
    const struct leit_pooling pooling = pooling_of(args);
    const int64_t outputs = args->N * pooling.out_H * pooling.out_W * args->C;
    if (outputs == 0) return LEIT_OK;
    LEIT_LAUNCH(take_largest, leit_element_blocks(outputs), LEIT_ELEMENT_THREADS, 0, exec->stream,
                *args, pooling);
    return leit_launch_status("maxpool2d forward");
}

leit_status leit_maxpool2d_backward_cuda(const leit_exec *exec, const struct leit_maxpool2d *args)
{
    LEIT_TRY(leit_maxpool2d_check(args));
    const int64_t elements = args->N * args->H * args->W * args->C;
    if (elements == 0 || args->dx == nullptr) return LEIT_OK;
    LEIT_LAUNCH(give_back, leit_element_blocks(elements), LEIT_ELEMENT_THREADS, 0, exec->stream,
                *args, pooling_of(args));
    return leit_launch_status("maxpool2d backward");
}

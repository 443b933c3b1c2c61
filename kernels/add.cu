#include "kernels/add.h"

#include "kernels/elementwise.cuh"

LEIT_NO_WORKSPACE_CUDA(add)

static __global__ void forward_elements(struct leit_add args)
{
    const int64_t i = leit_element();
    if (i < leit_device_rows(args.n_rows, args.N) * args.D) args.y[i] = args.a[i] + args.b[i];
}

static __global__ void backward_elements(struct leit_add args)
{
    const int64_t i = leit_element();
    if (i < leit_device_rows(args.n_rows, args.N) * args.D) {
        const float dy = args.dy[i];
        if (args.da != nullptr) args.da[i] = dy;
        if (args.db != nullptr) args.db[i] = dy;
    }
}

leit_status leit_add_forward_cuda(const leit_exec *exec, const struct leit_add *args)
{
    LEIT_TRY(leit_check_matrix("add", args->N, args->D));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(forward_elements, leit_element_blocks(args->N * args->D), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("add forward");
}

leit_status leit_add_backward_cuda(const leit_exec *exec, const struct leit_add *args)
{
    LEIT_TRY(leit_check_matrix("add", args->N, args->D));
    if (args->N == 0 || (args->da == nullptr && args->db == nullptr)) return LEIT_OK;
    LEIT_LAUNCH(backward_elements, leit_element_blocks(args->N * args->D), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args);
    return leit_launch_status("add backward");
}

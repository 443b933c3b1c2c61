#include "kernels/adam.h"

#include "kernels/leit_cuda.h"
#include "kernels/tensor_blocks.h"

/* One launch: a block of threads finds its block in the list of tensors, which lies in device memory
 * as the step's numbers do. The step is bound by memory; a block's one thread that computes beta^t
 * waits no longer than the others for their first elements. Blocks that the list does not have do
 * nothing; t below 1 counts as 1. */

LEIT_NO_WORKSPACE_CUDA(adam)

enum { THREADS = 256 };

/* By squaring: exact to a few roundings of a double, and the same on every device. */
static __device__ double power(double base, int64_t exponent)
{
    double result = 1.0;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 == 1) result *= base;
        base *= base;
    }
    return result;
}

/* rate = learning_rate / (1 - beta1^t), correction = 1 / sqrt(1 - beta2^t) */
struct step {
    float rate, correction;
};

static __device__ step step_of(const struct leit_adam &args)
{
    const leit_adam_now now = *args.now;
    const int64_t t = now.t < 1 ? 1 : now.t;
    step step;
    step.rate = (float)((double)now.learning_rate / (1.0 - power((double)args.beta1, t)));
    step.correction = (float)(1.0 / leit_sqrt_double(1.0 - power((double)args.beta2, t)));
    return step;
}

static __global__ void step_blocks(struct leit_adam args)
{
    LEIT_SHARED(step, shared, [1]);
    if (threadIdx.x == 0) shared[0] = step_of(args);
    __syncthreads();
    const leit_tensor_block block =
        leit_find_tensor_block(args.tensors, args.n_tensors, blockIdx.x);
    if (block.tensor == nullptr) return;
    const leit_adam_tensor tensor = *block.tensor;
    const float beta1 = args.beta1, beta2 = args.beta2, scale = args.now->scale;
    const float rate = shared[0].rate, correction = shared[0].correction;
    for (int64_t i = block.begin + threadIdx.x; i < block.end; i += THREADS) {
        const float gradient = scale * tensor.g[i] + tensor.weight_decay * tensor.p[i];
        const float m = beta1 * tensor.m[i] + (1.0f - beta1) * gradient;
        const float v = beta2 * tensor.v[i] + (1.0f - beta2) * gradient * gradient;
        tensor.p[i] -= rate * m / (leit_sqrt(v) * correction + args.epsilon);
        tensor.m[i] = m;
        tensor.v[i] = v;
    }
}

leit_status leit_adam_forward_cuda(const leit_exec *exec, const struct leit_adam *args)
{
    LEIT_TRY(leit_adam_check(args));
    if (args->n_blocks == 0) return LEIT_OK;
    LEIT_LAUNCH(step_blocks, (unsigned)args->n_blocks, THREADS, 0, exec->stream, *args);
    return leit_launch_status("adam");
}

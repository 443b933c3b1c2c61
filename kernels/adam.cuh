/* What the plain and the fast Adam share: elements, one or four at a time, and rows that wait. */
#ifndef LEIT_KERNELS_ADAM_CUH
#define LEIT_KERNELS_ADAM_CUH

#include "kernels/adam_rows.h"
#include "kernels/quads.cuh"

enum { LEIT_ADAM_THREADS = 256, LEIT_ADAM_WARPS = LEIT_ADAM_THREADS / LEIT_WARP };

/* By squaring: exact to a few roundings of a double, and the same on every device. */
LEIT_DEVICE_FUNCTION double leit_power(double base, int64_t exponent)
{
    double result = 1.0;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 == 1) result *= base;
        base *= base;
    }
    return result;
}

LEIT_DEVICE_FUNCTION leit_adam_rate leit_adam_rate_now(const struct leit_adam &args)
{
    const leit_adam_now now = *args.now;
    leit_adam_rate rate;
    rate.t = now.t < 1 ? 1 : now.t;
    rate.rate = (float)((double)now.learning_rate / (1.0 - leit_power((double)args.beta1, rate.t)));
    rate.correction = (float)(1.0 / leit_sqrt_double(1.0 - leit_power((double)args.beta2, rate.t)));
    return rate;
}

/* Of gradients. */
LEIT_DEVICE_FUNCTION float leit_adam_scale(const struct leit_adam &args)
{
    if (args.norm == nullptr || !(args.clip_norm > 0.0f)) return 1.0f;
    return fminf(1.0f, args.clip_norm / (*args.norm + 1e-6f));
}

/* ---- elements ---- */

/* n neighbours, 1 or LEIT_QUAD. */
template <int n>
struct leit_adam_elements {
    float p[n], m[n], v[n];
};

template <int n>
LEIT_DEVICE_FUNCTION void leit_adam_load(const float *from, float (&to)[n])
{
    if constexpr (n == LEIT_QUAD) {
        const struct leit_quad quad = leit_load_quad(from);
        LEIT_EACH_OF_QUAD (e) to[e] = quad.of[e];
    } else {
        to[0] = *from;
    }
}

template <int n>
LEIT_DEVICE_FUNCTION void leit_adam_store(float *to, const float (&from)[n])
{
    if constexpr (n == LEIT_QUAD) {
        struct leit_quad quad;
        LEIT_EACH_OF_QUAD (e) quad.of[e] = from[e];
        leit_store_quad(to, quad);
    } else {
        *to = from[0];
    }
}

template <int n>
LEIT_DEVICE_FUNCTION leit_adam_elements<n> leit_adam_load_all(const leit_adam_tensor &tensor,
                                                              int64_t i)
{
    leit_adam_elements<n> e;
    leit_adam_load(tensor.p + i, e.p);
    leit_adam_load(tensor.m + i, e.m);
    leit_adam_load(tensor.v + i, e.v);
    return e;
}

template <int n>
LEIT_DEVICE_FUNCTION void leit_adam_store_all(const leit_adam_tensor &tensor, int64_t i,
                                              const leit_adam_elements<n> &e)
{
    leit_adam_store(tensor.p + i, e.p);
    leit_adam_store(tensor.m + i, e.m);
    leit_adam_store(tensor.v + i, e.v);
}

/* Fused sums are said, not left to the compiler: a row that waited has to get the same bits. */
template <int n>
LEIT_DEVICE_FUNCTION void leit_adam_update(const struct leit_adam &args, float weight_decay,
                                           const leit_adam_rate &now, float scale,
                                           const float (&g)[n], leit_adam_elements<n> &e)
{
    LEIT_UNROLL
    for (int k = 0; k < n; k++) {
        const float gradient = leit_multiply_add(scale, g[k], weight_decay * e.p[k]);
        e.m[k] = leit_multiply_add(args.beta1, e.m[k], (1.0f - args.beta1) * gradient);
        e.v[k] = leit_multiply_add(args.beta2, e.v[k], (1.0f - args.beta2) * gradient * gradient);
        e.p[k] -=
            now.rate * e.m[k] / leit_multiply_add(leit_sqrt(e.v[k]), now.correction, args.epsilon);
    }
}

/* n elements from i on see the step. */
template <int n>
LEIT_DEVICE_FUNCTION void leit_adam_step(const struct leit_adam &args,
                                         const leit_adam_tensor &tensor, int64_t i,
                                         const leit_adam_rate &now, float scale)
{
    float g[n];
    leit_adam_load(tensor.g + i, g);
    leit_adam_elements<n> e = leit_adam_load_all<n>(tensor, i);
    leit_adam_update(args, tensor.weight_decay, now, scale, g, e);
    leit_adam_store_all(tensor, i, e);
}

/* ---- rows that wait, a warp each ---- */

/* Steps after `done` up to `until`, without a gradient. */
template <int n>
LEIT_DEVICE_FUNCTION void leit_adam_catch_up(const struct leit_adam &args, float weight_decay,
                                             int32_t done, int64_t until, leit_adam_elements<n> &e)
{
    const float g[n] = {};
    for (int64_t t = leit_adam_next_step(done, until); t <= until; t++) {
        const leit_adam_rate then = *leit_adam_rate_at(args.rates, t);
        if (then.t == t) leit_adam_update(args, weight_decay, then, 1.0f, g, e);
    }
}

/* The row sees the steps up to `until`, and step `now` with its gradient where `now` is given. */
template <int n>
LEIT_DEVICE_FUNCTION void
leit_adam_move_row(const struct leit_adam &args, const leit_adam_tensor &tensor, int64_t row,
                   int32_t done, int64_t until, const leit_adam_rate *now, float scale)
{
    const int64_t end = (row + 1) * tensor.width, lane = threadIdx.x % LEIT_WARP;
    for (int64_t i = row * tensor.width + lane * n; i < end; i += LEIT_WARP * n) {
        leit_adam_elements<n> e = leit_adam_load_all<n>(tensor, i);
        leit_adam_catch_up(args, tensor.weight_decay, done, until, e);
        if (now != nullptr) {
            float g[n];
            leit_adam_load(tensor.g + i, g);
            leit_adam_update(args, tensor.weight_decay, *now, scale, g, e);
        }
        leit_adam_store_all(tensor, i, e);
    }
}

/* The same for all lanes. */
template <int n>
LEIT_DEVICE_FUNCTION bool leit_adam_has_gradient(const leit_adam_tensor &tensor, int64_t row)
{
    const int64_t lane = threadIdx.x % LEIT_WARP;
    bool any = false;
    for (int64_t i = lane * n; i < tensor.width; i += LEIT_WARP * n) {
        const float *g = tensor.g + row * tensor.width + i;
        if constexpr (n == LEIT_QUAD) {
            const uint4 bits = *reinterpret_cast<const uint4 *>(g);
            any = any || (bits.x | bits.y | bits.z | bits.w) != 0;
        } else {
            any = any || *reinterpret_cast<const uint32_t *>(g) != 0;
        }
    }
    return __any_sync(LEIT_ALL_LANES, any) != 0;
}

/* now NULL: no step, all rows see what they waited for. */
template <int n>
LEIT_DEVICE_FUNCTION void leit_adam_step_rows(const struct leit_adam &args,
                                              const leit_tensor_block &block,
                                              const leit_adam_rate *now, float scale)
{
    const leit_adam_tensor tensor = *block.tensor;
    const leit_adam_row_range rows = leit_adam_rows_of(block);
    const int64_t until = now == nullptr ? args.rates->newest : now->t - 1;
    for (int64_t row = rows.begin + threadIdx.x / LEIT_WARP; row < rows.end;
         row += LEIT_ADAM_WARPS) {
        const bool may_wait = now != nullptr && now->t % LEIT_ADAM_RATES != 0;
        if (may_wait && !leit_adam_has_gradient<n>(tensor, row)) continue;
        leit_adam_move_row<n>(args, tensor, row, tensor.done[row], until, now, scale);
        __syncwarp(LEIT_ALL_LANES); /* done has been read */
        if (threadIdx.x % LEIT_WARP == 0)
            tensor.done[row] = (int32_t)(now == nullptr ? until : now->t);
    }
}

/* ---- the step of a block of threads ---- */

/* A block of threads has one block of the list: whole pieces of n elements, where there can be any, and
 * what is left. */
template <int n>
LEIT_DEVICE_FUNCTION void leit_adam_step_block(const struct leit_adam &args,
                                               const leit_tensor_block &block,
                                               const leit_adam_rate &now, bool has_pieces)
{
    const float scale = leit_adam_scale(args);
    const leit_adam_tensor tensor = *block.tensor;
    if (tensor.done != nullptr && has_pieces) {
        leit_adam_step_rows<n>(args, block, &now, scale);
    } else if (tensor.done != nullptr) {
        leit_adam_step_rows<1>(args, block, &now, scale);
    } else {
        const int64_t whole = has_pieces ? (block.end - block.begin) / n * n : 0;
        const int64_t end = block.begin + whole;
        for (int64_t i = block.begin + threadIdx.x * n; i < end; i += LEIT_ADAM_THREADS * n)
            leit_adam_step<n>(args, tensor, i, now, scale);
        for (int64_t i = end + threadIdx.x; i < block.end; i += LEIT_ADAM_THREADS)
            leit_adam_step<1>(args, tensor, i, now, scale);
    }
}

/* Whether there is something to do; notes the step's rate, which later launches read. */
LEIT_DEVICE_FUNCTION bool leit_adam_begins(const struct leit_adam &args,
                                           const leit_tensor_block &block,
                                           const leit_adam_rate &now)
{
    if (block.tensor == nullptr || (args.n_bad != nullptr && *args.n_bad > 0)) return false;
    if (args.rates != nullptr && blockIdx.x == 0 && threadIdx.x == 0) {
        *leit_adam_rate_at(args.rates, now.t) = now;
        args.rates->newest = now.t;
    }
    return true;
}

#endif

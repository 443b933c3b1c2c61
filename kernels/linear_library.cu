#include "kernels/cublaslt.h"
#include "kernels/library_rows.cuh"
#include "kernels/linear.cuh"

/* The three products of linear by cuBLASLt. The library knows no counts in memory and no exact GELU (its own
 * is the one with tanh), so:
 *
 *   - Where a count is given, what goes into a product is a copy that is zero behind the count, and
 *     what comes out goes into the workspace; one launch takes the rows that count from there.
 *   - Bias, and a ReLU whose `pre` is y, are the product's epilogue; another activation is a launch.
 *   - The sums of db are the epilogue of dw's product, where the library has it, and a launch adds them. */

/* The arrays in the workspace; each has its place whether or not this call needs it, for a plan asks how much that
 * is before it has pointers. */
struct linear_rooms {
    float *x, *gradient, *result, *sums; /* (N, D), (N, K), (N, max(D, K)), and what db takes */
    void *library;
    size_t bytes;
};

static size_t up_to_whole(size_t bytes)
{
    return leit_up_to_whole(bytes, LEIT_CUBLASLT_ALIGNMENT);
}

static linear_rooms rooms_of(const struct leit_linear *args, void *workspace)
{
    const int64_t widest = args->D > args->K ? args->D : args->K;
    const size_t x = up_to_whole((size_t)(args->N * args->D) * sizeof(float));
    const size_t gradient = up_to_whole((size_t)(args->N * args->K) * sizeof(float));
    const size_t result = up_to_whole((size_t)(args->N * widest) * sizeof(float));
    const size_t sums =
        up_to_whole((size_t)(leit_pieces(args->N, ROWS_PER_PARTIAL) * args->K) * sizeof(float));
    /* The workspace itself is aligned less than the library wants it. */
    uintptr_t at = up_to_whole(reinterpret_cast<uintptr_t>(workspace));
    linear_rooms rooms = {};
    rooms.library = reinterpret_cast<void *>(at);
    rooms.x = reinterpret_cast<float *>(at += LEIT_CUBLASLT_WORKSPACE_BYTES);
    rooms.gradient = reinterpret_cast<float *>(at += x);
    rooms.result = reinterpret_cast<float *>(at += gradient);
    rooms.sums = reinterpret_cast<float *>(at += result);
    rooms.bytes =
        LEIT_CUBLASLT_ALIGNMENT + LEIT_CUBLASLT_WORKSPACE_BYTES + x + gradient + result + sums;
    return rooms;
}

size_t leit_linear_workspace_library(const struct leit_linear *args, int n_workers)
{
    (void)n_workers;
    return rooms_of(args, nullptr).bytes;
}

/* ---- on the device ---- */

/* What follows on the product and its bias in the rows that hold data. */
static __global__ void activate_rows(struct leit_linear args, const float *product)
{
    const int64_t i = leit_element();
    if (i < leit_device_rows(args.n_rows, args.N) * args.K) {
        const float sum = product[i];
        if (args.activation != LEIT_ACTIVATION_NONE) args.pre[i] = sum;
        args.y[i] = leit_activation_value(args.activation, sum);
    }
}

/* ---- on the host ---- */

static const float *complete(const leit_exec *exec, const struct leit_linear *args, int64_t width,
                             enum leit_activation activation, const float *from, float *to)
{
    if (args->n_rows == nullptr && activation == LEIT_ACTIVATION_NONE) return from;
    const float *pre = activation == LEIT_ACTIVATION_NONE ? nullptr : args->pre;
    LEIT_LAUNCH(complete_rows, leit_element_blocks(args->N * width), LEIT_ELEMENT_THREADS, 0,
                exec->stream, args->N, width, args->n_rows, activation, pre, from, to);
    return to;
}

leit_status leit_linear_forward_library(const leit_exec *exec, const struct leit_linear *args)
{
    LEIT_TRY(leit_linear_check(args));
    LEIT_TRY(leit_check_workspace("linear", exec, leit_linear_workspace_library(args, 1)));
    if (args->N == 0) return LEIT_OK;
    const linear_rooms rooms = rooms_of(args, exec->workspace);
    const bool is_whole = args->n_rows == nullptr, is_linear = args->activation == 0;
    bool has_sums = false;
    struct leit_cublaslt_product y = {};
    y.M = args->N;
    y.N = args->K;
    y.K = args->D;
    y.a = complete(exec, args, args->D, LEIT_ACTIVATION_NONE, args->x, rooms.x);
    y.b = args->w;
    y.b_is_transposed = true;
    y.bias = args->b;
    y.is_rectified = is_whole && args->activation == LEIT_ACTIVATION_RELU && args->pre == args->y;
    y.c = is_whole ? (is_linear ? args->y : args->pre) : rooms.result;
    LEIT_TRY(leit_cublaslt_multiply(exec, "linear forward", &y, rooms.library, &has_sums));
    if (!is_whole || !(is_linear || y.is_rectified))
        LEIT_LAUNCH(activate_rows, leit_element_blocks(args->N * args->K), LEIT_ELEMENT_THREADS, 0,
                    exec->stream, *args, y.c);
    return leit_launch_status("linear forward");
}

static leit_status backward_x(const leit_exec *exec, const struct leit_linear *args,
                              const linear_rooms *rooms, const float *gradient)
{
    bool has_sums = false;
    struct leit_cublaslt_product dx = {};
    dx.M = args->N;
    dx.N = args->D;
    dx.K = args->K;
    dx.a = gradient;
    dx.b = args->w;
    dx.c = args->n_rows == nullptr ? args->dx : rooms->result;
    dx.is_added = args->n_rows == nullptr && args->adds_dx;
    LEIT_TRY(leit_cublaslt_multiply(exec, "linear backward", &dx, rooms->library, &has_sums));
    if (args->n_rows != nullptr)
        LEIT_LAUNCH(take_rows, leit_element_blocks(args->N * args->D), LEIT_ELEMENT_THREADS, 0,
                    exec->stream, args->N, args->D, args->n_rows, rooms->result, args->adds_dx,
                    args->dx);
    return LEIT_OK;
}

/* dw, and db where the product brings its sums. */
static leit_status backward_w(const leit_exec *exec, const struct leit_linear *args,
                              const linear_rooms *rooms, const float *gradient, bool *has_sums)
{
    struct leit_cublaslt_product dw = {};
    dw.M = args->K;
    dw.N = args->D;
    dw.K = args->N;
    dw.a = gradient;
    dw.a_is_transposed = true;
    dw.b = complete(exec, args, args->D, LEIT_ACTIVATION_NONE, args->x, rooms->x);
    dw.c = args->dw;
    dw.is_added = true;
    dw.row_sums = args->db == nullptr ? nullptr : rooms->sums;
    LEIT_TRY(leit_cublaslt_multiply(exec, "linear backward", &dw, rooms->library, has_sums));
    if (*has_sums)
        LEIT_LAUNCH(take_rows, leit_element_blocks(args->K), LEIT_ELEMENT_THREADS, 0, exec->stream,
                    (int64_t)1, args->K, (const int32_t *)nullptr, rooms->sums, true, args->db);
    return LEIT_OK;
}

leit_status leit_linear_backward_library(const leit_exec *exec, const struct leit_linear *args)
{
    LEIT_TRY(leit_linear_check(args));
    LEIT_TRY(leit_check_workspace("linear", exec, leit_linear_workspace_library(args, 1)));
    if (args->N == 0) return LEIT_OK;
    const linear_rooms rooms = rooms_of(args, exec->workspace);
    const float *gradient =
        complete(exec, args, args->K, args->activation, args->dy, rooms.gradient);
    bool has_sums = false;
    if (args->dx != nullptr) LEIT_TRY(backward_x(exec, args, &rooms, gradient));
    if (args->dw != nullptr) LEIT_TRY(backward_w(exec, args, &rooms, gradient, &has_sums));
    if (args->db != nullptr && !has_sums) {
        struct leit_linear sums = *args;
        leit_exec own = *exec;
        sums.activation = LEIT_ACTIVATION_NONE;
        sums.dy = gradient;
        own.workspace = rooms.sums;
        leit_linear_differentiate(&own, &sums);
    }
    return leit_launch_status("linear backward");
}

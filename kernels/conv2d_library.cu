#include "kernels/conv2d.cuh"
#include "kernels/cudnn.h"
#include "kernels/library_rows.cuh"
#include "kernels/linear.cuh"

/* The three convolutions of conv2d by cuDNN, which knows neither counts in memory (library_rows.cuh) nor
 * gradients that are added: dw comes out in the workspace. Bias is a launch behind the forward, and db
 * the sums of columns that linear has too. In bf16 the operands are copies of bf16. */

/* As linear's, there whether needed or not. */
struct conv_rooms {
    float *x, *gradient, *result, *sums; /* whole rows, a result that is copied, what db takes */
    uint16_t *first, *second;            /* operands in bf16 */
    void *library;
    size_t library_bytes, bytes;
};

enum { LEIT_ROOM = 256, MOST_LIBRARY_BYTES = 256 << 20 };

static int64_t weights_of(const struct leit_conv2d *args)
{
    return args->K * args->kernel_size * args->kernel_size * args->C;
}

/* The library may take as much as a copy of each array, twice. */
static size_t library_bytes_of(const struct leit_conv2d *args)
{
    const int64_t pixels = args->N * args->H * args->W;
    const size_t floats = (size_t)(pixels * (args->C + args->K) + weights_of(args));
    const size_t bytes = leit_up_to_whole((1 << 16) + 2 * sizeof(float) * floats, LEIT_ROOM);
    return bytes < MOST_LIBRARY_BYTES ? bytes : (size_t)MOST_LIBRARY_BYTES;
}

/* The next room of so many bytes. */
static uintptr_t take_room(uintptr_t *at, int64_t count, size_t size)
{
    const uintptr_t room = *at;
    *at += leit_up_to_whole((size_t)count * size, LEIT_ROOM);
    return room;
}

static conv_rooms conv_rooms_of(const struct leit_conv2d *args, void *workspace)
{
    const int64_t pixels = args->N * args->H * args->W, weights = weights_of(args);
    const int64_t widest = args->C > args->K ? args->C : args->K;
    const int64_t result = pixels * widest > weights ? pixels * widest : weights;
    const uintptr_t begin = leit_up_to_whole(reinterpret_cast<uintptr_t>(workspace), LEIT_ROOM);
    const size_t number = sizeof(float), half = sizeof(uint16_t);
    uintptr_t at = begin;
    conv_rooms rooms = {};
    rooms.library_bytes = library_bytes_of(args);
    rooms.library = reinterpret_cast<void *>(take_room(&at, (int64_t)rooms.library_bytes, 1));
    rooms.x = reinterpret_cast<float *>(take_room(&at, pixels * args->C, number));
    rooms.gradient = reinterpret_cast<float *>(take_room(&at, pixels * args->K, number));
    rooms.result = reinterpret_cast<float *>(take_room(&at, result, number));
    rooms.sums = reinterpret_cast<float *>(
        take_room(&at, leit_pieces(pixels, ROWS_PER_PARTIAL) * args->K, number));
    rooms.first = reinterpret_cast<uint16_t *>(take_room(&at, result, half));
    rooms.second = reinterpret_cast<uint16_t *>(take_room(&at, result, half));
    rooms.bytes = LEIT_ROOM + (at - begin);
    return rooms;
}

size_t leit_conv2d_workspace_library(const struct leit_conv2d *args, int n_workers)
{
    (void)n_workers;
    return leit_conv2d_with_moments(args, conv_rooms_of(args, nullptr).bytes);
}

/* ---- on the device ---- */

/* To the nearest, even in the middle; a NaN stays one. */
static __global__ void round_to_bf16(int64_t n, const float *from, uint16_t *to)
{
    const int64_t i = leit_element();
    if (i < n) {
        const float x = from[i];
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        to[i] = x != x ? (uint16_t)0x7FC0 : (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
    }
}

static __global__ void add_bias(int64_t N, int64_t width, const int32_t *n_samples,
                                const float *from, const float *b, int64_t K, float *y)
{
    const int64_t i = leit_element();
    if (i < leit_device_rows(n_samples, N) * width) y[i] = from[i] + b[i % K];
}

/* ---- on the host ---- */

static const float *complete_images(const leit_exec *exec, const struct leit_conv2d *args,
                                    int64_t channels, const float *from, float *to)
{
    const int64_t width = args->H * args->W * channels;
    if (args->n_samples == nullptr) return from;
    LEIT_LAUNCH(complete_rows, leit_element_blocks(args->N * width), LEIT_ELEMENT_THREADS, 0,
                exec->stream, args->N, width, args->n_samples, LEIT_ACTIVATION_NONE,
                (const float *)nullptr, from, to);
    return to;
}

/* An operand as the library takes it in this precision. */
static void *operand(const leit_exec *exec, const float *from, int64_t count, uint16_t *to)
{
    if (exec->precision != LEIT_PRECISION_BF16) return const_cast<float *>(from);
    LEIT_LAUNCH(round_to_bf16, leit_element_blocks(count), LEIT_ELEMENT_THREADS, 0, exec->stream,
                count, from, to);
    return to;
}

static struct leit_cudnn_convolution cudnn_of(const struct leit_conv2d *args,
                                              enum leit_cudnn_direction direction)
{
    return {direction, args->N,           args->H, args->W, args->C,
            args->K,   args->kernel_size, nullptr, nullptr, nullptr};
}

leit_status leit_conv2d_forward_library(const leit_exec *exec, const struct leit_conv2d *args)
{
    LEIT_TRY(leit_conv2d_check(args));
    LEIT_TRY(leit_check_workspace("conv2d", exec, leit_conv2d_workspace_library(args, 1)));
    if (args->N == 0) return LEIT_OK;
    const conv_rooms rooms = conv_rooms_of(args, exec->workspace);
    const int64_t image = args->H * args->W;
    const float *x = complete_images(exec, args, args->C, args->x, rooms.x);
    float *result = args->n_samples == nullptr ? args->y : rooms.result;
    struct leit_cudnn_convolution y = cudnn_of(args, LEIT_CUDNN_FORWARD);
    y.images = operand(exec, x, args->N * image * args->C, rooms.first);
    y.weights = operand(exec, args->w, weights_of(args), rooms.second);
    y.results = result;
    LEIT_TRY(leit_cudnn_convolve(exec, "conv2d forward", &y, rooms.library, rooms.library_bytes));
    LEIT_LAUNCH(add_bias, leit_element_blocks(args->N * image * args->K), LEIT_ELEMENT_THREADS, 0,
                exec->stream, args->N, image * args->K, args->n_samples, result, args->b, args->K,
                args->y);
    LEIT_TRY(leit_launch_status("conv2d forward"));
    return leit_conv2d_take_moments(exec, args);
}

static leit_status make_dx(const leit_exec *exec, const struct leit_conv2d *args,
                           const conv_rooms *rooms, void *gradient)
{
    const int64_t width = args->H * args->W * args->C;
    struct leit_cudnn_convolution dx = cudnn_of(args, LEIT_CUDNN_IMAGES);
    dx.results = gradient;
    dx.weights = operand(exec, args->w, weights_of(args), rooms->second);
    dx.images = args->n_samples == nullptr ? args->dx : rooms->result;
    LEIT_TRY(
        leit_cudnn_convolve(exec, "conv2d backward", &dx, rooms->library, rooms->library_bytes));
    if (args->n_samples != nullptr)
        LEIT_LAUNCH(take_rows, leit_element_blocks(args->N * width), LEIT_ELEMENT_THREADS, 0,
                    exec->stream, args->N, width, args->n_samples, rooms->result, false, args->dx);
    return LEIT_OK;
}

static leit_status add_dw(const leit_exec *exec, const struct leit_conv2d *args,
                          const conv_rooms *rooms, void *gradient)
{
    const int64_t pixels = args->N * args->H * args->W, weights = weights_of(args);
    const float *x = complete_images(exec, args, args->C, args->x, rooms->x);
    struct leit_cudnn_convolution dw = cudnn_of(args, LEIT_CUDNN_WEIGHTS);
    dw.results = gradient;
    dw.images = operand(exec, x, pixels * args->C, rooms->second);
    dw.weights = rooms->result;
    LEIT_TRY(
        leit_cudnn_convolve(exec, "conv2d backward", &dw, rooms->library, rooms->library_bytes));
    LEIT_LAUNCH(take_rows, leit_element_blocks(weights), LEIT_ELEMENT_THREADS, 0, exec->stream,
                (int64_t)1, weights, (const int32_t *)nullptr, rooms->result, true, args->dw);
    return LEIT_OK;
}

leit_status leit_conv2d_backward_library(const leit_exec *exec, const struct leit_conv2d *args)
{
    LEIT_TRY(leit_conv2d_check(args));
    LEIT_TRY(leit_check_workspace("conv2d", exec, leit_conv2d_workspace_library(args, 1)));
    if (args->N == 0) return LEIT_OK;
    const conv_rooms rooms = conv_rooms_of(args, exec->workspace);
    const int64_t pixels = args->N * args->H * args->W;
    const float *dy = complete_images(exec, args, args->K, args->dy, rooms.gradient);
    void *gradient = args->dx == nullptr && args->dw == nullptr
                         ? nullptr
                         : operand(exec, dy, pixels * args->K, rooms.first);
    if (args->dx != nullptr) LEIT_TRY(make_dx(exec, args, &rooms, gradient));
    if (args->dw != nullptr) LEIT_TRY(add_dw(exec, args, &rooms, gradient));
    if (args->db != nullptr) {
        struct leit_linear sums = {};
        leit_exec own = *exec;
        sums.N = pixels;
        sums.K = args->K;
        sums.dy = dy;
        sums.db = args->db;
        own.workspace = rooms.sums;
        leit_linear_differentiate(&own, &sums);
    }
    return leit_launch_status("conv2d backward");
}

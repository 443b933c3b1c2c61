#include "kernels/conv2d.cuh"

/* Three matrix products whose operands are gathered from the images while tiles are loaded into
 * shared memory (implicit GEMM); pixels p = (n, h, w), taps t = (i, j, channel).
 *   y[p, k]  = b[k] + sum over t of x[p + t] w[k, t]
 *   dx[p, c] = sum over t of dy[p - t] w[k of t, (i, j) of t, c]
 *   dw[k, t] = sum over p of dy[p, k] x[p + t]; a last column of ones makes db of it
 * The sum over all pixels of a batch is cut into pieces, each its own blocks, whose results are added
 * in order.
 *
 * A block makes a tile of 64 x 64 results, sixteen terms at a time; a thread has 4 x 4 of them. */

enum { TILE = 64, DEPTH = 16, THREADS = 256, MINE = 4, SIDE = TILE / MINE };
enum { LOADS = DEPTH * TILE / THREADS, LOAD_STEP = TILE / LOADS };
enum { MAX_PIECES = 32, LEAST_PIXELS = 256 };

/* ---- the product of one tile ---- */

/* Adds the products of the two loaded slices to the thread's results. */
static __device__ void multiply(const float (*a)[TILE], const float (*b)[TILE],
                                float (&result)[MINE][MINE])
{
    const int row = (int)threadIdx.x / SIDE * MINE, column = (int)threadIdx.x % SIDE * MINE;
    for (int d = 0; d < DEPTH; d++) {
        LEIT_UNROLL
        for (int i = 0; i < MINE; i++) {
            LEIT_UNROLL
            for (int j = 0; j < MINE; j++) result[i][j] += a[d][row + i] * b[d][column + j];
        }
    }
}

struct pixel {
    int64_t n, h, w;
};

static __device__ struct pixel pixel_of(int64_t p, int64_t H, int64_t W)
{
    const struct pixel pixel = {p / W / H, p / W % H, p % W};
    return pixel;
}

/* image[n, h + i, w + j, c], 0 outside. */
static __device__ float neighbour(const float *image, const struct pixel &pixel, int64_t i,
                                  int64_t j, int64_t c, int64_t H, int64_t W, int64_t C)
{
    const int64_t h = pixel.h + i, w = pixel.w + j;
    if (h < 0 || h >= H || w < 0 || w >= W) return 0.0f;
    return image[((pixel.n * H + h) * W + w) * C + c];
}

/* ---- y and dx ---- */

/* One of the two products over taps. */
struct product {
    const float *image, *w, *bias; /* (P, in), weights of the op, (out) or NULL */
    float *result;                 /* (P, out) */
    int64_t N, H, W, in, out;
    int kernel_size;
    bool is_gradient;
    const int32_t *n_samples;
};

static __device__ float weight_of(const struct product &product, int64_t out, int64_t place,
                                  int64_t in)
{
    const int64_t area = (int64_t)product.kernel_size * product.kernel_size;
    return product.is_gradient ? product.w[(in * area + place) * product.out + out]
                               : product.w[(out * area + place) * product.in + in];
}

/* A thread loads one tap of every slice, for the same four pixels and the same four outputs. */
static __global__ void convolve(struct product product, int64_t column_tiles)
{
    LEIT_SHARED(float, a, [DEPTH][TILE]);
    LEIT_SHARED(float, b, [DEPTH][TILE]);
    const int64_t pixels = leit_device_rows(product.n_samples, product.N) * product.H * product.W;
    const int64_t first_row = blockIdx.x / column_tiles * TILE;
    const int64_t first_column = blockIdx.x % column_tiles * TILE;
    const int64_t taps = (int64_t)product.kernel_size * product.kernel_size * product.in;
    const int d = (int)threadIdx.x % DEPTH, loaded = (int)threadIdx.x / DEPTH;
    const int side = product.kernel_size, sign = product.is_gradient ? -1 : 1;
    struct pixel pixel[LOADS];
    LEIT_UNROLL
    for (int k = 0; k < LOADS; k++)
        pixel[k] = pixel_of(first_row + loaded + k * LOAD_STEP, product.H, product.W);
    float result[MINE][MINE] = {};
    /* The same for all threads of the block. */
    for (int64_t first = 0; first_row < pixels && first < taps; first += DEPTH) {
        const int64_t tap = first + d, place = tap / product.in, in = tap % product.in;
        const int64_t i = sign * (place / side - side / 2), j = sign * (place % side - side / 2);
        LEIT_UNROLL
        for (int k = 0; k < LOADS; k++) {
            const int at = loaded + k * LOAD_STEP;
            const int64_t p = first_row + at, out = first_column + at;
            a[d][at] = tap < taps && p < pixels ? neighbour(product.image, pixel[k], i, j, in,
                                                            product.H, product.W, product.in)
                                                : 0.0f;
            b[d][at] = tap < taps && out < product.out ? weight_of(product, out, place, in) : 0.0f;
        }
        __syncthreads();
        multiply(a, b, result);
        __syncthreads();
    }
    const int64_t row = first_row + threadIdx.x / SIDE * MINE;
    const int64_t column = first_column + threadIdx.x % SIDE * MINE;
    LEIT_UNROLL
    for (int k = 0; k < MINE; k++) {
        LEIT_UNROLL
        for (int l = 0; l < MINE; l++)
            if (row + k < pixels && column + l < product.out)
                product.result[(row + k) * product.out + column + l] =
                    result[k][l] + (product.bias == nullptr ? 0.0f : product.bias[column + l]);
    }
}

static void launch_product(const leit_exec *exec, const struct product &product)
{
    const int64_t row_tiles = leit_pieces(product.N * product.H * product.W, TILE);
    const int64_t column_tiles = leit_pieces(product.out, TILE);
    LEIT_LAUNCH(convolve, (unsigned)(row_tiles * column_tiles), THREADS, 0, exec->stream, product,
                column_tiles);
}

/* ---- dw and db ---- */

static int64_t columns_of(const struct leit_conv2d *args)
{
    return (int64_t)args->kernel_size * args->kernel_size * args->C + 1;
}

/* Pixels of a piece: fixed by the capacity, so that a smaller batch is summed in the same order. */
static int64_t piece_of(const struct leit_conv2d *args)
{
    const int64_t piece = leit_pieces(args->N * args->H * args->W, MAX_PIECES);
    return piece < LEAST_PIXELS ? (int64_t)LEAST_PIXELS : piece;
}

/* The partial sums (pieces, K, columns), or what the moments take. */
size_t leit_conv2d_workspace_cuda(const struct leit_conv2d *args, int n_workers)
{
    (void)n_workers;
    const int64_t pieces = leit_pieces(args->N * args->H * args->W, piece_of(args));
    return leit_conv2d_with_moments(args,
                                    (size_t)(pieces * args->K * columns_of(args)) * sizeof(float));
}

/* A thread loads the same output and the same column, a tap or the ones, of four pixels. */
static __global__ void sum_weights(struct leit_conv2d args, int64_t piece, int64_t row_tiles,
                                   int64_t columns, float *partial)
{
    LEIT_SHARED(float, a, [DEPTH][TILE]);
    LEIT_SHARED(float, b, [DEPTH][TILE]);
    const int64_t column_tiles = (columns + TILE - 1) / TILE;
    const int64_t number = blockIdx.x / (row_tiles * column_tiles);
    const int64_t first_row = blockIdx.x / column_tiles % row_tiles * TILE;
    const int64_t first_column = blockIdx.x % column_tiles * TILE;
    const int64_t pixels = leit_device_rows(args.n_samples, args.N) * args.H * args.W;
    const int64_t begin = number * piece;
    const int64_t end = begin + piece < pixels ? begin + piece : pixels;
    const int at = (int)threadIdx.x % TILE, side = args.kernel_size;
    const int64_t out = first_row + at, tap = first_column + at, place = tap / args.C;
    const int64_t i = place / side - side / 2, j = place % side - side / 2;
    float result[MINE][MINE] = {};
    for (int64_t first = begin; first < end; first += DEPTH) {
        LEIT_UNROLL
        for (int k = 0; k < LOADS; k++) {
            const int d = (int)threadIdx.x / TILE + k * (DEPTH / LOADS);
            const int64_t p = first + d;
            a[d][at] = p < end && out < args.K ? args.dy[p * args.K + out] : 0.0f;
            b[d][at] = p < end && tap == columns - 1 ? 1.0f : 0.0f;
            if (p < end && tap < columns - 1)
                b[d][at] = neighbour(args.x, pixel_of(p, args.H, args.W), i, j, tap % args.C,
                                     args.H, args.W, args.C);
        }
        __syncthreads();
        multiply(a, b, result);
        __syncthreads();
    }
    const int64_t row = first_row + threadIdx.x / SIDE * MINE;
    const int64_t column = first_column + threadIdx.x % SIDE * MINE;
    LEIT_UNROLL
    for (int k = 0; k < MINE; k++) {
        LEIT_UNROLL
        for (int l = 0; l < MINE; l++)
            if (begin < end && row + k < args.K && column + l < columns)
                partial[(number * args.K + row + k) * columns + column + l] = result[k][l];
    }
}

static __global__ void add_weights(struct leit_conv2d args, int64_t piece, int64_t columns,
                                   const float *partial)
{
    const int64_t element = leit_element(), size = args.K * columns;
    const int64_t pixels = leit_device_rows(args.n_samples, args.N) * args.H * args.W;
    if (element < size) {
        float sum = 0.0f;
        for (int64_t number = 0; number * piece < pixels; number++)
            sum += partial[number * size + element];
        const int64_t k = element / columns, column = element % columns;
        if (column < columns - 1) {
            if (args.dw != nullptr) args.dw[k * (columns - 1) + column] += sum;
        } else if (args.db != nullptr) {
            args.db[k] += sum;
        }
    }
}

/* ---- the op ---- */

leit_status leit_conv2d_take_moments(const leit_exec *exec, const struct leit_conv2d *args)
{
    if (args->moments == nullptr) return LEIT_OK;
    const struct leit_batch_moments moments = leit_conv2d_moments(args);
    return leit_batch_moments_forward_cuda(exec, &moments);
}

leit_status leit_conv2d_forward_cuda(const leit_exec *exec, const struct leit_conv2d *args)
{
    LEIT_TRY(leit_conv2d_check(args));
    if (args->N == 0) return LEIT_OK;
    const struct product product = {args->x, args->w,           args->b, args->y,
                                    args->N, args->H,           args->W, args->C,
                                    args->K, args->kernel_size, false,   args->n_samples};
    launch_product(exec, product);
    LEIT_TRY(leit_launch_status("conv2d forward"));
    return leit_conv2d_take_moments(exec, args);
}

leit_status leit_conv2d_backward_cuda(const leit_exec *exec, const struct leit_conv2d *args)
{
    LEIT_TRY(leit_conv2d_check(args));
    LEIT_TRY(leit_check_workspace("conv2d", exec, leit_conv2d_workspace_cuda(args, 1)));
    if (args->N == 0) return LEIT_OK;
    if (args->dx != nullptr) {
        const struct product product = {args->dy, args->w,           nullptr, args->dx,
                                        args->N,  args->H,           args->W, args->K,
                                        args->C,  args->kernel_size, true,    args->n_samples};
        launch_product(exec, product);
    }
    if (args->dw != nullptr || args->db != nullptr) {
        const int64_t piece = piece_of(args), columns = columns_of(args);
        const int64_t pieces = leit_pieces(args->N * args->H * args->W, piece);
        const int64_t row_tiles = leit_pieces(args->K, TILE);
        const int64_t tiles = row_tiles * leit_pieces(columns, TILE);
        float *partial = static_cast<float *>(exec->workspace);
        LEIT_LAUNCH(sum_weights, (unsigned)(pieces * tiles), THREADS, 0, exec->stream, *args, piece,
                    row_tiles, columns, partial);
        LEIT_LAUNCH(add_weights, leit_element_blocks(args->K * columns), LEIT_ELEMENT_THREADS, 0,
                    exec->stream, *args, piece, columns, partial);
    }
    return leit_launch_status("conv2d backward");
}

#include "kernels/conv2d_fast.cuh"

/* conv2d of one channel in: nine products for each float of y or dy, whose bytes set the time. Each
 * pass reads or writes the wide tensor once, 16 bytes to a lane, and nothing else of its size.
 *
 *   y    a thread has four outputs and their weights in registers; x comes from the patch of the tile
 *        in shared memory, one address for half a warp
 *   dw   likewise, with 36 sums and four of db in place of the weights
 *   dx   a thread multiplies one pixel of dy with the weights of all taps, in chunks of 16 outputs
 *        that come by cp.async, two on their way while one is read; then each pixel adds, from shared
 *        memory, the nine products that its neighbours made for it
 *
 * Sums are fp32 in every precision. */

enum { THREADS = 256, LOG_PIXELS = 7, PIXELS = 1 << LOG_PIXELS, LARGEST_PATCH = 256 };
enum { QUAD = 4, OUTPUTS = 64, QUADS = OUTPUTS / QUAD, GROUPS = THREADS / QUADS };
enum { N_BLOCKS = 512, LEAST_TILES = 2, BLOCKS = 2 /* of a multiprocessor */ };
enum { AT_ONCE = 4 };
/* Of dx: pixels are 20 floats apart, so that eight lanes of a load meet all banks. */
enum { CHUNK = 16, CHUNK_QUADS = CHUNK / QUAD, PITCH = CHUNK + QUAD, STAGES = 3 };

struct thin {
    struct leit_conv2d args;
    struct leit_image_tiles tiles;
    int column_tiles; /* of OUTPUTS */
    struct leit_tile_moments moments;
    int stage; /* of dx: floats of a stage */
    bool has_quads;
};

static struct thin thin_of(const struct leit_conv2d *args)
{
    struct thin thin;
    thin.args = *args;
    thin.tiles = leit_image_tiles_of(args->N, args->H, args->W, args->kernel_size, LOG_PIXELS,
                                     LARGEST_PATCH);
    thin.column_tiles = (int)leit_pieces(args->K, OUTPUTS);
    thin.stage = thin.tiles.patch_size * PITCH + LEIT_MOST_TAPS * CHUNK;
    thin.has_quads = leit_has_quads(args->dy, args->K);
    return thin;
}

/* The patch of x around a tile; a barrier must follow. */
static __device__ void load_patch(const struct thin &thin, int64_t n_samples,
                                  const struct leit_place &origin, float *patch)
{
    for (int q = (int)threadIdx.x; q < thin.tiles.patch_size; q += THREADS) {
        const int pixel =
            leit_patch_pixel(thin.tiles, n_samples, origin, leit_pack_place(thin.tiles, q));
        patch[q] = pixel < 0 ? 0.0f : thin.args.x[pixel];
    }
}

/* ---- y ---- */

static __device__ void store_quad(const struct leit_conv2d &args, int pixel, int k,
                                  const float (&sum)[QUAD])
{
    float *to = args.y + pixel * args.K + k;
    if (args.K % QUAD == 0) {
        *reinterpret_cast<float4 *>(to) = make_float4(sum[0], sum[1], sum[2], sum[3]);
    } else {
        LEIT_UNROLL
        for (int e = 0; e < QUAD; e++)
            if (k + e < args.K) to[e] = sum[e];
    }
}

/* values of a thread's outputs, over all threads that have the same ones: to the row of its warp. */
static __device__ void add_outputs(float (&values)[QUAD], float (*warps)[OUTPUTS])
{
    const int lane = (int)threadIdx.x % LEIT_WARP;
    LEIT_UNROLL
    for (int e = 0; e < QUAD; e++) {
        values[e] += __shfl_xor_sync(LEIT_ALL_LANES, values[e], QUADS);
        if (lane < QUADS) warps[threadIdx.x / LEIT_WARP][lane * QUAD + e] = values[e];
    }
    __syncthreads();
}

static __device__ float sum_of_warps(const float (*warps)[OUTPUTS], int output)
{
    float sum = 0.0f;
    for (int warp = 0; warp < THREADS / LEIT_WARP; warp++) sum += warps[warp][output];
    return sum;
}

/* Of thread t's output t: y without its bias, of n pixels, those of this thread in `y`. */
static __device__ struct leit_channel_moments
moments_of_tile(const float (&y)[PIXELS / GROUPS][QUAD], unsigned is_there, float n)
{
    LEIT_SHARED(float, sums, [THREADS / LEIT_WARP][OUTPUTS]);
    LEIT_SHARED(float, squares, [THREADS / LEIT_WARP][OUTPUTS]);
    const float share = n > 0.0f ? 1.0f / n : 0.0f;
    const int first = (int)threadIdx.x % QUADS * QUAD, own = (int)threadIdx.x % OUTPUTS;
    float values[QUAD] = {};
    LEIT_UNROLL
    for (int i = 0; i < PIXELS / GROUPS; i++) {
        LEIT_UNROLL
        for (int e = 0; e < QUAD; e++)
            if ((is_there >> i & 1u) != 0) values[e] += y[i][e];
    }
    add_outputs(values, sums);
    LEIT_UNROLL
    for (int e = 0; e < QUAD; e++) {
        const float mean = sum_of_warps(sums, first + e) * share;
        values[e] = 0.0f;
        LEIT_UNROLL
        for (int i = 0; i < PIXELS / GROUPS; i++)
            if ((is_there >> i & 1u) != 0) values[e] += (y[i][e] - mean) * (y[i][e] - mean);
    }
    add_outputs(values, squares);
    const struct leit_channel_moments of = {n, sum_of_warps(sums, own) * share,
                                            sum_of_warps(squares, own)};
    return of;
}

template <bool has_moments>
static __global__ void __launch_bounds__(THREADS) thin_forward(struct thin thin)
{
    LEIT_SHARED(float, patch, [LARGEST_PATCH]);
    const struct leit_conv2d &args = thin.args;
    const int64_t n_samples = leit_device_rows(args.n_samples, args.N);
    const struct leit_place origin =
        leit_tile_origin(thin.tiles, blockIdx.x / (unsigned)thin.column_tiles);
    const int area = args.kernel_size * args.kernel_size;
    const int k =
        (int)(blockIdx.x % (unsigned)thin.column_tiles) * OUTPUTS + (int)threadIdx.x % QUADS * QUAD;
    float weights[LEIT_MOST_TAPS][QUAD] = {}, bias[QUAD];
    LEIT_UNROLL
    for (int e = 0; e < QUAD; e++) {
        bias[e] = k + e < args.K ? args.b[k + e] : 0.0f;
        LEIT_EACH_TAP(thin.tiles, t, moved)
        if (k + e < args.K)
            weights[t][e] = args.w[(int64_t)(k + e) * area +
                                   leit_place_of_tap(thin.tiles, args.kernel_size, t)];
    }
    load_patch(thin, n_samples, origin, patch);
    __syncthreads();
    float y[PIXELS / GROUPS][QUAD]; /* without bias */
    unsigned is_there = 0;
    LEIT_UNROLL
    for (int i = 0; i < PIXELS / GROUPS; i++) {
        const int m = (int)threadIdx.x / QUADS + i * GROUPS;
        const int pixel = leit_tile_pixel(thin.tiles, n_samples, origin, m);
        const float *first = patch + leit_patch_place(thin.tiles, m);
        float sum[QUAD] = {};
        LEIT_EACH_TAP(thin.tiles, t, moved)
        {
            const float x = first[moved];
            LEIT_UNROLL
            for (int e = 0; e < QUAD; e++) sum[e] += x * weights[t][e];
        }
        is_there |= (pixel >= 0 ? 1u : 0u) << i;
        LEIT_UNROLL
        for (int e = 0; e < QUAD; e++) {
            if (has_moments) y[i][e] = sum[e];
            sum[e] += bias[e];
        }
        if (pixel >= 0 && k < args.K) store_quad(args, pixel, k, sum);
    }
    if (has_moments)
        leit_hand_in_moments(
            thin.moments, blockIdx.x / (unsigned)thin.column_tiles,
            (int)(blockIdx.x % (unsigned)thin.column_tiles), n_samples,
            moments_of_tile(y, is_there, (float)leit_tile_pixels(thin.tiles, n_samples, origin)));
}

void leit_conv2d_thin_forward(const leit_exec *exec, const struct leit_conv2d *args,
                              const struct leit_tile_moments &moments)
{
    struct thin thin = thin_of(args);
    thin.moments = moments;
    const unsigned n_blocks = (unsigned)(thin.tiles.count * thin.column_tiles);
    if (moments.row == nullptr)
        LEIT_LAUNCH(thin_forward<false>, n_blocks, THREADS, 0, exec->stream, thin);
    else
        LEIT_LAUNCH(thin_forward<true>, n_blocks, THREADS, 0, exec->stream, thin);
}

/* ---- dx ---- */

/* Begins the copies of outputs first .. first + 15 of dy and of w. */
static __device__ void fetch_outputs(const struct thin &thin, const int *patch_pixels, int first,
                                     float *stage)
{
    const struct leit_conv2d &args = thin.args;
    const int area = args.kernel_size * args.kernel_size;
    for (int e = (int)threadIdx.x; e < thin.tiles.patch_size * CHUNK_QUADS; e += THREADS) {
        const int pixel = patch_pixels[e / CHUNK_QUADS], k = first + e % CHUNK_QUADS * QUAD;
        const int n_there = pixel < 0 ? 0 : (int)args.K - k;
        leit_copy_quad(stage + e / CHUNK_QUADS * PITCH + e % CHUNK_QUADS * QUAD,
                       args.dy + pixel * args.K + k, args.dy, thin.has_quads, n_there);
    }
    const int t = (int)threadIdx.x / CHUNK, k = first + (int)threadIdx.x % CHUNK;
    const bool is_there = t < thin.tiles.tap_rows * thin.tiles.tap_columns && k < args.K;
    const int64_t at = (int64_t)k * area + leit_place_of_tap(thin.tiles, args.kernel_size, t);
    if (t < LEIT_MOST_TAPS)
        leit_copy_async<4>(stage + thin.tiles.patch_size * PITCH + (int)threadIdx.x,
                           is_there ? args.w + at : args.w, is_there);
}

/* products[t] += dy of the thread's pixel of the patch times the weights of tap t, over a chunk. */
static __device__ void multiply_pixel(float (&products)[LEIT_MOST_TAPS], const float *pixel,
                                      const float *weights)
{
    for (int first = 0; first < CHUNK; first += QUAD) {
        const float4 dy = *reinterpret_cast<const float4 *>(pixel + first);
        LEIT_UNROLL
        for (int t = 0; t < LEIT_MOST_TAPS; t++) {
            const float4 w = *reinterpret_cast<const float4 *>(weights + t * CHUNK + first);
            products[t] += dy.x * w.x;
            products[t] += dy.y * w.y;
            products[t] += dy.z * w.z;
            products[t] += dy.w * w.w;
        }
    }
}

/* A thread makes the products of one pixel of the patch, then the sum of one pixel of the tile. */
static __global__ void __launch_bounds__(THREADS) thin_images(struct thin thin)
{
    LEIT_DYNAMIC_SHARED(float, stages);
    LEIT_SHARED(int, patch_pixels, [LARGEST_PATCH]);
    LEIT_SHARED(float, products_of, [LEIT_MOST_TAPS][LARGEST_PATCH]);
    const struct leit_image_tiles &tiles = thin.tiles;
    const int64_t n_samples = leit_device_rows(thin.args.n_samples, tiles.N);
    const struct leit_place origin = leit_tile_origin(tiles, blockIdx.x);
    const int q = (int)threadIdx.x;
    if (q < tiles.patch_size)
        patch_pixels[q] = leit_patch_pixel(tiles, n_samples, origin, leit_pack_place(tiles, q));
    __syncthreads();
    float products[LEIT_MOST_TAPS] = {};
    const int n = origin.n < n_samples ? (int)((thin.args.K + CHUNK - 1) / CHUNK) : 0;
    /* Rounds before 0 multiply nothing: they fill the pipeline. Groups behind the end are empty. */
    for (int round = 1 - STAGES; round < n; round++) {
        const float *stage = stages + (round + STAGES) % STAGES * thin.stage;
        const int coming = round + STAGES - 1;
        if (round >= 0) {
            leit_await_copies<STAGES - 2>();
            __syncthreads(); /* the stage is whole, and the one before has been read */
        }
        if (coming < n)
            fetch_outputs(thin, patch_pixels, coming * CHUNK,
                          stages + coming % STAGES * thin.stage);
        leit_commit_copies();
        if (round >= 0 && q < tiles.patch_size)
            multiply_pixel(products, stage + q * PITCH, stage + tiles.patch_size * PITCH);
    }
    LEIT_UNROLL
    for (int t = 0; t < LEIT_MOST_TAPS; t++) products_of[t][q] = products[t];
    __syncthreads();
    const int pixel = q < PIXELS ? leit_tile_pixel(tiles, n_samples, origin, q) : -1;
    if (pixel >= 0) {
        /* y at p - t reads x at p by tap t: the taps turned round. */
        const int last = leit_patch_place(tiles, q) + (tiles.tap_rows - 1) * tiles.patch_width +
                         tiles.tap_columns - 1;
        float sum = 0.0f;
        LEIT_EACH_TAP(tiles, t, moved) sum += products_of[t][last - moved];
        thin.args.dx[pixel] = sum;
    }
}

void leit_conv2d_thin_images(const leit_exec *exec, const struct leit_conv2d *args)
{
    const struct thin thin = thin_of(args);
    const size_t bytes = (size_t)(STAGES * thin.stage) * sizeof(float);
    LEIT_ALLOW_SHARED(thin_images);
    LEIT_LAUNCH(thin_images, (unsigned)thin.tiles.count, THREADS, bytes, exec->stream, thin);
}

/* ---- dw and db ---- */

static __device__ void load_quad(const struct thin &thin, int pixel, int k, float (&dy)[QUAD])
{
    const float *from = thin.args.dy + pixel * thin.args.K + k;
    if (thin.has_quads) {
        const float4 quad = *reinterpret_cast<const float4 *>(from);
        dy[0] = quad.x;
        dy[1] = quad.y;
        dy[2] = quad.z;
        dy[3] = quad.w;
    } else {
        LEIT_UNROLL
        for (int e = 0; e < QUAD; e++) dy[e] = k + e < thin.args.K ? from[e] : 0.0f;
    }
}

/* The sums of four outputs over the pixels of a thread: of each tap, then of db. */
typedef float thin_sums[LEIT_MOST_TAPS + 1][QUAD];

/* Adds AT_ONCE pixels, whose loads go side by side. */
static __device__ void add_pixels(thin_sums &sums, const struct thin &thin, int64_t n_samples,
                                  const struct leit_place &origin, int first_pixel, int k,
                                  const float *patch)
{
    float dy[AT_ONCE][QUAD] = {};
    LEIT_UNROLL
    for (int copy = 0; copy < AT_ONCE; copy++) {
        const int pixel =
            leit_tile_pixel(thin.tiles, n_samples, origin, first_pixel + copy * GROUPS);
        if (pixel >= 0 && k < thin.args.K) load_quad(thin, pixel, k, dy[copy]);
    }
    LEIT_UNROLL
    for (int copy = 0; copy < AT_ONCE; copy++) {
        const float *first = patch + leit_patch_place(thin.tiles, first_pixel + copy * GROUPS);
        LEIT_EACH_TAP(thin.tiles, t, moved)
        {
            const float x = first[moved];
            LEIT_UNROLL
            for (int e = 0; e < QUAD; e++) sums[t][e] += dy[copy][e] * x;
        }
        LEIT_UNROLL
        for (int e = 0; e < QUAD; e++) sums[LEIT_MOST_TAPS][e] += dy[copy][e];
    }
}

/* Adds the groups of a block in order, one tap after another, and leaves the sums of its run. */
static __device__ void store_sums(const struct thin &thin, const struct leit_conv2d_runs &runs,
                                  int64_t run, int first_output, const thin_sums &sums)
{
    LEIT_SHARED(float, addends, [GROUPS][OUTPUTS]);
    const int taps = runs.tiles.tap_rows * runs.tiles.tap_columns, K = (int)thin.args.K;
    const int group = (int)threadIdx.x / QUADS, left = (int)threadIdx.x % QUADS * QUAD;
    const int output = (int)threadIdx.x, k = first_output + output;
    LEIT_UNROLL
    for (int t = 0; t <= LEIT_MOST_TAPS; t++) {
        __syncthreads(); /* the tap before has been added */
        LEIT_UNROLL
        for (int e = 0; e < QUAD; e++) addends[group][left + e] = sums[t][e];
        __syncthreads();
        if (output < OUTPUTS && k < K) {
            float sum = 0.0f;
            for (int g = 0; g < GROUPS; g++) sum += addends[g][output];
            if (t < taps) runs.dw[(run * K + k) * taps + t] = sum;
            if (t == LEIT_MOST_TAPS) runs.db[run * K + k] = sum;
        }
    }
}

static __global__ void __launch_bounds__(THREADS, BLOCKS)
    thin_weights(struct thin thin, struct leit_conv2d_runs runs)
{
    LEIT_SHARED(float, patch, [LARGEST_PATCH]);
    const int64_t n_samples = leit_device_rows(thin.args.n_samples, thin.args.N);
    const int64_t run = blockIdx.x / (unsigned)thin.column_tiles, begin = run * runs.run;
    const int first_output = (int)(blockIdx.x % (unsigned)thin.column_tiles) * OUTPUTS;
    const int64_t valid = leit_tiles_of_samples(thin.tiles, n_samples);
    const int64_t end = begin + runs.run < valid ? begin + runs.run : valid;
    thin_sums sums = {};
    for (int64_t tile = begin; tile < end; tile++) {
        const struct leit_place origin = leit_tile_origin(thin.tiles, tile);
        __syncthreads(); /* the patch before has been read */
        load_patch(thin, n_samples, origin, patch);
        __syncthreads();
        for (int m = (int)threadIdx.x / QUADS; m < PIXELS; m += AT_ONCE * GROUPS)
            add_pixels(sums, thin, n_samples, origin, m,
                       first_output + (int)threadIdx.x % QUADS * QUAD, patch);
    }
    if (begin < end) store_sums(thin, runs, run, first_output, sums);
}

static struct leit_conv2d_runs runs_of(const struct leit_conv2d *args)
{
    const struct thin thin = thin_of(args);
    return leit_conv2d_runs_of(thin.tiles, thin.column_tiles, N_BLOCKS, LEAST_TILES);
}

size_t leit_conv2d_thin_floats(const struct leit_conv2d *args)
{
    return leit_conv2d_run_floats(runs_of(args), args);
}

void leit_conv2d_thin_weights(const leit_exec *exec, const struct leit_conv2d *args,
                              float *workspace)
{
    const struct thin thin = thin_of(args);
    struct leit_conv2d_runs runs = runs_of(args);
    runs.dw = workspace;
    runs.db = workspace + runs.count * args->K * leit_taps(runs.tiles);
    LEIT_LAUNCH(thin_weights, (unsigned)(runs.count * thin.column_tiles), THREADS, 0, exec->stream,
                thin, runs);
    leit_conv2d_add_runs(exec, args, runs);
}

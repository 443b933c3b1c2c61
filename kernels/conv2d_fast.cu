#include "kernels/conv2d_fast.cuh"

/* y, and dx, which is the same product with the taps turned round and w transposed:
 *     result[p, k] = bias[k] + sum over taps t and channels c of image[p + t, c] words[t, c, k]
 *
 * A block makes 128 pixels x 64 columns; its four warps have 64 x 32 each, sixteen fragments of
 * mma.sync (leit_mma.cuh). A stage is a chunk of channels, 16 in bf16 and otherwise 8: the patch of the
 * tile (image_tiles.cuh) and the weights of all its taps. Two stages are on their way by cp.async
 * while one is multiplied. Against a gather for each tap, the usual implicit GEMM, a pixel is read 1.4
 * times in place of 9, which for fp32 in memory is the difference between 30 and 100 bytes per
 * clock and multiprocessor from L2; L2 gives 64.
 *
 * Rounding happens once: each thread rounds the part of the patch that it has copied itself, before
 * the barrier that the stage needs anyway. Weights, which all tiles share, are rounded and put in
 * the order of fragments by a launch of their own: a lane reads 16 bytes for two fragments.
 *
 * The moments of y, where they are wanted, are made of the sums of a tile in registers (conv2d_moments.cuh).
 *
 * Shared memory of a 3 x 3 tile of 16 x 8 pixels: 106 KiB in bf16, 72 KiB otherwise: two and three
 * blocks on a multiprocessor of an H100; one stage less where a block cannot have as much. In rows of eight pixels no two lanes of a load meet in a bank:
 * pixels are 48 bytes apart in bf16 (ldmatrix), 32 in tf32 (8 bytes to a lane; its channels are 2 i and
 * 2 i + 1 where the manual says i and i + 4, on both sides alike). */

enum { THREADS = 128, LOG_PIXELS = 7, PIXELS = 1 << LOG_PIXELS, COLUMNS = 64 };
enum { LARGEST_PATCH = 256, TAP_WORDS = 512, LEAST_CHANNELS = 8, BF16_PITCH = 12 };
enum { ROW_FRAGMENTS = 4, COLUMN_FRAGMENTS = 4, BUFFERS = 2 };

/* A stage of one precision: its channels, copies of four of them, words between pixels when rounded. */
template <enum leit_precision precision>
struct chunk {
    enum { IS_BF16 = precision == LEIT_PRECISION_BF16 };
    enum { CHANNELS = IS_BF16 ? 16 : LEAST_CHANNELS, QUADS = CHANNELS / 4 };
    enum { PITCH = IS_BF16 ? (int)BF16_PITCH : (int)CHANNELS };
};

struct convolution {
    struct leit_image_tiles tiles;
    const float *image, *w, *bias; /* (pixels, in), weights of the op, (out) or NULL */
    float *result;                 /* (pixels, out) */
    int in, out, kernel_size;
    bool is_gradient, has_quads;
    const int32_t *n_samples;
    uint32_t *words; /* (column_tiles, chunks, taps, TAP_WORDS) */
    int column_tiles, chunks, stages;
    struct leit_tile_moments moments; /* .row NULL: not wanted */
};

/* ---- weights in the order of fragments ---- */

static __device__ float weight_at(const struct convolution &c, int t, int in, int out)
{
    if (in >= c.in || out >= c.out) return 0.0f;
    const int area = c.kernel_size * c.kernel_size;
    const int place = leit_place_of_tap(c.tiles, c.kernel_size, t);
    return c.is_gradient ? c.w[((int64_t)in * area + area - 1 - place) * c.out + out]
                         : c.w[((int64_t)out * area + place) * c.in + in];
}

/* Words of a tap: fp32 (8 channels, 64 columns); otherwise (4 pairs of fragments, 32 lanes, b[0] and
 * b[1] of the first and of the second). */
template <enum leit_precision precision>
static __global__ void arrange_weights(struct convolution c, int64_t n_words)
{
    const int64_t e = leit_element();
    if (e < n_words) {
        const int word = (int)(e % TAP_WORDS), taps = c.tiles.tap_rows * c.tiles.tap_columns;
        const int t = (int)(e / TAP_WORDS % taps);
        const int number = (int)(e / TAP_WORDS / taps), lane = word / 4 % LEIT_WARP;
        const int first = number % c.chunks * chunk<precision>::CHANNELS;
        const int left = number / c.chunks * COLUMNS;
        if (precision == LEIT_PRECISION_FP32) {
            c.words[e] =
                leit_bits_of(weight_at(c, t, first + word / COLUMNS, left + word % COLUMNS));
        } else {
            const int out = left + (word / 128 * 2 + word % 4 / 2) * 8 + lane / 4;
            const int pair = first + lane % 4 * 2, half = word % 2;
            c.words[e] = precision == LEIT_PRECISION_TF32
                             ? leit_to_tf32(weight_at(c, t, pair + half, out))
                             : leit_pack_bf16(weight_at(c, t, pair + half * 8, out),
                                              weight_at(c, t, pair + half * 8 + 1, out));
        }
    }
}

/* ---- a stage ---- */

/* The parts of shared memory. */
struct shared_parts {
    int *patch_pixels; /* of each place of the patch, -1: zeros */
    float *patches;    /* of the stages, as they are in memory */
    uint32_t *rounded; /* BUFFERS, bf16 alone */
    uint32_t *weights; /* of the stages */
    int patch_size, taps, stages;
};

static size_t shared_bytes(const struct convolution &c, bool is_bf16)
{
    const int patch = c.tiles.patch_size, channels = is_bf16 ? 2 * LEAST_CHANNELS : LEAST_CHANNELS;
    const int64_t rounded = is_bf16 ? BUFFERS * patch * BF16_PITCH : 0;
    const int64_t stage = patch * channels + leit_taps(c.tiles) * TAP_WORDS;
    return (size_t)(LARGEST_PATCH + c.stages * stage + rounded) * sizeof(uint32_t);
}

template <enum leit_precision precision>
static __device__ struct shared_parts parts_of(const struct convolution &c, uint32_t *memory)
{
    typedef chunk<precision> Chunk;
    struct shared_parts parts;
    parts.patch_size = c.tiles.patch_size;
    parts.taps = c.tiles.tap_rows * c.tiles.tap_columns;
    parts.stages = c.stages;
    parts.patch_pixels = reinterpret_cast<int *>(memory);
    parts.weights = memory + LARGEST_PATCH;
    parts.patches =
        reinterpret_cast<float *>(parts.weights + parts.stages * parts.taps * TAP_WORDS);
    parts.rounded = reinterpret_cast<uint32_t *>(parts.patches) +
                    parts.stages * parts.patch_size * Chunk::CHANNELS;
    return parts;
}

/* Begins the copies of a chunk of channels and of its weights. */
template <enum leit_precision precision>
static __device__ void fetch(const struct convolution &c, const struct shared_parts &parts,
                             int column_tile, int number)
{
    typedef chunk<precision> Chunk;
    const int slot = number % parts.stages;
    float *patch = parts.patches + slot * parts.patch_size * Chunk::CHANNELS;
    for (int q = (int)threadIdx.x; q < parts.patch_size * Chunk::QUADS; q += THREADS) {
        const int pixel = parts.patch_pixels[q / Chunk::QUADS];
        const int channel = number * Chunk::CHANNELS + q % Chunk::QUADS * 4;
        const int n_there = pixel < 0 ? 0 : c.in - channel;
        leit_copy_quad(patch + 4 * q, c.image + (int64_t)pixel * c.in + channel, c.image,
                       c.has_quads, n_there);
    }
    const int64_t first = ((int64_t)column_tile * c.chunks + number) * parts.taps * TAP_WORDS;
    uint32_t *weights = parts.weights + slot * parts.taps * TAP_WORDS;
    for (int t = 0; t < parts.taps; t++) {
        const int at = t * TAP_WORDS + (int)threadIdx.x * 4;
        leit_copy_async<16>(weights + at, c.words + first + at);
    }
}

/* Rounds what this thread has copied. Returns where the rounded patch lies. */
template <enum leit_precision precision>
static __device__ const uint32_t *round_patch(const struct shared_parts &parts, int number)
{
    typedef chunk<precision> Chunk;
    float *patch = parts.patches + number % parts.stages * parts.patch_size * Chunk::CHANNELS;
    uint32_t *words = reinterpret_cast<uint32_t *>(patch);
    if (precision == LEIT_PRECISION_FP32) return words;
    uint32_t *rounded =
        Chunk::IS_BF16 ? parts.rounded + number % BUFFERS * parts.patch_size * Chunk::PITCH : words;
    for (int q = (int)threadIdx.x; q < parts.patch_size * Chunk::QUADS; q += THREADS) {
        const uint4 quad = reinterpret_cast<uint4 *>(words)[q];
        const float x = leit_float_of(quad.x), y = leit_float_of(quad.y);
        const float z = leit_float_of(quad.z), w = leit_float_of(quad.w);
        if (Chunk::IS_BF16)
            *reinterpret_cast<uint2 *>(rounded + q / Chunk::QUADS * Chunk::PITCH +
                                       q % Chunk::QUADS * 2) =
                make_uint2(leit_pack_bf16(x, y), leit_pack_bf16(z, w));
        else
            reinterpret_cast<uint4 *>(rounded)[q] =
                make_uint4(leit_to_tf32(x), leit_to_tf32(y), leit_to_tf32(z), leit_to_tf32(w));
    }
    return rounded;
}

/* ---- products ---- */

typedef float tile_sum[ROW_FRAGMENTS][COLUMN_FRAGMENTS][4];

static __device__ int warp_row()
{
    return (int)threadIdx.x / LEIT_WARP / 2 * (PIXELS / 2);
}

static __device__ int warp_column()
{
    return (int)threadIdx.x / LEIT_WARP % 2 * (COLUMNS / 2);
}

/* The words of the rounded patch from which this thread's rows start: with bf16 the row of 16 bytes
 * that the lane names to ldmatrix, otherwise rows group and group + 8 of each fragment. */
template <enum leit_precision precision>
static __device__ void find_rows(const struct leit_image_tiles &tiles,
                                 int (&rows)[2 * ROW_FRAGMENTS])
{
    typedef chunk<precision> Chunk;
    const int lane = (int)threadIdx.x % LEIT_WARP;
    LEIT_UNROLL
    for (int r = 0; r < 2 * ROW_FRAGMENTS; r++) {
        const int m = Chunk::IS_BF16 ? r % ROW_FRAGMENTS * 16 + lane % 16 : r * 8 + lane / 4;
        rows[r] = leit_patch_place(tiles, warp_row() + m) * Chunk::PITCH;
        if (Chunk::IS_BF16) rows[r] += lane / 16 * 4;
        if (precision == LEIT_PRECISION_TF32) rows[r] += lane % 4 * 2;
    }
}

/* sum += one tap on tensor cores. */
template <enum leit_precision precision>
static __device__ void multiply_tap(tile_sum &sum, const uint32_t *patch,
                                    const int (&rows)[2 * ROW_FRAGMENTS], const uint32_t *weights)
{
    uint32_t a[ROW_FRAGMENTS][4];
    LEIT_UNROLL
    for (int m = 0; m < ROW_FRAGMENTS; m++) {
        if (precision == LEIT_PRECISION_BF16) {
            leit_load_matrices(a[m], patch + rows[m]);
        } else {
            LEIT_UNROLL
            for (int half = 0; half < 2; half++) {
                const uint2 pair = *reinterpret_cast<const uint2 *>(patch + rows[2 * m + half]);
                a[m][half] = pair.x;
                a[m][half + 2] = pair.y;
            }
        }
    }
    const uint32_t *mine =
        weights + (warp_column() / 16 * LEIT_WARP + (int)threadIdx.x % LEIT_WARP) * 4;
    LEIT_UNROLL
    for (int n = 0; n < COLUMN_FRAGMENTS; n += 2) {
        const uint4 words = *reinterpret_cast<const uint4 *>(mine + n / 2 * LEIT_WARP * 4);
        const uint32_t first[2] = {words.x, words.y}, second[2] = {words.z, words.w};
        LEIT_UNROLL
        for (int m = 0; m < ROW_FRAGMENTS; m++) {
            if (precision == LEIT_PRECISION_BF16) {
                leit_mma_bf16(sum[m][n], a[m], first);
                leit_mma_bf16(sum[m][n + 1], a[m], second);
            } else {
                leit_mma_tf32(sum[m][n], a[m], first);
                leit_mma_tf32(sum[m][n + 1], a[m], second);
            }
        }
    }
}

/* The four products of a pixel's channels, added one after another. */
static __device__ float add_products(float sum, const float4 &a, const float (&b)[4])
{
    sum += a.x * b[0];
    sum += a.y * b[1];
    sum += a.z * b[2];
    return sum + a.w * b[3];
}

/* The same in fp32, each element where mma.sync would have it. */
static __device__ void multiply_tap_fp32(tile_sum &sum, const float *patch,
                                         const int (&rows)[2 * ROW_FRAGMENTS], const float *weights)
{
    const float *mine = weights + warp_column() + (int)threadIdx.x % 4 * 2;
    for (int first = 0; first < LEAST_CHANNELS; first += 4) {
        float4 a[2 * ROW_FRAGMENTS];
        LEIT_UNROLL
        for (int r = 0; r < 2 * ROW_FRAGMENTS; r++)
            a[r] = *reinterpret_cast<const float4 *>(patch + rows[r] + first);
        LEIT_UNROLL
        for (int n = 0; n < COLUMN_FRAGMENTS; n++) {
            float even[4], odd[4];
            LEIT_UNROLL
            for (int k = 0; k < 4; k++) {
                const float2 pair =
                    *reinterpret_cast<const float2 *>(mine + (first + k) * COLUMNS + n * 8);
                even[k] = pair.x;
                odd[k] = pair.y;
            }
            LEIT_UNROLL
            for (int r = 0; r < 2 * ROW_FRAGMENTS; r++) {
                float(&d)[4] = sum[r / 2][n];
                d[r % 2 * 2] = add_products(d[r % 2 * 2], a[r], even);
                d[r % 2 * 2 + 1] = add_products(d[r % 2 * 2 + 1], a[r], odd);
            }
        }
    }
}

/* sum += a stage: all its taps. */
template <enum leit_precision precision>
static __device__ void multiply(tile_sum &sum, const struct leit_image_tiles &tiles,
                                const uint32_t *patch, const int (&rows)[2 * ROW_FRAGMENTS],
                                const uint32_t *weights)
{
    for (int i = 0; i < tiles.tap_rows; i++)
        for (int j = 0; j < tiles.tap_columns; j++) {
            const uint32_t *moved = patch + (i * tiles.patch_width + j) * chunk<precision>::PITCH;
            const uint32_t *tap = weights + (i * tiles.tap_columns + j) * TAP_WORDS;
            if (precision == LEIT_PRECISION_FP32)
                multiply_tap_fp32(sum, reinterpret_cast<const float *>(moved), rows,
                                  reinterpret_cast<const float *>(tap));
            else
                multiply_tap<precision>(sum, moved, rows, tap);
        }
}

/* Two columns of a row: 8 bytes where they are aligned. */
static __device__ void store_pair(const struct convolution &c, int pixel, int column, float even,
                                  float odd)
{
    float *to = c.result + (int64_t)pixel * c.out + column;
    if (column < c.out && c.out % 2 == 0) {
        *reinterpret_cast<float2 *>(to) = make_float2(even, odd);
    } else {
        if (column < c.out) to[0] = even;
        if (column + 1 < c.out) to[1] = odd;
    }
}

/* ---- moments of a tile ---- */

/* values[i] of a column over the pixels of the tile: of the eight lanes that have it, then of the two
 * warps. Both arrays are shared, (2, COLUMNS). */
static __device__ void add_columns(float (&values)[2 * COLUMN_FRAGMENTS], float *halves)
{
    const int lane = (int)threadIdx.x % LEIT_WARP;
    float *half = halves + warp_row() / (PIXELS / 2) * COLUMNS;
    LEIT_UNROLL
    for (int i = 0; i < 2 * COLUMN_FRAGMENTS; i++) {
        for (int distance = 4; distance < LEIT_WARP; distance *= 2)
            values[i] += __shfl_xor_sync(LEIT_ALL_LANES, values[i], distance);
        if (lane < 4) half[warp_column() + i / 2 * 8 + lane * 2 + i % 2] = values[i];
    }
    __syncthreads();
}

/* Of the thread's column; `is_there` has a bit for each of the thread's pixels. The bias is left out. In
 * LARGEST_PATCH words of shared memory: those of patch_pixels, which the last fetch has read. */
static __device__ struct leit_channel_moments
moments_of_tile(const tile_sum &sum, unsigned is_there, float n, float *shared)
{
    float values[2 * COLUMN_FRAGMENTS] = {}, *halves = shared, *squares = shared + 2 * COLUMNS;
    LEIT_UNROLL
    for (int i = 0; i < 2 * COLUMN_FRAGMENTS; i++) {
        LEIT_UNROLL
        for (int r = 0; r < 2 * ROW_FRAGMENTS; r++)
            if ((is_there >> r & 1u) != 0) values[i] += sum[r / 2][i / 2][r % 2 * 2 + i % 2];
    }
    add_columns(values, halves);
    const float share = n > 0.0f ? 1.0f / n : 0.0f;
    LEIT_UNROLL
    for (int i = 0; i < 2 * COLUMN_FRAGMENTS; i++) {
        const int column = warp_column() + i / 2 * 8 + (int)threadIdx.x % 4 * 2 + i % 2;
        const float mean = (halves[column] + halves[COLUMNS + column]) * share;
        values[i] = 0.0f;
        LEIT_UNROLL
        for (int r = 0; r < 2 * ROW_FRAGMENTS; r++) {
            const float off = sum[r / 2][i / 2][r % 2 * 2 + i % 2] - mean;
            if ((is_there >> r & 1u) != 0) values[i] += off * off;
        }
    }
    add_columns(values, squares);
    const int own = (int)threadIdx.x % COLUMNS;
    const struct leit_channel_moments of = {n, (halves[own] + halves[COLUMNS + own]) * share,
                                            squares[own] + squares[COLUMNS + own]};
    return of;
}

/* ---- a tile of y ---- */

static __device__ void store(const struct convolution &c, const struct leit_place &origin,
                             int64_t n_samples, int first_column, const tile_sum &sum)
{
    const int lane = (int)threadIdx.x % LEIT_WARP;
    int pixels[2 * ROW_FRAGMENTS];
    LEIT_UNROLL
    for (int r = 0; r < 2 * ROW_FRAGMENTS; r++)
        pixels[r] = leit_tile_pixel(c.tiles, n_samples, origin, warp_row() + r * 8 + lane / 4);
    LEIT_UNROLL
    for (int n = 0; n < COLUMN_FRAGMENTS; n++) {
        const int column = first_column + warp_column() + n * 8 + lane % 4 * 2;
        const bool has_bias = c.bias != nullptr;
        const float even = has_bias && column < c.out ? c.bias[column] : 0.0f;
        const float odd = has_bias && column + 1 < c.out ? c.bias[column + 1] : 0.0f;
        LEIT_UNROLL
        for (int r = 0; r < 2 * ROW_FRAGMENTS; r++) {
            const float(&d)[4] = sum[r / 2][n];
            if (pixels[r] >= 0)
                store_pair(c, pixels[r], column, d[r % 2 * 2] + even, d[r % 2 * 2 + 1] + odd);
        }
    }
}

template <enum leit_precision precision>
static __global__ void __launch_bounds__(THREADS) convolve_tiles(struct convolution c)
{
    LEIT_DYNAMIC_SHARED(uint32_t, memory);
    const struct shared_parts parts = parts_of<precision>(c, memory);
    const int64_t n_samples = leit_device_rows(c.n_samples, c.tiles.N);
    const int column_tile = (int)(blockIdx.x % (unsigned)c.column_tiles);
    const struct leit_place origin =
        leit_tile_origin(c.tiles, blockIdx.x / (unsigned)c.column_tiles);
    for (int q = (int)threadIdx.x; q < parts.patch_size; q += THREADS)
        parts.patch_pixels[q] =
            leit_patch_pixel(c.tiles, n_samples, origin, leit_pack_place(c.tiles, q));
    __syncthreads();
    int rows[2 * ROW_FRAGMENTS];
    find_rows<precision>(c.tiles, rows);
    tile_sum sum = {};
    const int n = origin.n < n_samples ? c.chunks : 0;
    /* Rounds before 0 multiply nothing: they fill the pipeline. Groups behind the end are empty. */
    for (int round = 1 - parts.stages; round < n; round++) {
        const uint32_t *patch = nullptr;
        if (round >= 0) {
            leit_conv2d_await_stage(parts.stages);
            patch = round_patch<precision>(parts, round);
            __syncthreads(); /* the stage is whole, and the one before has been read */
        }
        const int coming = round + parts.stages - 1;
        if (coming < n) fetch<precision>(c, parts, column_tile, coming);
        leit_commit_copies();
        if (round >= 0)
            multiply<precision>(sum, c.tiles, patch, rows,
                                parts.weights + round % parts.stages * parts.taps * TAP_WORDS);
    }
    store(c, origin, n_samples, column_tile * COLUMNS, sum);
    if (c.moments.row != nullptr) {
        unsigned is_there = 0;
        LEIT_UNROLL
        for (int r = 0; r < 2 * ROW_FRAGMENTS; r++) {
            const int m = warp_row() + r * 8 + (int)threadIdx.x % LEIT_WARP / 4;
            is_there |= (leit_tile_pixel(c.tiles, n_samples, origin, m) >= 0 ? 1u : 0u) << r;
        }
        const float pixels = (float)leit_tile_pixels(c.tiles, n_samples, origin);
        leit_hand_in_moments(
            c.moments, blockIdx.x / (unsigned)c.column_tiles, column_tile, n_samples,
            moments_of_tile(sum, is_there, pixels, reinterpret_cast<float *>(memory)));
    }
}

/* ---- the op ---- */

/* Words that the weights of a product from `in` to `out` channels take at most. */
static size_t weight_words(const struct leit_image_tiles &tiles, int64_t in, int64_t out)
{
    return (size_t)(leit_pieces(out, COLUMNS) * leit_pieces(in, LEAST_CHANNELS) * leit_taps(tiles) *
                    TAP_WORDS);
}

static struct leit_image_tiles tiles_of(const struct leit_conv2d *args)
{
    return leit_image_tiles_of(args->N, args->H, args->W, args->kernel_size, LOG_PIXELS,
                               LARGEST_PATCH);
}

template <enum leit_precision precision>
static void launch(const leit_exec *exec, struct convolution c)
{
    c.has_quads = leit_has_quads(c.image, c.in);
    c.words = static_cast<uint32_t *>(exec->workspace);
    c.column_tiles = (int)leit_pieces(c.out, COLUMNS);
    c.chunks = (int)leit_pieces(c.in, chunk<precision>::CHANNELS);
    const int64_t n_words = c.column_tiles * leit_taps(c.tiles) * c.chunks * TAP_WORDS;
    LEIT_LAUNCH(arrange_weights<precision>, leit_element_blocks(n_words), LEIT_ELEMENT_THREADS, 0,
                exec->stream, c, n_words);
    c.stages = LEIT_CONV2D_STAGES;
    if (shared_bytes(c, chunk<precision>::IS_BF16) > leit_most_shared_bytes())
        c.stages = LEIT_CONV2D_FEWEST_STAGES;
    const size_t bytes = shared_bytes(c, chunk<precision>::IS_BF16);
    LEIT_ALLOW_SHARED(convolve_tiles<precision>);
    LEIT_LAUNCH(convolve_tiles<precision>, (unsigned)(c.tiles.count * c.column_tiles), THREADS,
                bytes, exec->stream, c);
}

static void convolve(const leit_exec *exec, const struct convolution &c)
{
    if (exec->precision == LEIT_PRECISION_BF16)
        launch<LEIT_PRECISION_BF16>(exec, c);
    else if (exec->precision == LEIT_PRECISION_TF32)
        launch<LEIT_PRECISION_TF32>(exec, c);
    else
        launch<LEIT_PRECISION_FP32>(exec, c);
}

static bool is_thin(const struct leit_conv2d *args)
{
    return args->C == 1;
}

/* Pixels are counted in 31 bits, with room for the part of a tile that sticks out; what has more of
 * them is left to the plain kernels. */
static bool is_countable(const struct leit_conv2d *args)
{
    const int64_t room = 1 << 16;
    return args->N < INT32_MAX - room && args->N <= (INT32_MAX - room) / (args->H * args->W);
}

/* The weights in the order of fragments, then the sums of runs or the records of tiles. */
size_t leit_conv2d_workspace_fast(const struct leit_conv2d *args, int n_workers)
{
    if (!is_countable(args)) return leit_conv2d_workspace_cuda(args, n_workers);
    const struct leit_image_tiles tiles = tiles_of(args);
    const size_t records = leit_tile_moments_floats(leit_tile_moments_of(args, tiles.count));
    const size_t sums =
        is_thin(args) ? leit_conv2d_thin_floats(args) : leit_conv2d_weights_floats(args);
    const size_t forward = is_thin(args) ? 0 : weight_words(tiles, args->C, args->K);
    const size_t backward = is_thin(args) ? 0 : weight_words(tiles, args->K, args->C);
    const size_t words = forward > backward ? forward : backward;
    return leit_conv2d_with_moments(args,
                                    (words + (sums > records ? sums : records)) * sizeof(float));
}

/* The moments too, where the epilogue could not make them. */
static leit_status finish_forward(const leit_exec *exec, const struct leit_conv2d *args,
                                  const struct leit_tile_moments &moments)
{
    LEIT_TRY(leit_launch_status("conv2d forward"));
    return moments.row == nullptr ? leit_conv2d_take_moments(exec, args) : LEIT_OK;
}

leit_status leit_conv2d_forward_fast(const leit_exec *exec, const struct leit_conv2d *args)
{
    LEIT_TRY(leit_conv2d_check(args));
    LEIT_TRY(leit_check_workspace("conv2d", exec, leit_conv2d_workspace_fast(args, 1)));
    if (!is_countable(args)) return leit_conv2d_forward_cuda(exec, args);
    if (args->N == 0) return LEIT_OK;
    struct convolution c = {};
    c.tiles = tiles_of(args);
    c.moments =
        leit_conv2d_epilogue(exec, args, c.tiles.count,
                             static_cast<float *>(exec->workspace) +
                                 (is_thin(args) ? 0 : weight_words(c.tiles, args->C, args->K)));
    if (is_thin(args)) {
        leit_conv2d_thin_forward(exec, args, c.moments);
        return finish_forward(exec, args, c.moments);
    }
    c.image = args->x;
    c.w = args->w;
    c.bias = args->b;
    c.result = args->y;
    c.in = (int)args->C;
    c.out = (int)args->K;
    c.kernel_size = args->kernel_size;
    c.n_samples = args->n_samples;
    convolve(exec, c);
    return finish_forward(exec, args, c.moments);
}

static void make_images(const leit_exec *exec, const struct leit_conv2d *args)
{
    struct convolution c = {};
    c.tiles = tiles_of(args);
    c.image = args->dy;
    c.w = args->w;
    c.result = args->dx;
    c.in = (int)args->K;
    c.out = (int)args->C;
    c.kernel_size = args->kernel_size;
    c.is_gradient = true;
    c.n_samples = args->n_samples;
    convolve(exec, c);
}

leit_status leit_conv2d_backward_fast(const leit_exec *exec, const struct leit_conv2d *args)
{
    LEIT_TRY(leit_conv2d_check(args));
    LEIT_TRY(leit_check_workspace("conv2d", exec, leit_conv2d_workspace_fast(args, 1)));
    if (!is_countable(args)) return leit_conv2d_backward_cuda(exec, args);
    if (args->N == 0) return LEIT_OK;
    float *workspace = static_cast<float *>(exec->workspace);
    if (args->dx != nullptr) {
        if (is_thin(args))
            leit_conv2d_thin_images(exec, args);
        else
            make_images(exec, args);
    }
    if (args->dw != nullptr || args->db != nullptr) {
        if (is_thin(args))
            leit_conv2d_thin_weights(exec, args, workspace);
        else
            leit_conv2d_weights(exec, args,
                                workspace + weight_words(tiles_of(args), args->K, args->C));
    }
    return leit_launch_status("conv2d backward");
}

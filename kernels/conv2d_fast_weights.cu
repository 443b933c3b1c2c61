#include "kernels/conv2d_fast.cuh"

/* dw[k, t, c] = sum over pixels p of dy[p, k] x[p + t, c], and db[k] = sum of dy[p, k].
 *
 * A block sums a run of tiles of 64 pixels for 64 outputs x all taps x 32 channels. A stage is one
 * tile: its dy and the patch of x around it (image_tiles.cuh), which serves all nine taps, so dy
 * is read C / 32 times and x K / 64 times 1.6, whatever the number of taps. Two stages are on their way
 * by cp.async while one is multiplied. Eight warps: two of 32 outputs by four of 8 channels, each with
 * two fragments of mma.sync for every tap, 72 sums to a thread. The pixels are the k of the product:
 * ldmatrix turns both sides round in bf16.
 *
 * As in conv2d_fast.cu each thread rounds what it has copied itself; there db is added up, in fp32, by
 * the blocks of the first channels. Sums of the runs are added in order: the same bits always.
 *
 * Shared memory of 3 x 3 tiles of 8 x 8 pixels: 103 KiB in bf16, 102 KiB otherwise, two blocks on a
 * multiprocessor of an H100. Pixels are 72 and 40 words apart in fp32 and tf32, 36 and 20 in bf16: a
 * load of four pixels by eight channels, or of eight rows of 16 bytes, meets every bank once. */

enum { THREADS = 256, LOG_PIXELS = 6, PIXELS = 1 << LOG_PIXELS, LARGEST_PATCH = 160 };
enum { OUTPUTS = 64, CHANNELS = 32, SLICES = CHANNELS / 8, ROW_FRAGMENTS = 2 };
enum { OUTPUT_QUADS = OUTPUTS / 4, CHANNEL_QUADS = CHANNELS / 4, GROUPS = THREADS / OUTPUT_QUADS };
enum { N_BLOCKS = 256, LEAST_TILES = 4, BLOCKS = 2 /* of a multiprocessor */ };
enum { PADDING = 8 }; /* of fp32 and tf32; bf16 is copied without and padded when it is rounded */

template <enum leit_precision precision>
struct layout {
    enum { IS_BF16 = precision == LEIT_PRECISION_BF16 };
    enum { DY = OUTPUTS + (IS_BF16 ? 0 : PADDING), X = CHANNELS + (IS_BF16 ? 0 : PADDING) };
    /* Words of a pixel when rounded. */
    enum { DY_PITCH = IS_BF16 ? (OUTPUTS + PADDING) / 2 : OUTPUTS + PADDING };
    enum { X_PITCH = IS_BF16 ? (CHANNELS + PADDING) / 2 : CHANNELS + PADDING };
};

/* The parts of shared memory. */
struct shared_parts {
    int *places;      /* of the patch, packed */
    float *stages;    /* of dy (PIXELS) and of the patch, as they are in memory */
    int stage;        /* floats of one */
    uint32_t *dy, *x; /* one stage of bf16 */
};

template <enum leit_precision precision>
static size_t shared_bytes(const struct leit_image_tiles &tiles, int stages)
{
    typedef layout<precision> Layout;
    const int stage = PIXELS * Layout::DY + tiles.patch_size * Layout::X;
    const int rounded = PIXELS * Layout::DY_PITCH + tiles.patch_size * Layout::X_PITCH;
    const int words = LARGEST_PATCH + stages * stage + (Layout::IS_BF16 ? rounded : 0);
    return (size_t)words * sizeof(uint32_t);
}

template <enum leit_precision precision>
static __device__ struct shared_parts parts_of(const struct leit_image_tiles &tiles, int stages,
                                               uint32_t *memory)
{
    typedef layout<precision> Layout;
    struct shared_parts parts;
    parts.places = reinterpret_cast<int *>(memory);
    parts.stages = reinterpret_cast<float *>(memory + LARGEST_PATCH);
    parts.stage = PIXELS * Layout::DY + tiles.patch_size * Layout::X;
    parts.dy = reinterpret_cast<uint32_t *>(parts.stages + stages * parts.stage);
    parts.x = parts.dy + PIXELS * Layout::DY_PITCH;
    return parts;
}

struct weights_sum {
    struct leit_conv2d args;
    struct leit_conv2d_runs runs;
    int output_tiles, channel_tiles, stages;
    bool has_dy_quads, has_x_quads;
};

/* What a block sums. */
struct part {
    int64_t run;
    int first_output, first_channel;
};

static __device__ struct part part_of_block(const struct weights_sum &s)
{
    const int64_t row = blockIdx.x / (unsigned)s.channel_tiles;
    const struct part part = {row / s.output_tiles, (int)(row % s.output_tiles) * OUTPUTS,
                              (int)(blockIdx.x % (unsigned)s.channel_tiles) * CHANNELS};
    return part;
}

/* ---- a stage ---- */

/* Begins the copies of a tile. A thread copies the same four outputs of every sixteenth pixel. */
template <enum leit_precision precision>
static __device__ void fetch(const struct weights_sum &s, const struct shared_parts &parts,
                             const struct part &part, int64_t n_samples, int64_t tile, float *stage)
{
    typedef layout<precision> Layout;
    const struct leit_image_tiles &tiles = s.runs.tiles;
    const struct leit_place origin = leit_tile_origin(tiles, tile);
    const int at = (int)threadIdx.x % OUTPUT_QUADS * 4, k = part.first_output + at;
    for (int m = (int)threadIdx.x / OUTPUT_QUADS; m < PIXELS; m += GROUPS) {
        const int pixel = leit_tile_pixel(tiles, n_samples, origin, m);
        const int n_there = pixel < 0 ? 0 : (int)s.args.K - k;
        leit_copy_quad(stage + m * Layout::DY + at, s.args.dy + pixel * s.args.K + k, s.args.dy,
                       s.has_dy_quads, n_there);
    }
    float *patch = stage + PIXELS * Layout::DY;
    for (int e = (int)threadIdx.x; e < tiles.patch_size * CHANNEL_QUADS; e += THREADS) {
        const int q = e / CHANNEL_QUADS, channel = e % CHANNEL_QUADS * 4;
        const int pixel = leit_patch_pixel(tiles, n_samples, origin, parts.places[q]);
        const int c = part.first_channel + channel;
        const int n_there = pixel < 0 ? 0 : (int)s.args.C - c;
        leit_copy_quad(patch + q * Layout::X + channel, s.args.x + pixel * s.args.C + c, s.args.x,
                       s.has_x_quads, n_there);
    }
}

/* Rounds the quad at `from` to `to`: two words of bf16, or itself. */
template <enum leit_precision precision>
static __device__ void round_quad(uint32_t *to, const float4 &quad)
{
    if (precision == LEIT_PRECISION_BF16)
        *reinterpret_cast<uint2 *>(to) =
            make_uint2(leit_pack_bf16(quad.x, quad.y), leit_pack_bf16(quad.z, quad.w));
    if (precision == LEIT_PRECISION_TF32)
        *reinterpret_cast<uint4 *>(to) = make_uint4(leit_to_tf32(quad.x), leit_to_tf32(quad.y),
                                                    leit_to_tf32(quad.z), leit_to_tf32(quad.w));
}

static __device__ float4 quad_of(const uint32_t *words)
{
    const uint4 quad = *reinterpret_cast<const uint4 *>(words);
    return make_float4(leit_float_of(quad.x), leit_float_of(quad.y), leit_float_of(quad.z),
                       leit_float_of(quad.w));
}

/* Rounds what this thread has copied; its outputs of dy are added to `bias` before. */
template <enum leit_precision precision>
static __device__ void round_stage(const struct leit_image_tiles &tiles,
                                   const struct shared_parts &parts, float *stage, float (&bias)[4])
{
    typedef layout<precision> Layout;
    uint32_t *dy = reinterpret_cast<uint32_t *>(stage), *x = dy + PIXELS * Layout::DY;
    const int at = (int)threadIdx.x % OUTPUT_QUADS * 4;
    LEIT_UNROLL
    for (int copy = 0; copy < PIXELS / GROUPS; copy++) {
        const int m = (int)threadIdx.x / OUTPUT_QUADS + copy * GROUPS;
        uint32_t *words = dy + m * Layout::DY + at;
        const float4 quad = quad_of(words);
        bias[0] += quad.x;
        bias[1] += quad.y;
        bias[2] += quad.z;
        bias[3] += quad.w;
        round_quad<precision>(Layout::IS_BF16 ? parts.dy + m * Layout::DY_PITCH + at / 2 : words,
                              quad);
    }
    const int n_quads = precision == LEIT_PRECISION_FP32 ? 0 : tiles.patch_size * CHANNEL_QUADS;
    for (int e = (int)threadIdx.x; e < n_quads; e += THREADS) {
        const int q = e / CHANNEL_QUADS, channel = e % CHANNEL_QUADS * 4;
        uint32_t *words = x + q * Layout::X + channel;
        round_quad<precision>(Layout::IS_BF16 ? parts.x + q * Layout::X_PITCH + channel / 2 : words,
                              quad_of(words));
    }
}

/* ---- products ---- */

typedef float tap_sums[LEIT_MOST_TAPS][ROW_FRAGMENTS][4];

/* Of the warp: its 32 outputs and its 8 channels, in the tile. */
static __device__ int warp_output()
{
    return (int)threadIdx.x / LEIT_WARP / SLICES * (ROW_FRAGMENTS * 16);
}

static __device__ int warp_channel()
{
    return (int)threadIdx.x / LEIT_WARP % SLICES * 8;
}

/* sums += the products of a tile, sixteen pixels at a time. */
static __device__ void multiply_bf16(tap_sums &sums, const struct leit_image_tiles &tiles,
                                     const uint32_t *dy, const uint32_t *x)
{
    typedef layout<LEIT_PRECISION_BF16> Layout;
    const int lane = (int)threadIdx.x % LEIT_WARP;
    for (int first = 0; first < PIXELS; first += 16) {
        uint32_t a[ROW_FRAGMENTS][4], b[2];
        const int pixel = first + lane / 16 * 8 + lane % 8, half = lane / 8 % 2;
        LEIT_UNROLL
        for (int m = 0; m < ROW_FRAGMENTS; m++)
            leit_load_transposed(a[m], dy + pixel * Layout::DY_PITCH +
                                           (warp_output() + m * 16 + half * 8) / 2);
        const uint32_t *row =
            x + leit_patch_place(tiles, first + lane % 16) * Layout::X_PITCH + warp_channel() / 2;
        LEIT_EACH_TAP(tiles, t, moved)
        {
            leit_load_transposed(b, row + moved * Layout::X_PITCH);
            LEIT_UNROLL
            for (int m = 0; m < ROW_FRAGMENTS; m++) leit_mma_bf16(sums[t][m], a[m], b);
        }
    }
}

/* Eight pixels at a time. */
static __device__ void multiply_tf32(tap_sums &sums, const struct leit_image_tiles &tiles,
                                     const uint32_t *dy, const uint32_t *x)
{
    typedef layout<LEIT_PRECISION_TF32> Layout;
    const int lane = (int)threadIdx.x % LEIT_WARP, group = lane / 4, i = lane % 4;
    for (int first = 0; first < PIXELS; first += 8) {
        uint32_t a[ROW_FRAGMENTS][4];
        LEIT_UNROLL
        for (int m = 0; m < ROW_FRAGMENTS; m++) {
            LEIT_UNROLL
            for (int r = 0; r < 4; r++)
                a[m][r] = dy[(first + i + r / 2 * 4) * Layout::DY_PITCH + warp_output() + m * 16 +
                             r % 2 * 8 + group];
        }
        const uint32_t *low =
            x + leit_patch_place(tiles, first + i) * Layout::X_PITCH + warp_channel() + group;
        const uint32_t *high =
            x + leit_patch_place(tiles, first + i + 4) * Layout::X_PITCH + warp_channel() + group;
        LEIT_EACH_TAP(tiles, t, moved)
        {
            const uint32_t b[2] = {low[moved * Layout::X_PITCH], high[moved * Layout::X_PITCH]};
            LEIT_UNROLL
            for (int m = 0; m < ROW_FRAGMENTS; m++) leit_mma_tf32(sums[t][m], a[m], b);
        }
    }
}

/* One pixel after another, each element where mma.sync would have it. */
static __device__ void multiply_fp32(tap_sums &sums, const struct leit_image_tiles &tiles,
                                     const float *dy, const float *x)
{
    typedef layout<LEIT_PRECISION_FP32> Layout;
    const int lane = (int)threadIdx.x % LEIT_WARP, group = lane / 4, i = lane % 4;
    for (int pixel = 0; pixel < PIXELS; pixel++) {
        float a[2 * ROW_FRAGMENTS];
        LEIT_UNROLL
        for (int r = 0; r < 2 * ROW_FRAGMENTS; r++)
            a[r] = dy[pixel * Layout::DY_PITCH + warp_output() + r * 8 + group];
        const float *row =
            x + leit_patch_place(tiles, pixel) * Layout::X_PITCH + warp_channel() + 2 * i;
        LEIT_EACH_TAP(tiles, t, moved)
        {
            const float2 b = *reinterpret_cast<const float2 *>(row + moved * Layout::X_PITCH);
            LEIT_UNROLL
            for (int r = 0; r < 2 * ROW_FRAGMENTS; r++) {
                sums[t][r / 2][r % 2 * 2] += a[r] * b.x;
                sums[t][r / 2][r % 2 * 2 + 1] += a[r] * b.y;
            }
        }
    }
}

template <enum leit_precision precision>
static __device__ void multiply(tap_sums &sums, const struct leit_image_tiles &tiles,
                                const struct shared_parts &parts, const float *stage)
{
    const float *patch = stage + PIXELS * layout<precision>::DY;
    if (precision == LEIT_PRECISION_BF16)
        multiply_bf16(sums, tiles, parts.dy, parts.x);
    else if (precision == LEIT_PRECISION_TF32)
        multiply_tf32(sums, tiles, reinterpret_cast<const uint32_t *>(stage),
                      reinterpret_cast<const uint32_t *>(patch));
    else
        multiply_fp32(sums, tiles, stage, patch);
}

/* ---- what a block leaves ---- */

static __device__ void store_sums(const struct weights_sum &s, const struct part &part,
                                  const tap_sums &sums)
{
    const int lane = (int)threadIdx.x % LEIT_WARP, K = (int)s.args.K, C = (int)s.args.C;
    const int taps = s.runs.tiles.tap_rows * s.runs.tiles.tap_columns;
    const int c = part.first_channel + warp_channel() + lane % 4 * 2;
    LEIT_UNROLL
    for (int r = 0; r < 2 * ROW_FRAGMENTS; r++) {
        const int k = part.first_output + warp_output() + r * 8 + lane / 4;
        float *row = s.runs.dw + (part.run * K + k) * taps * C + c;
        LEIT_UNROLL
        for (int t = 0; t < LEIT_MOST_TAPS; t++) {
            const bool is_there = k < K && t < taps;
            if (is_there && c < C) row[(int64_t)t * C] = sums[t][r / 2][r % 2 * 2];
            if (is_there && c + 1 < C) row[(int64_t)t * C + 1] = sums[t][r / 2][r % 2 * 2 + 1];
        }
    }
}

/* Adds the threads' sums of dy in order. All threads of the block call it; nobody uses the stages. */
static __device__ void store_bias(const struct weights_sum &s, const struct part &part,
                                  const float (&bias)[4], float *memory)
{
    const int output = (int)threadIdx.x, k = part.first_output + output;
    LEIT_UNROLL
    for (int e = 0; e < 4; e++)
        memory[(int)threadIdx.x / OUTPUT_QUADS * OUTPUTS + (int)threadIdx.x % OUTPUT_QUADS * 4 +
               e] = bias[e];
    __syncthreads();
    if (part.first_channel == 0 && output < OUTPUTS && k < s.args.K) {
        float sum = 0.0f;
        for (int group = 0; group < GROUPS; group++) sum += memory[group * OUTPUTS + output];
        s.runs.db[part.run * s.args.K + k] = sum;
    }
}

template <enum leit_precision precision>
static __global__ void __launch_bounds__(THREADS, BLOCKS) sum_tiles(struct weights_sum s)
{
    LEIT_DYNAMIC_SHARED(uint32_t, memory);
    const struct leit_image_tiles &tiles = s.runs.tiles;
    const struct shared_parts parts = parts_of<precision>(tiles, s.stages, memory);
    const struct part part = part_of_block(s);
    const int64_t n_samples = leit_device_rows(s.args.n_samples, tiles.N);
    const int64_t begin = part.run * s.runs.run, valid = leit_tiles_of_samples(tiles, n_samples);
    const int64_t end = begin + s.runs.run < valid ? begin + s.runs.run : valid;
    for (int q = (int)threadIdx.x; q < tiles.patch_size; q += THREADS)
        parts.places[q] = leit_pack_place(tiles, q);
    __syncthreads();
    tap_sums sums = {};
    float bias[4] = {};
    /* Rounds before 0 multiply nothing: they fill the pipeline. Groups behind the end are empty. */
    for (int64_t round = 1 - s.stages; round < end - begin; round++) {
        float *stage = parts.stages + (int)((round + s.stages) % s.stages) * parts.stage;
        if (round >= 0) {
            leit_conv2d_await_stage(s.stages);
            /* There is one rounded stage, and it has been read. */
            if (precision == LEIT_PRECISION_BF16) __syncthreads();
            round_stage<precision>(tiles, parts, stage, bias);
            __syncthreads(); /* the stage is whole, and the one before has been read */
        }
        const int64_t coming = round + s.stages - 1;
        if (coming < end - begin)
            fetch<precision>(s, parts, part, n_samples, begin + coming,
                             parts.stages + (int)(coming % s.stages) * parts.stage);
        leit_commit_copies();
        if (round >= 0) multiply<precision>(sums, tiles, parts, stage);
    }
    __syncthreads(); /* the last stage has been read */
    store_bias(s, part, bias, parts.stages);
    if (begin < end) store_sums(s, part, sums);
}

/* ---- adding the runs ---- */

enum { ADDENDS = LEIT_ELEMENT_THREADS / LEIT_WARP };

/* A block adds 32 elements; each of its warps takes every ADDENDS-th run, then the warps are added. */
static __global__ void add_runs(struct leit_conv2d args, struct leit_conv2d_runs runs, int64_t size)
{
    LEIT_SHARED(float, addends, [ADDENDS][LEIT_WARP]);
    const struct leit_image_tiles &tiles = runs.tiles;
    const int warp = (int)threadIdx.x / LEIT_WARP, lane = (int)threadIdx.x % LEIT_WARP;
    const int64_t taps = tiles.tap_rows * tiles.tap_columns, n_weights = args.K * taps * args.C;
    const int64_t valid = leit_tiles_of_samples(tiles, leit_device_rows(args.n_samples, tiles.N));
    const int64_t element = (int64_t)blockIdx.x * LEIT_WARP + lane;
    const bool is_weight = element < n_weights;
    const float *from = is_weight ? runs.dw + element : runs.db + element - n_weights;
    const int64_t step = is_weight ? n_weights : args.K;
    float sum = 0.0f;
    for (int64_t run = warp; element < size && run * runs.run < valid; run += ADDENDS)
        sum += from[run * step];
    addends[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && element < size) {
        sum = 0.0f;
        for (int k = 0; k < ADDENDS; k++) sum += addends[k][lane];
        if (is_weight && args.dw != nullptr) {
            const int64_t row = element / args.C, c = element % args.C;
            const int64_t place = leit_place_of_tap(tiles, args.kernel_size, (int)(row % taps));
            const int64_t area = (int64_t)args.kernel_size * args.kernel_size;
            args.dw[(row / taps * area + place) * args.C + c] += sum;
        }
        if (!is_weight && args.db != nullptr) args.db[element - n_weights] += sum;
    }
}

void leit_conv2d_add_runs(const leit_exec *exec, const struct leit_conv2d *args,
                          const struct leit_conv2d_runs &runs)
{
    const int64_t size = args->K * (leit_taps(runs.tiles) * args->C + 1);
    LEIT_LAUNCH(add_runs, (unsigned)leit_pieces(size, LEIT_WARP), LEIT_ELEMENT_THREADS, 0,
                exec->stream, *args, runs, size);
}

/* ---- the pass ---- */

static struct leit_conv2d_runs runs_of(const struct leit_conv2d *args)
{
    const struct leit_image_tiles tiles = leit_image_tiles_of(
        args->N, args->H, args->W, args->kernel_size, LOG_PIXELS, LARGEST_PATCH);
    const int64_t blocks = leit_pieces(args->K, OUTPUTS) * leit_pieces(args->C, CHANNELS);
    return leit_conv2d_runs_of(tiles, blocks, N_BLOCKS, LEAST_TILES);
}

size_t leit_conv2d_weights_floats(const struct leit_conv2d *args)
{
    return leit_conv2d_run_floats(runs_of(args), args);
}

template <enum leit_precision precision>
static void launch(const leit_exec *exec, struct weights_sum s)
{
    s.stages = LEIT_CONV2D_STAGES;
    if (shared_bytes<precision>(s.runs.tiles, s.stages) > leit_most_shared_bytes())
        s.stages = LEIT_CONV2D_FEWEST_STAGES;
    const size_t bytes = shared_bytes<precision>(s.runs.tiles, s.stages);
    LEIT_ALLOW_SHARED(sum_tiles<precision>);
    LEIT_LAUNCH(sum_tiles<precision>, (unsigned)(s.runs.count * s.output_tiles * s.channel_tiles),
                THREADS, bytes, exec->stream, s);
}

void leit_conv2d_weights(const leit_exec *exec, const struct leit_conv2d *args, float *workspace)
{
    struct weights_sum s;
    s.args = *args;
    s.runs = runs_of(args);
    s.runs.dw = workspace;
    s.runs.db = workspace + s.runs.count * args->K * leit_taps(s.runs.tiles) * args->C;
    s.output_tiles = (int)leit_pieces(args->K, OUTPUTS);
    s.channel_tiles = (int)leit_pieces(args->C, CHANNELS);
    s.has_dy_quads = leit_has_quads(args->dy, args->K);
    s.has_x_quads = leit_has_quads(args->x, args->C);
    if (exec->precision == LEIT_PRECISION_BF16)
        launch<LEIT_PRECISION_BF16>(exec, s);
    else if (exec->precision == LEIT_PRECISION_TF32)
        launch<LEIT_PRECISION_TF32>(exec, s);
    else
        launch<LEIT_PRECISION_FP32>(exec, s);
    leit_conv2d_add_runs(exec, args, s.runs);
}

#include "kernels/winograd.h"

#include "kernels/blocks.h"
#include "kernels/micro_gemm.h"
#include "kernels/vector8.h"

/* The image is cut into tiles of 2 x 2 output pixels. With d the 4 x 4 pixels of x around a tile, w
 * the 3 x 3 taps and y the 2 x 2 results,
 *     y = A' ((G w G') . (B' d B)) A
 * where . multiplies the 16 elements one by one; summed over channels that is 16 matrix products
 * (tiles, C) by (C, K). The gradient of w is its transpose:
 *     dw = G' (sum over tiles of (A dy A') . (B' d B)) G
 * Each transform is applied to rows and then to columns, eight channels at a time.
 *
 * Tiles follow each other over the ends of rows and images, and pixels outside an image are zeros,
 * as in convolve.c. Products run in the micro-kernel of gemm.c. */

enum {
    EDGE = 4, /* of the transformed tile */
    ELEMENTS = EDGE * EDGE,
    PANEL = LEIT_MICRO_COLUMNS,
    ROWS = LEIT_MICRO_ROWS,
    SMALLEST_IMAGE = 32, /* pixels; below, transforming the weights costs more than it saves */
    INPUT_FLOATS =
        48 << 10,    /* of a task: with a panel of results they fit the second-level cache */
    MOST_TILES = 48, /* of a task, a multiple of ROWS */
    RESULT_FLOATS = MOST_TILES * PANEL, /* of one element */
    PADDING = 16, /* between elements, so that they do not fall on the same cache sets */
};

bool leit_winograd_fits(int64_t H, int64_t W, int64_t C, int64_t K, int kernel_size)
{
    return kernel_size == 3 && C % PANEL == 0 && K % PANEL == 0 && H * W >= SMALLEST_IMAGE;
}

/* ---- the transforms: row r of a matrix times a column of vectors ---- */

/* B' */
LEIT_INLINE leit_f32x8 input_of(int r, leit_f32x8 d0, leit_f32x8 d1, leit_f32x8 d2, leit_f32x8 d3)
{
    return r == 0 ? d0 - d2 : r == 1 ? d1 + d2 : r == 2 ? d2 - d1 : d1 - d3;
}

/* G */
LEIT_INLINE leit_f32x8 weight_of(int r, leit_f32x8 w0, leit_f32x8 w1, leit_f32x8 w2)
{
    return r == 0 ? w0 : r == 1 ? 0.5f * (w0 + w1 + w2) : r == 2 ? 0.5f * (w0 - w1 + w2) : w2;
}

/* A' */
LEIT_INLINE leit_f32x8 output_of(int r, leit_f32x8 m0, leit_f32x8 m1, leit_f32x8 m2, leit_f32x8 m3)
{
    return r == 0 ? m0 + m1 + m2 : m1 - m2 - m3;
}

/* A */
LEIT_INLINE leit_f32x8 spread_of(int r, leit_f32x8 y0, leit_f32x8 y1)
{
    return r == 0 ? y0 : r == 1 ? y0 + y1 : r == 2 ? y0 - y1 : -y1;
}

/* G' */
LEIT_INLINE leit_f32x8 tap_of(int r, leit_f32x8 u0, leit_f32x8 u1, leit_f32x8 u2, leit_f32x8 u3)
{
    const leit_f32x8 half = 0.5f * (r == 1 ? u1 - u2 : u1 + u2);
    return r == 0 ? u0 + half : r == 1 ? half : half + u3;
}

/* ---- tiles of an image ---- */

struct tiles {
    int64_t H, W, rows, columns, count;
};

static struct tiles tiles_of(int64_t N, int64_t H, int64_t W)
{
    const int64_t rows = (H + 1) / 2, columns = (W + 1) / 2;
    return (struct tiles){H, W, rows, columns, N * rows * columns};
}

/* The first of a tile's four pixels. */
struct place {
    int64_t h, w, pixel; /* pixel counts from the first image on */
};

static struct place place_of(const struct tiles *tiles, int64_t tile)
{
    const int64_t row = tile / tiles->columns, h = 2 * (row % tiles->rows);
    const int64_t w = 2 * (tile % tiles->columns);
    return (struct place){h, w, (row / tiles->rows * tiles->H + h) * tiles->W + w};
}

/* A window of pixels: where it begins and how far apart its rows lie. */
struct window {
    const float *first;
    int64_t row_floats;
};

/* The `size` x `size` pixels of x (N, H, W, C) that begin `before` rows and columns before a place:
 * in x itself, or with zeros for what lies outside the image in `copy` (size, size, C). */
static struct window window_of(const struct tiles *tiles, const struct place *place, int64_t size,
                               int64_t before, const float *x, int64_t C, float *copy)
{
    const int64_t top = place->h - before, left = place->w - before;
    const int64_t first = (place->pixel - before * (tiles->W + 1)) * C; /* may lie before x */
    if (top >= 0 && top + size <= tiles->H && left >= 0 && left + size <= tiles->W)
        return (struct window){x + first, tiles->W * C};
    float *to = copy;
    for (int64_t i = 0; i < size; i++)
        for (int64_t j = 0; j < size; j++, to += C) {
            const bool inside =
                top + i >= 0 && top + i < tiles->H && left + j >= 0 && left + j < tiles->W;
            if (inside)
                memcpy(to, x + (first + (i * tiles->W + j) * C), (size_t)C * sizeof(float));
            else
                memset(to, 0, (size_t)C * sizeof(float));
        }
    return (struct window){copy, size * C};
}

/* Row r of a transformed window: `width` channels of pixels that lie C apart; its elements are
 * written `stride` apart. */
LEIT_INLINE void transform_row(struct window window, int64_t width, int64_t C, int r, float *to,
                               int64_t stride)
{
    const float *row0 = window.first, *row1 = row0 + window.row_floats;
    const float *row2 = row1 + window.row_floats, *row3 = row2 + window.row_floats;
    for (int64_t c = 0; c < width; c += LEIT_VECTOR8, to += LEIT_VECTOR8) {
        leit_f32x8 t[EDGE];
        for (int s = 0; s < EDGE; s++)
            t[s] = input_of(r, leit_load8(row0 + s * C + c), leit_load8(row1 + s * C + c),
                            leit_load8(row2 + s * C + c), leit_load8(row3 + s * C + c));
        for (int s = 0; s < EDGE; s++)
            leit_store8(to + s * stride, input_of(s, t[0], t[1], t[2], t[3]));
    }
}

/* ---- convolution ---- */

struct plan {
    const leit_convolution *of;
    struct tiles tiles;
    int64_t block_tiles, n_panels, element_floats, worker_floats;
    float *weights; /* (panels, elements, C, PANEL) */
    float *bias, *scratch;
};

static struct plan make_plan(const leit_convolution *of)
{
    struct plan plan = {.of = of, .tiles = tiles_of(of->N, of->H, of->W)};
    const int64_t fit = INPUT_FLOATS / (ELEMENTS * of->C) / ROWS * ROWS;
    plan.block_tiles = fit < ROWS ? ROWS : fit > MOST_TILES ? MOST_TILES : fit;
    plan.n_panels = of->K / PANEL;
    plan.element_floats = plan.block_tiles * of->C + PADDING;
    plan.worker_floats = ELEMENTS * (RESULT_FLOATS + plan.element_floats + of->C);
    return plan;
}

static size_t lay_out(struct plan *plan, float *base, int n_workers)
{
    const int64_t bias = ELEMENTS * plan->of->C * plan->of->K, scratch = bias + plan->of->K;
    if (base != NULL) {
        plan->weights = base;
        plan->bias = base + bias;
        plan->scratch = base + scratch;
    }
    return (size_t)(scratch + n_workers * plan->worker_floats) * sizeof(float);
}

/* The taps of one input channel and a panel of output channels. */
static void load_taps(const leit_convolution *of, int64_t first, int64_t c, float taps[9][PANEL])
{
    for (int64_t tap = 0; tap < 9; tap++)
        for (int64_t k = 0; k < PANEL; k++)
            taps[tap][k] = of->is_gradient ? of->w[(c * 9 + 8 - tap) * of->K + first + k]
                                           : of->w[((first + k) * 9 + tap) * of->C + c];
}

static void transform_weights(void *context, int64_t panel, int worker)
{
    (void)worker;
    const struct plan *plan = context;
    const int64_t C = plan->of->C;
    for (int64_t c = 0; c < C; c++) {
        float taps[9][PANEL];
        load_taps(plan->of, panel * PANEL, c, taps);
        float *to = plan->weights + (panel * ELEMENTS * C + c) * PANEL;
        for (int64_t k = 0; k < PANEL; k += LEIT_VECTOR8)
            for (int r = 0; r < EDGE; r++) {
                leit_f32x8 t[3];
                for (int j = 0; j < 3; j++)
                    t[j] = weight_of(r, leit_load8(taps[j] + k), leit_load8(taps[3 + j] + k),
                                     leit_load8(taps[6 + j] + k));
                for (int s = 0; s < EDGE; s++)
                    leit_store8(to + (r * EDGE + s) * C * PANEL + k,
                                weight_of(s, t[0], t[1], t[2]));
            }
    }
}

/* input: (elements, tiles, C) */
static void transform_tile(const struct plan *plan, const struct place *place, float *copy,
                           float *input)
{
    const leit_convolution *of = plan->of;
    const int64_t stride = plan->element_floats;
    const struct window window = window_of(&plan->tiles, place, EDGE, 1, of->x, of->C, copy);
    transform_row(window, of->C, of->C, 0, input, stride);
    transform_row(window, of->C, of->C, 1, input + EDGE * stride, stride);
    transform_row(window, of->C, of->C, 2, input + 2 * EDGE * stride, stride);
    transform_row(window, of->C, of->C, 3, input + 3 * EDGE * stride, stride);
}

/* products (tiles, PANEL) of one element. Rows behind the last tile are whatever lay there, and
 * nobody reads their products. */
static void multiply_element(const float *input, const float *weights, int64_t C, int64_t n_tiles,
                             float *products)
{
    for (int64_t t = 0; t < n_tiles; t += ROWS, products += ROWS * PANEL) {
        struct leit_micro micro;
        leit_micro_product(&micro, C, input + t * C, C, 1, weights, PANEL);
        for (int i = 0; i < ROWS; i++)
            for (int half = 0; half < 2; half++)
                *(leit_float8 *)(products + i * PANEL + half * 8) = micro.sum[i][half];
    }
}

/* Turns the products of one tile into height x width results of a panel of output channels. */
LEIT_INLINE void store_tile(const float *products, const float *bias, float *y, int64_t row_floats,
                            int64_t pixel_floats, int64_t height, int64_t width)
{
    for (int64_t k = 0; k < PANEL; k += LEIT_VECTOR8)
        for (int i = 0; i < height; i++) {
            leit_f32x8 t[EDGE];
            for (int s = 0; s < EDGE; s++)
                t[s] = output_of(i, leit_load8(products + s * RESULT_FLOATS + k),
                                 leit_load8(products + (EDGE + s) * RESULT_FLOATS + k),
                                 leit_load8(products + (2 * EDGE + s) * RESULT_FLOATS + k),
                                 leit_load8(products + (3 * EDGE + s) * RESULT_FLOATS + k));
            for (int j = 0; j < width; j++)
                leit_store8(y + i * row_floats + j * pixel_floats + k,
                            output_of(j, t[0], t[1], t[2], t[3]) + leit_load8(bias + k));
        }
}

static void convolve_block(void *context, int64_t block, int worker)
{
    const struct plan *plan = context;
    const leit_convolution *of = plan->of;
    const int64_t C = of->C, K = of->K, row_floats = of->W * K;
    float *products = plan->scratch + worker * plan->worker_floats;
    float *input = products + ELEMENTS * RESULT_FLOATS;
    float *copy = input + ELEMENTS * plan->element_floats;
    leit_range tiles = leit_block_range(block, plan->tiles.count, plan->block_tiles);
    const int64_t n = tiles.end - tiles.begin;
    struct place places[MOST_TILES];
    for (int64_t t = 0; t < n; t++) {
        places[t] = place_of(&plan->tiles, tiles.begin + t);
        transform_tile(plan, &places[t], copy, input + t * C);
    }
    for (int64_t panel = 0; panel < plan->n_panels; panel++) {
        const float *weights = plan->weights + panel * ELEMENTS * C * PANEL;
        for (int64_t e = 0; e < ELEMENTS; e++, weights += C * PANEL)
            multiply_element(input + e * plan->element_floats, weights, C, n,
                             products + e * RESULT_FLOATS);
        const float *bias = plan->bias + panel * PANEL;
        for (int64_t t = 0; t < n; t++) {
            const int64_t height = of->H - places[t].h, width = of->W - places[t].w;
            float *y = of->y + places[t].pixel * K + panel * PANEL;
            if (height > 1 && width > 1)
                store_tile(products + t * PANEL, bias, y, row_floats, K, 2, 2);
            else
                store_tile(products + t * PANEL, bias, y, row_floats, K, height > 1 ? 2 : 1,
                           width > 1 ? 2 : 1);
        }
    }
}

size_t leit_winograd_workspace(const leit_convolution *convolution, int n_workers)
{
    struct plan plan = make_plan(convolution);
    return lay_out(&plan, NULL, n_workers);
}

void leit_winograd(const leit_exec *exec, const leit_convolution *convolution)
{
    struct plan plan = make_plan(convolution);
    lay_out(&plan, exec->workspace, leit_threads_count(exec->threads));
    for (int64_t k = 0; k < convolution->K; k++)
        plan.bias[k] = convolution->b == NULL ? 0.0f : convolution->b[k];
    leit_threads_run(exec->threads, plan.n_panels, transform_weights, &plan);
    leit_threads_run(exec->threads, leit_blocks(plan.tiles.count, plan.block_tiles), convolve_block,
                     &plan);
}

/* ---- the gradient of the weights ---- */

/* The tiles are cut into parts. A task sums one row of elements over one part: block by block it
 * transforms tiles of x and dy and adds their products, 6 output channels by 16 input channels at a
 * time, to its own partial result. Partial results are added in the order of the parts. */

enum {
    SUM_TILES = 96,      /* of a block */
    MAX_PARTS = 8,       /* times EDGE tasks */
    MIN_PART_BLOCKS = 4, /* so that the sums outweigh the partial results */
};

struct sums {
    const struct leit_conv2d *args;
    struct tiles tiles;
    leit_cut parts;
    int64_t x_floats, dy_stride, dy_floats; /* of one element, of a tile, of one element */
    int64_t element_floats, worker_floats;
    float *partial; /* (parts, elements, K, C) */
    float *bias;    /* (parts, K) */
    float *scratch;
};

static struct sums make_sums(const struct leit_conv2d *args, int64_t n_samples)
{
    struct sums sums = {.args = args, .tiles = tiles_of(n_samples, args->H, args->W)};
    const int64_t blocks = leit_blocks(sums.tiles.count, SUM_TILES);
    sums.parts = leit_cut_blocks(blocks, leit_blocks(blocks, MIN_PART_BLOCKS), MAX_PARTS);
    sums.x_floats = SUM_TILES * args->C + PADDING;
    sums.dy_stride = args->K + PADDING;
    sums.dy_floats = SUM_TILES * sums.dy_stride + PADDING;
    sums.element_floats = args->K * args->C;
    const int64_t wider = args->C > args->K ? args->C : args->K;
    sums.worker_floats = EDGE * (sums.x_floats + sums.dy_floats) + ELEMENTS * wider;
    return sums;
}

static size_t lay_out_sums(struct sums *sums, float *base, int n_workers)
{
    const int64_t bias = sums->parts.room * ELEMENTS * sums->element_floats;
    const int64_t scratch = bias + sums->parts.room * sums->args->K;
    if (base != NULL) {
        sums->partial = base;
        sums->bias = base + bias;
        sums->scratch = base + scratch;
    }
    return (size_t)(scratch + n_workers * sums->worker_floats) * sizeof(float);
}

/* Row r of A dy A' of one tile, K channels. */
LEIT_INLINE void spread_row(struct window window, int64_t K, int r, float *to, int64_t stride)
{
    for (int64_t k = 0; k < K; k += LEIT_VECTOR8, to += LEIT_VECTOR8) {
        leit_f32x8 t[2];
        for (int j = 0; j < 2; j++) {
            const float *at = window.first + j * K + k;
            t[j] = spread_of(r, leit_load8(at), leit_load8(at + window.row_floats));
        }
        for (int s = 0; s < EDGE; s++) leit_store8(to + s * stride, spread_of(s, t[0], t[1]));
    }
}

/* Row r of the elements of one block: x (EDGE, C / PANEL, SUM_TILES, PANEL), dy (EDGE, SUM_TILES,
 * dy_stride). */
LEIT_INLINE void transform_sums(const struct sums *sums, leit_range tiles, int r, float *x,
                                float *dy, float *copy)
{
    const struct leit_conv2d *args = sums->args;
    for (int64_t t = 0; t < tiles.end - tiles.begin; t++) {
        const struct place place = place_of(&sums->tiles, tiles.begin + t);
        struct window window = window_of(&sums->tiles, &place, EDGE, 1, args->x, args->C, copy);
        for (int64_t c = 0; c < args->C; c += PANEL, window.first += PANEL)
            transform_row(window, PANEL, args->C, r, x + c * SUM_TILES + t * PANEL, sums->x_floats);
        window = window_of(&sums->tiles, &place, 2, 0, args->dy, args->K, copy);
        spread_row(window, args->K, r, dy + t * sums->dy_stride, sums->dy_floats);
    }
}

/* sums (K, C) += dy' x over the tiles of a block, for one element. */
static void add_products(const struct leit_conv2d *args, const float *x, const float *dy,
                         int64_t dy_stride, int64_t n_tiles, float *to)
{
    for (int64_t c = 0; c < args->C; c += PANEL, x += SUM_TILES * PANEL)
        for (int64_t k = 0; k < args->K; k += ROWS) {
            struct leit_micro micro;
            leit_micro_product(&micro, n_tiles, dy + k, 1, dy_stride, x, PANEL);
            for (int64_t i = 0; i < ROWS && k + i < args->K; i++)
                for (int half = 0; half < 2; half++)
                    *(leit_float8 *)(to + (k + i) * args->C + c + half * 8) += micro.sum[i][half];
        }
}

static void sum_part(void *context, int64_t task, int worker)
{
    const struct sums *sums = context;
    const struct leit_conv2d *args = sums->args;
    const int64_t part = task / EDGE, r = task % EDGE, K = args->K;
    leit_range all = leit_block_range(part, sums->tiles.count, sums->parts.part_blocks * SUM_TILES);
    float *x = sums->scratch + worker * sums->worker_floats;
    float *dy = x + EDGE * sums->x_floats, *copy = dy + EDGE * sums->dy_floats;
    float *to = sums->partial + (part * ELEMENTS + r * EDGE) * sums->element_floats;
    float *bias = sums->bias + part * K;
    memset(to, 0, (size_t)(EDGE * sums->element_floats) * sizeof(float));
    if (r == 1) memset(bias, 0, (size_t)K * sizeof(float));
    for (int64_t first = all.begin; first < all.end; first += SUM_TILES) {
        leit_range tiles = {first, first + SUM_TILES < all.end ? first + SUM_TILES : all.end};
        switch (r) { /* constants, so that a row reads the pixels it needs and no more */
        case 0: transform_sums(sums, tiles, 0, x, dy, copy); break;
        case 1: transform_sums(sums, tiles, 1, x, dy, copy); break;
        case 2: transform_sums(sums, tiles, 2, x, dy, copy); break;
        default: transform_sums(sums, tiles, 3, x, dy, copy);
        }
        const int64_t n = tiles.end - tiles.begin;
        for (int64_t s = 0; s < EDGE; s++)
            add_products(args, x + s * sums->x_floats, dy + s * sums->dy_floats, sums->dy_stride, n,
                         to + s * sums->element_floats);
        /* Element (1, 1) of A dy A' is the sum of the tile's four pixels. */
        for (int64_t t = 0; r == 1 && t < n; t++)
            for (int64_t k = 0; k < K; k++)
                bias[k] += dy[sums->dy_floats + t * sums->dy_stride + k];
    }
}

/* dw of one output channel: the parts are added in order and transformed back. */
static void finish_weights(void *context, int64_t k, int worker)
{
    (void)worker;
    const struct sums *sums = context;
    const int64_t C = sums->args->C, part_floats = ELEMENTS * sums->element_floats;
    float *dw = sums->args->dw + k * 9 * C;
    for (int64_t c = 0; c < C; c += LEIT_VECTOR8) {
        leit_f32x8 u[ELEMENTS], t[3][EDGE];
        for (int e = 0; e < ELEMENTS; e++) {
            const float *from = sums->partial + e * sums->element_floats + k * C + c;
            u[e] = leit_load8(from);
            for (int64_t part = 1; part < sums->parts.n; part++)
                u[e] += leit_load8(from + part * part_floats);
        }
        for (int i = 0; i < 3; i++)
            for (int s = 0; s < EDGE; s++)
                t[i][s] = tap_of(i, u[s], u[EDGE + s], u[2 * EDGE + s], u[3 * EDGE + s]);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                float *to = dw + (i * 3 + j) * C + c;
                leit_store8(to, leit_load8(to) + tap_of(j, t[i][0], t[i][1], t[i][2], t[i][3]));
            }
    }
}

size_t leit_winograd_weights_workspace(const struct leit_conv2d *args, int n_workers)
{
    struct sums sums = make_sums(args, args->N);
    return lay_out_sums(&sums, NULL, n_workers);
}

void leit_winograd_weights(const leit_exec *exec, const struct leit_conv2d *args, int64_t n_samples)
{
    struct sums sums = make_sums(args, n_samples);
    lay_out_sums(&sums, exec->workspace, leit_threads_count(exec->threads));
    leit_threads_run(exec->threads, sums.parts.n * EDGE, sum_part, &sums);
    if (args->dw != NULL) leit_threads_run(exec->threads, args->K, finish_weights, &sums);
    if (args->db != NULL) leit_add_partials(args->db, sums.bias, sums.parts.n, args->K, args->K);
}

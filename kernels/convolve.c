#include "kernels/convolve.h"

#include "kernels/blocks.h"
#include "kernels/native_vector.h"
#include "kernels/winograd.h"

/* A tile is 6 pixels by one panel of 2 vectors of output channels: 12 running sums in registers,
 * fed by 2 loads of weights and 6 broadcasts of pixels. The pixels of a tile follow each other in
 * memory order, over the ends of rows and images; where each finds its neighbour under a tap is a
 * table of pointers, and a neighbour outside the image points to zeros. So borders cost nothing and
 * no size leaves half-empty tiles.
 *
 * Weights are packed into panels: [panel][slab][tap][channel][output channel of the panel]. A slab
 * is one row of taps by at most CHANNELS channels, 12 KiB for AVX2: it stays in L1 while the tiles
 * of a task pass by. Between slabs the sums wait in y. */

enum {
    PIXELS = 6,
    VECTORS = 2,
    PANEL = VECTORS * LEIT_NATIVE,
    CHANNELS = 64,
    MAX_TILES = 24,     /* of a task */
    GATHERED_ROWS = 16, /* of a task of the thin gradient */
};

LEIT_INLINE void add_pixel(leit_vector *sum, float x, leit_vector w0, leit_vector w1, int n_vectors)
{
    sum[0] += x * w0;
    if (n_vectors == VECTORS) sum[1] += x * w1;
}

/* Sums one slab into the first n_vectors vectors of a tile. x holds taps * PIXELS pointers; `bias`
 * NULL goes on from the sums in y, whose pixels lie `stride` apart. */
LEIT_INLINE void sum_tile(const float *const *x, int64_t taps, int64_t channel, int64_t depth,
                          const float *w, const float *bias, float *y, int64_t stride,
                          const int n_vectors)
{
    leit_vector sum[PIXELS][VECTORS];
    for (int i = 0; i < PIXELS; i++)
        for (int v = 0; v < n_vectors; v++)
            sum[i][v] = leit_vector_load((bias != NULL ? bias : y + i * stride) + v * LEIT_NATIVE);
    for (int64_t t = 0; t < taps; t++, x += PIXELS) {
        const float *x0 = x[0] + channel, *x1 = x[1] + channel, *x2 = x[2] + channel;
        const float *x3 = x[3] + channel, *x4 = x[4] + channel, *x5 = x[5] + channel;
        /* In this order a broadcast dies before the next: more would not fit in 16 registers. */
        for (int64_t c = 0; c < depth; c++, w += PANEL) {
            const leit_vector w0 = leit_vector_load(w), w1 = leit_vector_load(w + LEIT_NATIVE);
            add_pixel(sum[0], x0[c], w0, w1, n_vectors),
                add_pixel(sum[1], x1[c], w0, w1, n_vectors);
            add_pixel(sum[2], x2[c], w0, w1, n_vectors),
                add_pixel(sum[3], x3[c], w0, w1, n_vectors);
            add_pixel(sum[4], x4[c], w0, w1, n_vectors),
                add_pixel(sum[5], x5[c], w0, w1, n_vectors);
        }
    }
    for (int i = 0; i < PIXELS; i++)
        for (int v = 0; v < n_vectors; v++)
            leit_vector_store(y + i * stride + v * LEIT_NATIVE, sum[i][v]);
}

/* `width` <= PANEL output channels exist; with half a panel one vector does. */
static void run_tile(const float *const *x, int64_t taps, int64_t channel, int64_t depth,
                     const float *w, const float *bias, float *y, int64_t stride, int64_t width)
{
    if (width <= LEIT_NATIVE)
        sum_tile(x, taps, channel, depth, w, bias, y, stride, 1);
    else
        sum_tile(x, taps, channel, depth, w, bias, y, stride, VECTORS);
}

/* The same where only the first n_pixels and n_channels of the tile exist. */
static void run_edge_tile(const float *const *x, int64_t taps, int64_t channel, int64_t depth,
                          const float *w, const float *bias, float *y, int64_t stride,
                          int64_t n_pixels, int64_t n_channels)
{
    float tile[PIXELS * PANEL] = {0};
    for (int64_t i = 0; bias == NULL && i < n_pixels; i++)
        for (int64_t k = 0; k < n_channels; k++) tile[i * PANEL + k] = y[i * stride + k];
    run_tile(x, taps, channel, depth, w, bias, tile, PANEL, n_channels);
    for (int64_t i = 0; i < n_pixels; i++)
        for (int64_t k = 0; k < n_channels; k++) y[i * stride + k] = tile[i * PANEL + k];
}

/* ---- the plan of one convolution ---- */

struct plan {
    const leit_convolution *of;
    int64_t taps, depth;           /* of a tile: all taps by C, or one by the patch when thin */
    int64_t slab_taps, n_channels; /* of a slab; n_channels counts channel blocks */
    int64_t n_panels, n_tiles;     /* n_tiles of a task */
    int64_t pixels;
    int64_t panel_floats, worker_bytes;
    float *weights, *bias, *zeros;
    unsigned char *scratch;
};

static int64_t round_up(int64_t value, int64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static struct plan make_plan(const leit_convolution *of)
{
    const int64_t kernel = of->kernel_size, area = kernel * kernel;
    const bool thin = leit_is_thin(of->C, of->kernel_size);
    struct plan plan = {.of = of, .pixels = of->N * of->H * of->W};
    plan.taps = thin ? 1 : area;
    plan.depth = thin ? area * of->C : of->C;
    /* Few channels: all taps are one slab. */
    plan.slab_taps = thin ? 1 : area * of->C <= kernel * CHANNELS ? area : kernel;
    plan.n_channels = leit_blocks(plan.depth, CHANNELS);
    plan.n_panels = leit_blocks(of->K, PANEL);
    plan.n_tiles = clamp(MAX_TILES * CHANNELS / of->C, 4, MAX_TILES);
    plan.panel_floats = plan.taps * plan.depth * PANEL;
    int64_t pointers = plan.n_tiles * plan.taps * PIXELS * (int64_t)sizeof(float *);
    int64_t patches = thin ? plan.n_tiles * PIXELS * plan.depth * (int64_t)sizeof(float) : 0;
    plan.worker_bytes = round_up(round_up(pointers, 64) + patches, 64);
    return plan;
}

/* Lays the plan's memory out from `base`; returns the bytes it takes. */
static size_t lay_out(struct plan *plan, void *base, int n_workers)
{
    int64_t bias = round_up(plan->n_panels * plan->panel_floats, 16);
    int64_t zeros = bias + round_up(plan->n_panels * PANEL, 16);
    int64_t scratch = (zeros + round_up(plan->of->C, 16)) * (int64_t)sizeof(float);
    if (base != NULL) {
        plan->weights = base;
        plan->bias = plan->weights + bias;
        plan->zeros = plan->weights + zeros;
        plan->scratch = (unsigned char *)base + scratch;
    }
    return (size_t)(scratch + n_workers * plan->worker_bytes);
}

/* ---- packing the weights ---- */

static float weight(const leit_convolution *of, int64_t k, int64_t tap, int64_t c)
{
    const int64_t area = (int64_t)of->kernel_size * of->kernel_size;
    return of->is_gradient ? of->w[(c * area + area - 1 - tap) * of->K + k]
                           : of->w[(k * area + tap) * of->C + c];
}

static void pack_panel(void *context, int64_t panel, int worker)
{
    (void)worker;
    const struct plan *plan = context;
    const leit_convolution *of = plan->of;
    const int64_t first = panel * PANEL, count = clamp(of->K - first, 0, PANEL);
    float *to = plan->weights + panel * plan->panel_floats;
    for (int64_t row = 0; row < plan->taps; row += plan->slab_taps)
        for (int64_t block = 0; block < plan->n_channels; block++) {
            leit_range channels = leit_block_range(block, plan->depth, CHANNELS);
            for (int64_t tap = row; tap < row + plan->slab_taps; tap++)
                for (int64_t c = channels.begin; c < channels.end; c++, to += PANEL)
                    for (int64_t k = 0; k < PANEL; k++)
                        to[k] = k >= count        ? 0.0f
                                : plan->taps == 1 ? weight(of, first + k, c / of->C, c % of->C)
                                                  : weight(of, first + k, tap, c);
        }
    for (int64_t k = 0; k < PANEL; k++)
        plan->bias[first + k] = k < count && of->b != NULL ? of->b[first + k] : 0.0f;
}

/* ---- running ---- */

LEIT_INLINE void gather_inner(const float *corner, int64_t row_floats, int64_t size,
                              int64_t patch_row_floats, float *patch)
{
    for (int64_t i = 0; i < size; i++, corner += row_floats)
        for (int64_t j = 0; j < patch_row_floats; j++) *patch++ = corner[j];
}

void leit_gather_patch(const float *image, int64_t H, int64_t W, int64_t C, int kernel_size,
                       int64_t h, int64_t w, float *patch)
{
    const int64_t size = kernel_size, top = h - size / 2, left = w - size / 2;
    if (top >= 0 && top + size <= H && left >= 0 && left + size <= W) {
        const float *corner = image + (top * W + left) * C;
        if (C == 1 && size == 3)
            gather_inner(corner, W, 3, 3, patch); /* constants make this nine moves */
        else
            gather_inner(corner, W * C, size, size * C, patch);
        return;
    }
    for (int64_t i = top; i < top + size; i++)
        for (int64_t j = left; j < left + size; j++) {
            const bool inside = i >= 0 && i < H && j >= 0 && j < W;
            for (int64_t c = 0; c < C; c++) *patch++ = inside ? image[(i * W + j) * C + c] : 0.0f;
        }
}

/* Fills the pointers of one tile: [tap][pixel]. */
static void point_tile(const struct plan *plan, int64_t first, const float **pointers,
                       float *patches)
{
    const leit_convolution *of = plan->of;
    const int64_t H = of->H, W = of->W, C = of->C, pad = of->kernel_size / 2;
    for (int64_t q = 0; q < PIXELS; q++, pointers++) {
        const int64_t pixel = first + q, h = pixel / W % H, w = pixel % W;
        const float *centre = of->x + pixel * C;
        if (pixel >= plan->pixels) {
            for (int64_t tap = 0; tap < plan->taps; tap++)
                pointers[tap * PIXELS] = patches != NULL ? patches : plan->zeros;
        } else if (patches != NULL) {
            float *patch = patches + q * plan->depth;
            leit_gather_patch(centre - (h * W + w) * C, H, W, C, of->kernel_size, h, w, patch);
            *pointers = patch;
        } else {
            int64_t tap = 0;
            for (int64_t i = -pad; i <= pad; i++)
                for (int64_t j = -pad; j <= pad; j++, tap++) {
                    bool inside = h + i >= 0 && h + i < H && w + j >= 0 && w + j < W;
                    pointers[tap * PIXELS] = inside ? centre + (i * W + j) * C : plan->zeros;
                }
        }
    }
}

static void convolve_block(void *context, int64_t block, int worker)
{
    const struct plan *plan = context;
    const leit_convolution *of = plan->of;
    const int64_t K = of->K;
    unsigned char *scratch = plan->scratch + worker * plan->worker_bytes;
    const float **pointers = (const float **)(void *)scratch;
    const int64_t per_tile = plan->taps * PIXELS;
    const int64_t table_bytes = round_up(plan->n_tiles * per_tile * (int64_t)sizeof(float *), 64);
    float *patches = plan->taps == of->kernel_size * of->kernel_size
                         ? NULL
                         : (float *)(void *)(scratch + table_bytes);

    leit_range pixels = leit_block_range(block, plan->pixels, plan->n_tiles * PIXELS);
    const int64_t tiles = leit_blocks(pixels.end - pixels.begin, PIXELS);
    for (int64_t t = 0; t < tiles; t++)
        point_tile(plan, pixels.begin + t * PIXELS, pointers + t * per_tile,
                   patches == NULL ? NULL : patches + t * PIXELS * plan->depth);

    for (int64_t panel = 0; panel < plan->n_panels; panel++) {
        const float *w = plan->weights + panel * plan->panel_floats;
        const float *bias = plan->bias + panel * PANEL;
        const int64_t width = clamp(K - panel * PANEL, 0, PANEL);
        for (int64_t row = 0; row < plan->taps; row += plan->slab_taps)
            for (int64_t c = 0; c < plan->depth; c += CHANNELS) {
                const int64_t depth = clamp(plan->depth - c, 0, CHANNELS);
                for (int64_t t = 0; t < tiles; t++) {
                    const int64_t first = pixels.begin + t * PIXELS;
                    const int64_t height = clamp(pixels.end - first, 0, PIXELS);
                    const float *const *x = pointers + t * per_tile + row * PIXELS;
                    float *y = of->y + first * K + panel * PANEL;
                    if (height == PIXELS && width % LEIT_NATIVE == 0)
                        run_tile(x, plan->slab_taps, c, depth, w, bias, y, K, width);
                    else
                        run_edge_tile(x, plan->slab_taps, c, depth, w, bias, y, K, height, width);
                }
                w += plan->slab_taps * depth * PANEL;
                bias = NULL;
            }
    }
}

/* ---- the thin gradient ---- */

/* The data gradient to C <= LEIT_THIN channels would leave most of a panel empty. Instead every
 * pixel of dy is multiplied with the weights of all taps at once, (K) by (K, taps * C), and the
 * products are added up where they belong. A task does GATHERED_ROWS rows of one image and the
 * products of the rows around them. */
struct thin {
    const leit_convolution *of; /* C is the width of dy, K that of dx */
    int64_t columns, n_panels;  /* taps * K, rounded up to panels */
    int64_t blocks_of_image;
    float *weights, *bias, *scratch;
    int64_t worker_floats;
};

static struct thin make_thin(const leit_convolution *of)
{
    const int64_t area = (int64_t)of->kernel_size * of->kernel_size;
    struct thin thin = {.of = of, .n_panels = leit_blocks(area * of->K, PANEL)};
    thin.columns = thin.n_panels * PANEL;
    thin.blocks_of_image = leit_blocks(of->H, GATHERED_ROWS);
    thin.worker_floats = (GATHERED_ROWS + of->kernel_size - 1) * of->W * thin.columns;
    return thin;
}

static size_t lay_out_thin(struct thin *thin, float *base, int n_workers)
{
    int64_t bias = thin->columns * thin->of->C, scratch = bias + round_up(thin->columns, 16);
    if (base != NULL) {
        thin->weights = base;
        thin->bias = base + bias;
        thin->scratch = base + scratch;
    }
    return (size_t)(scratch + n_workers * thin->worker_floats) * sizeof(float);
}

static void pack_thin(const struct thin *thin)
{
    const leit_convolution *of = thin->of;
    const int64_t columns = (int64_t)of->kernel_size * of->kernel_size * of->K;
    float *to = thin->weights;
    for (int64_t panel = 0; panel < thin->n_panels; panel++)
        for (int64_t c = 0; c < of->C; c++)
            for (int64_t k = panel * PANEL; k < (panel + 1) * PANEL; k++)
                *to++ = k < columns ? of->w[c * columns + k] : 0.0f;
    for (int64_t k = 0; k < thin->columns; k++) thin->bias[k] = 0.0f;
}

/* products (pixels, columns) of `count` pixels of dy that follow each other. */
static void multiply_pixels(const struct thin *thin, const float *dy, int64_t count,
                            float *products)
{
    const int64_t C = thin->of->C;
    for (int64_t first = 0; first < count; first += PIXELS) {
        const float *x[PIXELS];
        const int64_t height = clamp(count - first, 0, PIXELS);
        for (int64_t q = 0; q < PIXELS; q++) x[q] = dy + (first + (q < height ? q : 0)) * C;
        for (int64_t panel = 0; panel < thin->n_panels; panel++) {
            const float *w = thin->weights + panel * C * PANEL;
            const float *bias = thin->bias + panel * PANEL;
            float *y = products + first * thin->columns + panel * PANEL;
            if (height == PIXELS)
                run_tile(x, 1, 0, C, w, bias, y, thin->columns, PANEL);
            else
                run_edge_tile(x, 1, 0, C, w, bias, y, thin->columns, height, PANEL);
        }
    }
}

/* Adds the products of one row of dy under one tap to a row of dx, whose pixel w takes them from
 * pixel w + shift. */
static void add_products(const struct thin *thin, const float *products, int64_t tap, int64_t shift,
                         float *dx)
{
    const int64_t W = thin->of->W, K = thin->of->K, columns = thin->columns;
    const int64_t begin = clamp(-shift, 0, W), end = clamp(W - shift, 0, W);
    const float *from = products + tap * K;
    if (K == 1)
        for (int64_t w = begin; w < end; w++) dx[w] += from[(w + shift) * columns];
    else
        for (int64_t w = begin; w < end; w++)
            for (int64_t k = 0; k < K; k++) dx[w * K + k] += from[(w + shift) * columns + k];
}

static void thin_block(void *context, int64_t block, int worker)
{
    const struct thin *thin = context;
    const leit_convolution *of = thin->of;
    const int64_t H = of->H, W = of->W, K = of->K, size = of->kernel_size, pad = size / 2;
    float *products = thin->scratch + worker * thin->worker_floats;
    const int64_t image = block / thin->blocks_of_image;
    leit_range rows = leit_block_range(block % thin->blocks_of_image, H, GATHERED_ROWS);
    const int64_t above = clamp(rows.begin - pad, 0, H), below = clamp(rows.end + pad, 0, H);
    multiply_pixels(thin, of->x + (image * H + above) * W * of->C, (below - above) * W, products);

    for (int64_t h = rows.begin; h < rows.end; h++) {
        float *dx = of->y + (image * H + h) * W * K;
        memset(dx, 0, (size_t)(W * K) * sizeof(float));
        for (int64_t i = 0; i < size; i++) {
            const int64_t from = h + pad - i;
            if (from < 0 || from >= H) continue;
            for (int64_t j = 0; j < size; j++)
                add_products(thin, products + (from - above) * W * thin->columns, i * size + j,
                             pad - j, dx);
        }
    }
}

/* ---- the choice of an engine ---- */

static bool suits_winograd(const leit_convolution *of)
{
    return leit_winograd_fits(of->H, of->W, of->C, of->K, of->kernel_size);
}

size_t leit_convolve_workspace(const leit_convolution *convolution, int n_workers)
{
    if (suits_winograd(convolution)) return leit_winograd_workspace(convolution, n_workers);
    if (convolution->is_gradient && leit_is_thin(convolution->K, convolution->kernel_size)) {
        struct thin thin = make_thin(convolution);
        return lay_out_thin(&thin, NULL, n_workers);
    }
    struct plan plan = make_plan(convolution);
    return lay_out(&plan, NULL, n_workers);
}

void leit_convolve(const leit_exec *exec, const leit_convolution *convolution)
{
    const int n_workers = leit_threads_count(exec->threads);
    if (suits_winograd(convolution)) {
        leit_winograd(exec, convolution);
        return;
    }
    if (convolution->is_gradient && leit_is_thin(convolution->K, convolution->kernel_size)) {
        struct thin thin = make_thin(convolution);
        lay_out_thin(&thin, exec->workspace, n_workers);
        pack_thin(&thin);
        leit_threads_run(exec->threads, convolution->N * thin.blocks_of_image, thin_block, &thin);
        return;
    }
    struct plan plan = make_plan(convolution);
    lay_out(&plan, exec->workspace, n_workers);
    memset(plan.zeros, 0, (size_t)convolution->C * sizeof(float));
    leit_threads_run(exec->threads, plan.n_panels, pack_panel, &plan);
    leit_threads_run(exec->threads, leit_blocks(plan.pixels, plan.n_tiles * PIXELS), convolve_block,
                     &plan);
}

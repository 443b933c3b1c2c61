#include <string.h>

#include "kernels/blocks.h"
#include "kernels/convolve.h"
#include "kernels/micro_gemm.h"

/* The gradient of the weights where x has few channels: dw[tap][k] sums over pixels the patch of x
 * times dy. A block of patches is gathered, and the micro-kernel of gemm.c multiplies it, 6 taps by
 * 16 output channels, with dy where it lies. Behind the taps a patch has a one: the product with it
 * is db.
 *
 * Pixels are cut into blocks and those into parts; a task sums one part, and partial results are
 * added in the order of the parts. */

enum {
    ROWS = LEIT_MICRO_ROWS,
    PANEL = LEIT_MICRO_COLUMNS,
    BLOCK_PIXELS = 256,
    PART_BLOCKS = 8, /* at least */
    MAX_PARTS = 32,
};

struct plan {
    const struct leit_conv2d *args;
    int64_t pixels;
    leit_cut parts;
    int64_t taps;    /* times C */
    int64_t rows;    /* of a patch: the taps, the one, and zeros up to a multiple of ROWS */
    int64_t columns; /* K, up to a multiple of PANEL */
    int64_t patches; /* floats of a block */
    float *partial;  /* (parts, rows, columns) */
    float *scratch;  /* of a worker: a block of patches and one panel of dy */
};

static struct plan make_plan(const struct leit_conv2d *args, int64_t n_samples)
{
    struct plan plan = {.args = args, .pixels = n_samples * args->H * args->W};
    const int64_t blocks = leit_blocks(plan.pixels, BLOCK_PIXELS);
    plan.parts = leit_cut_blocks(blocks, leit_blocks(blocks, PART_BLOCKS), MAX_PARTS);
    plan.taps = (int64_t)args->kernel_size * args->kernel_size * args->C;
    plan.rows = leit_blocks(plan.taps + 1, ROWS) * ROWS;
    plan.columns = leit_blocks(args->K, PANEL) * PANEL;
    plan.patches = BLOCK_PIXELS * plan.rows;
    return plan;
}

static size_t lay_out(struct plan *plan, float *base, int n_workers)
{
    const int64_t scratch = plan->parts.room * plan->rows * plan->columns;
    if (base != NULL) {
        plan->partial = base;
        plan->scratch = base + scratch;
    }
    return (size_t)(scratch + n_workers * (plan->patches + BLOCK_PIXELS * PANEL)) * sizeof(float);
}

static void gather_block(const struct plan *plan, leit_range pixels, float *patch)
{
    const struct leit_conv2d *args = plan->args;
    int64_t w = pixels.begin % args->W, h = pixels.begin / args->W % args->H;
    const float *image = args->x + (pixels.begin - h * args->W - w) * args->C;
    for (int64_t pixel = pixels.begin; pixel < pixels.end; pixel++, patch += plan->rows) {
        leit_gather_patch(image, args->H, args->W, args->C, args->kernel_size, h, w, patch);
        patch[plan->taps] = 1.0f;
        if (++w < args->W) continue;
        w = 0;
        if (++h < args->H) continue;
        h = 0;
        image += args->H * args->W * args->C;
    }
}

/* Channels [k, k + PANEL) of dy from `pixel` on: in place, or in `copy` where there are fewer. */
static const float *panel_of(const struct plan *plan, leit_range pixels, int64_t k, float *copy,
                             int64_t *stride)
{
    const int64_t K = plan->args->K, width = K - k;
    const float *dy = plan->args->dy + pixels.begin * K + k;
    *stride = width < PANEL ? PANEL : K;
    if (width >= PANEL) return dy;
    for (int64_t p = 0; p < pixels.end - pixels.begin; p++)
        for (int64_t i = 0; i < PANEL; i++) copy[p * PANEL + i] = i < width ? dy[p * K + i] : 0.0f;
    return copy;
}

static void sum_part(void *context, int64_t part, int worker)
{
    const struct plan *plan = context;
    float *patches = plan->scratch + worker * (plan->patches + BLOCK_PIXELS * PANEL);
    float *copy = patches + plan->patches;
    float *sums = plan->partial + part * plan->rows * plan->columns;
    memset(patches, 0, (size_t)plan->patches * sizeof(float));
    memset(sums, 0, (size_t)(plan->rows * plan->columns) * sizeof(float));
    leit_range all = leit_block_range(part, plan->pixels, plan->parts.part_blocks * BLOCK_PIXELS);
    for (int64_t first = all.begin; first < all.end; first += BLOCK_PIXELS) {
        leit_range pixels = {first,
                             first + BLOCK_PIXELS < all.end ? first + BLOCK_PIXELS : all.end};
        gather_block(plan, pixels, patches);
        for (int64_t k = 0; k < plan->columns; k += PANEL) {
            int64_t stride = 0;
            const float *dy = panel_of(plan, pixels, k, copy, &stride);
            for (int64_t row = 0; row < plan->rows; row += ROWS) {
                struct leit_micro micro;
                leit_micro_product(&micro, pixels.end - pixels.begin, patches + row, 1, plan->rows,
                                   dy, stride);
                for (int64_t i = 0; i < ROWS; i++)
                    for (int half = 0; half < 2; half++)
                        *(leit_float8 *)(sums + (row + i) * plan->columns + k + half * 8) +=
                            micro.sum[i][half];
            }
        }
    }
}

size_t leit_convolve_thin_weights_workspace(const struct leit_conv2d *args, int n_workers)
{
    struct plan plan = make_plan(args, args->N);
    return lay_out(&plan, NULL, n_workers);
}

void leit_convolve_thin_weights(const leit_exec *exec, const struct leit_conv2d *args,
                                int64_t n_samples)
{
    struct plan plan = make_plan(args, n_samples);
    lay_out(&plan, exec->workspace, leit_threads_count(exec->threads));
    leit_threads_run(exec->threads, plan.parts.n, sum_part, &plan);
    for (int64_t k = 0; k < args->K; k++)
        for (int64_t row = 0; row <= plan.taps; row++) {
            float *total = row == plan.taps ? args->db : args->dw;
            if (total == NULL) continue;
            float sum = 0.0f;
            for (int64_t part = 0; part < plan.parts.n; part++)
                sum += plan.partial[(part * plan.rows + row) * plan.columns + k];
            total[row == plan.taps ? k : k * plan.taps + row] += sum;
        }
}

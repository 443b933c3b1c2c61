#include "kernels/blocks.h"
#include "kernels/convolve.h"
#include "kernels/native_vector.h"
#include "kernels/winograd.h"

/* dw[k][i][j][c] is a sum over pixels of dy[pixel][k] * x[pixel + (i, j)][c]: an outer product per
 * pixel. A tile is 4 values of dy (a quad, broadcast) by 3 vectors of x: 12 running sums in
 * registers over a block of rows. With 3 x 3 taps the 3 vectors are one vector of channels under
 * the 3 taps of a row, which in a packed row of x with a zero pixel at either end lie side by side;
 * with 1 x 1 they are 3 vectors of channels.
 *
 * The rows of all images are cut into parts and the output channels into slices; a task sums one
 * slice over one part into its own partial result, block of rows by block, and partial results are
 * added in the order of the parts. */

enum {
    QUAD = 4,
    TRIPLE = 3,
    BLOCK_PIXELS = 256, /* at least this many pixels per block of rows */
    PART_PIXELS = 2048, /* of a part, at least */
    MAX_PARTS = 32,
    SLICE_QUADS = 16,
};

struct plan {
    const struct leit_conv2d *args;
    int64_t H, W, n_rows; /* n_rows of all images that hold data */
    int64_t tap_rows;     /* 3 with 3 x 3 taps on the vector side, else 1 */
    int64_t pad;          /* zero pixels at either end of a packed row */
    int64_t n_vectors, n_groups, n_quads, n_slices, block_rows, slots;
    leit_cut parts;         /* of blocks of rows */
    int64_t row_floats;     /* of one packed row of one vector */
    int64_t partial_floats; /* (4 n_quads, tap_rows, n_groups, 3, LEIT_NATIVE) */
    int64_t worker_floats;
    float *partial, *bias, *scratch;
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct plan make_plan(const struct leit_conv2d *args, int64_t n_samples)
{
    const int64_t size = args->kernel_size;
    struct plan plan = {.args = args, .H = args->H, .W = args->W};
    plan.n_rows = n_samples * args->H;
    plan.tap_rows = size;
    plan.pad = plan.tap_rows / 2;
    plan.n_vectors = leit_blocks(args->C, LEIT_NATIVE);
    plan.n_groups = plan.tap_rows == 1 ? leit_blocks(plan.n_vectors, TRIPLE) : plan.n_vectors;
    if (plan.tap_rows == 1) plan.n_vectors = plan.n_groups * TRIPLE;
    plan.n_quads = leit_blocks(args->K, QUAD);
    plan.n_slices = leit_blocks(plan.n_quads, SLICE_QUADS);
    plan.block_rows = leit_blocks(BLOCK_PIXELS, plan.W);
    plan.slots = plan.block_rows + 2 * plan.pad;
    plan.parts = leit_cut_blocks(leit_blocks(plan.n_rows, plan.block_rows),
                                 leit_blocks(plan.n_rows * plan.W, PART_PIXELS), MAX_PARTS);
    plan.row_floats = (plan.W + 2 * plan.pad) * LEIT_NATIVE;
    plan.partial_floats =
        plan.n_quads * QUAD * plan.tap_rows * plan.n_groups * TRIPLE * LEIT_NATIVE;
    plan.worker_floats = (plan.slots * plan.n_vectors + 1) * plan.row_floats +
                         plan.block_rows * SLICE_QUADS * plan.W * QUAD + (args->K + 15) / 16 * 16;
    return plan;
}

static size_t lay_out(struct plan *plan, float *base, int n_workers)
{
    int64_t bias = plan->parts.room * plan->partial_floats;
    int64_t scratch = bias + (plan->parts.room * plan->args->K + 15) / 16 * 16;
    if (base != NULL) {
        plan->partial = base;
        plan->bias = base + bias;
        plan->scratch = base + scratch;
    }
    return (size_t)(scratch + n_workers * plan->worker_floats) * sizeof(float);
}

/* ---- packing ---- */

/* Row `row` of the vector side: [vector][pad + W + pad][LEIT_NATIVE], zeros where there is no
 * channel or pixel. */
static void pack_vectors(const struct plan *plan, int64_t row, float *to)
{
    const int64_t channels = plan->args->C;
    const float *from = plan->args->x + row * plan->W * channels;
    for (int64_t v = 0; v < plan->n_vectors; v++, to += plan->row_floats) {
        const int64_t first = v * LEIT_NATIVE;
        const int64_t count = smaller(channels - first, LEIT_NATIVE);
        const int64_t pad_floats = plan->pad * LEIT_NATIVE;
        float *at = to + pad_floats;
        if (count < LEIT_NATIVE) memset(to, 0, (size_t)plan->row_floats * sizeof(float));
        memset(to, 0, (size_t)pad_floats * sizeof(float));
        memset(to + plan->row_floats - pad_floats, 0, (size_t)pad_floats * sizeof(float));
        if (count == LEIT_NATIVE)
            for (int64_t w = 0; w < plan->W; w++, at += LEIT_NATIVE)
                leit_vector_store(at, leit_vector_load(from + w * channels + first));
        else
            for (int64_t w = 0; w < plan->W; w++, at += LEIT_NATIVE)
                for (int64_t i = 0; i < count; i++) at[i] = from[w * channels + first + i];
    }
}

/* Quads [begin, end) of row `row` of the quad side: [quad][W][QUAD]. */
static void pack_quads(const struct plan *plan, int64_t row, leit_range quads, float *to)
{
    const int64_t K = plan->args->K, W = plan->W;
    const float *from = plan->args->dy + row * W * K;
    for (int64_t w = 0; w < W; w++, from += K, to += QUAD) {
        float *at = to;
        int64_t k = quads.begin * QUAD;
        for (; k + QUAD <= smaller(quads.end * QUAD, K); k += QUAD, at += W * QUAD)
            memcpy(at, from + k, QUAD * sizeof(float));
        for (int64_t i = 0; k < quads.end * QUAD && i < QUAD; i++)
            at[i] = k + i < K ? from[k + i] : 0.0f;
    }
}

/* ---- summing ---- */

/* Adds the sums over n_rows packed rows to `partial`; its quad's rows lie `stride` apart. The three
 * vectors of a pixel lie `shift` apart. */
static void run_tile(const float *const *x, const float *quads, int64_t quad_stride, int64_t n_rows,
                     int64_t W, int64_t shift, float *partial, int64_t stride)
{
    leit_vector sum[QUAD][TRIPLE] = {0};
    for (int64_t r = 0; r < n_rows; r++) {
        const float *v = x[r], *q = quads + r * quad_stride;
        for (int64_t w = 0; w < W; w++, v += LEIT_NATIVE, q += QUAD) {
            const leit_vector v0 = leit_vector_load(v), v1 = leit_vector_load(v + shift);
            const leit_vector v2 = leit_vector_load(v + 2 * shift);
            sum[0][0] += q[0] * v0, sum[0][1] += q[0] * v1, sum[0][2] += q[0] * v2;
            sum[1][0] += q[1] * v0, sum[1][1] += q[1] * v1, sum[1][2] += q[1] * v2;
            sum[2][0] += q[2] * v0, sum[2][1] += q[2] * v1, sum[2][2] += q[2] * v2;
            sum[3][0] += q[3] * v0, sum[3][1] += q[3] * v1, sum[3][2] += q[3] * v2;
        }
    }
    for (int i = 0; i < QUAD; i++)
        for (int v = 0; v < TRIPLE; v++) {
            float *to = partial + i * stride + v * LEIT_NATIVE;
            leit_vector_store(to, leit_vector_load(to) + sum[i][v]);
        }
}

/* All tiles of one block of rows that lie packed: vector rows in slots, quads in order. */
static void sum_block(const struct plan *plan, leit_range rows, leit_range quads,
                      const float *vectors, const float *zeros, const float *packed_quads,
                      float *partial)
{
    const int64_t n = rows.end - rows.begin, W = plan->W;
    const int64_t slot_floats = plan->n_vectors * plan->row_floats;
    const int64_t quad_stride = (quads.end - quads.begin) * W * QUAD;
    const int64_t per_group = TRIPLE * LEIT_NATIVE;
    const int64_t stride = plan->tap_rows * plan->n_groups * per_group;
    const int64_t shift = plan->tap_rows == 1 ? plan->row_floats : LEIT_NATIVE;
    const int64_t group_floats = plan->tap_rows == 1 ? TRIPLE * shift : plan->row_floats;
    for (int64_t i = 0; i < plan->tap_rows; i++)
        for (int64_t g = 0; g < plan->n_groups; g++) {
            const float *x[BLOCK_PIXELS];
            for (int64_t r = 0; r < n; r++) {
                const int64_t row = rows.begin + r + i - plan->pad;
                const int64_t h = (rows.begin + r) % plan->H + i - plan->pad;
                const bool inside = h >= 0 && h < plan->H;
                x[r] =
                    inside ? vectors + row % plan->slots * slot_floats + g * group_floats : zeros;
            }
            float *to =
                partial + quads.begin * QUAD * stride + (i * plan->n_groups + g) * per_group;
            for (int64_t q = 0; q < quads.end - quads.begin; q++)
                run_tile(x, packed_quads + q * W * QUAD, quad_stride, n, W, shift,
                         to + q * QUAD * stride, stride);
        }
}

/* db of channels [begin, end) over one row of dy: summed apart, then added to the total. */
static void sum_bias(const struct plan *plan, int64_t row, leit_range channels, float *sum,
                     float *total)
{
    const int64_t K = plan->args->K;
    const float *dy = plan->args->dy + row * plan->W * K;
    for (int64_t k = channels.begin; k < channels.end; k++) sum[k] = 0.0f;
    for (int64_t w = 0; w < plan->W; w++)
        for (int64_t k = channels.begin; k < channels.end; k++) sum[k] += dy[w * K + k];
    for (int64_t k = channels.begin; k < channels.end; k++) total[k] += sum[k];
}

static void sum_part(void *context, int64_t task, int worker)
{
    const struct plan *plan = context;
    const int64_t K = plan->args->K, part = task / plan->n_slices, slice = task % plan->n_slices;
    leit_range quads = leit_block_range(slice, plan->n_quads, SLICE_QUADS);
    leit_range rows =
        leit_block_range(part, plan->n_rows, plan->parts.part_blocks * plan->block_rows);
    /* A slice sums the bias of its own output channels. */
    leit_range channels = {quads.begin * QUAD, smaller(quads.end * QUAD, K)};

    const int64_t slot_floats = plan->n_vectors * plan->row_floats;
    float *vectors = plan->scratch + worker * plan->worker_floats;
    float *zeros = vectors + plan->slots * slot_floats;
    float *packed_quads = zeros + plan->row_floats;
    float *small = packed_quads + plan->block_rows * SLICE_QUADS * plan->W * QUAD;
    memset(zeros, 0, (size_t)plan->row_floats * sizeof(float));

    float *partial = plan->partial + part * plan->partial_floats, *bias = plan->bias + part * K;
    const int64_t stride = plan->partial_floats / (plan->n_quads * QUAD);
    memset(partial + quads.begin * QUAD * stride, 0,
           (size_t)((quads.end - quads.begin) * QUAD * stride) * sizeof(float));
    for (int64_t k = channels.begin; k < channels.end; k++) bias[k] = 0.0f;

    int64_t packed = rows.begin - plan->pad < 0 ? 0 : rows.begin - plan->pad;
    for (int64_t first = rows.begin; first < rows.end; first += plan->block_rows) {
        leit_range block = {first, smaller(first + plan->block_rows, rows.end)};
        for (; packed < smaller(block.end + plan->pad, plan->n_rows); packed++)
            pack_vectors(plan, packed, vectors + packed % plan->slots * slot_floats);
        for (int64_t row = block.begin; row < block.end; row++) {
            float *to = packed_quads + (row - first) * (quads.end - quads.begin) * plan->W * QUAD;
            pack_quads(plan, row, quads, to);
            sum_bias(plan, row, channels, small, bias);
        }
        sum_block(plan, block, quads, vectors, zeros, packed_quads, partial);
    }
}

/* ---- adding the parts ---- */

/* One output channel of dw: the parts are added in order. */
static void add_parts(void *context, int64_t k, int worker)
{
    (void)worker;
    const struct plan *plan = context;
    const struct leit_conv2d *args = plan->args;
    const int64_t area = (int64_t)args->kernel_size * args->kernel_size, C = args->C;
    const int64_t stride = plan->partial_floats / (plan->n_quads * QUAD);
    float *dw = args->dw + k * area * C;
    for (int64_t tap = 0; tap < area; tap++)
        for (int64_t c = 0; c < C; c++) {
            int64_t place = c;
            if (plan->tap_rows > 1)
                place =
                    ((tap / TRIPLE * plan->n_groups + c / LEIT_NATIVE) * TRIPLE + tap % TRIPLE) *
                        LEIT_NATIVE +
                    c % LEIT_NATIVE;
            const float *from = plan->partial + k * stride + place;
            float sum = 0.0f;
            for (int64_t part = 0; part < plan->parts.n; part++)
                sum += from[part * plan->partial_floats];
            dw[tap * C + c] += sum;
        }
}

static bool suits_winograd(const struct leit_conv2d *args)
{
    return leit_winograd_fits(args->H, args->W, args->C, args->K, args->kernel_size);
}

size_t leit_convolve_weights_workspace(const struct leit_conv2d *args, int n_workers)
{
    if (suits_winograd(args)) return leit_winograd_weights_workspace(args, n_workers);
    if (leit_is_thin(args->C, args->kernel_size))
        return leit_convolve_thin_weights_workspace(args, n_workers);
    struct plan plan = make_plan(args, args->N);
    return lay_out(&plan, NULL, n_workers);
}

void leit_convolve_weights(const leit_exec *exec, const struct leit_conv2d *args, int64_t n_samples)
{
    if (suits_winograd(args)) {
        leit_winograd_weights(exec, args, n_samples);
        return;
    }
    if (leit_is_thin(args->C, args->kernel_size)) {
        leit_convolve_thin_weights(exec, args, n_samples);
        return;
    }
    struct plan plan = make_plan(args, n_samples);
    lay_out(&plan, exec->workspace, leit_threads_count(exec->threads));
    leit_threads_run(exec->threads, plan.parts.n * plan.n_slices, sum_part, &plan);
    if (args->dw != NULL) leit_threads_run(exec->threads, args->K, add_parts, &plan);
    if (args->db != NULL) leit_add_partials(args->db, plan.bias, plan.parts.n, args->K, args->K);
}

#include "kernels/layernorm.h"
#include "kernels/philox.cuh"
#include "kernels/rows.cuh"

/* The mathematics of layernorm.cu. A warp has a row in registers, 16 bytes to a load, so that each array
 * is read once, forward and backward.
 *
 * Backward, in one launch: a warp has one row after another and keeps its own sums of dw and db
 * meanwhile. Those of a block's warps, added in order, are a partial in the workspace. The block that
 * ends last of a group adds the partials of the group, and the one that ends last of these those of the
 * groups: each reads as many side by side as it has registers for. Rows that are longer, or no whole
 * quads, are left to the plain kernels. */

enum { QUADS = 8, WIDEST = QUADS * LEIT_WARP_QUADS }; /* of a lane; floats of a row */
enum { MOST_PARTIALS = 128, GROUP = 12 };             /* blocks: one for each multiprocessor */

/* A lane's quads of a row, quad k at element row_place(k). */
struct row_quads {
    struct leit_quad of[QUADS];
};

#define EACH_QUAD(k)                                                                               \
    LEIT_UNROLL                                                                                    \
    for (int k = 0; k < QUADS; k++)

static __device__ int row_place(int k)
{
    return k * LEIT_WARP_QUADS + leit_lane() * LEIT_QUAD;
}

/* Zeros behind the end of the row. */
static __device__ struct row_quads load_row(const float *row, int D)
{
    struct row_quads quads = {};
    EACH_QUAD (k)
        if (row_place(k) < D) quads.of[k] = leit_load_quad(row + row_place(k));
    return quads;
}

static __device__ void store_row(float *row, const struct row_quads &quads, int D)
{
    EACH_QUAD (k)
        if (row_place(k) < D) leit_store_quad(row + row_place(k), quads.of[k]);
}

/* A dropped element is 0 whatever it was, an infinity too. */
static __device__ void drop_row(const struct leit_layernorm &args, int64_t n,
                                struct row_quads *quads)
{
    if (args.dropout == 0.0f) return; /* the same for all */
    EACH_QUAD (k) {
        if (row_place(k) < args.D) {
            const struct leit_quad scales = leit_dropout_quad(
                *args.random, args.stream, 0, args.dropout, n * args.D + row_place(k));
            LEIT_EACH_OF_QUAD (e)
                quads->of[k].of[e] =
                    scales.of[e] == 0.0f ? 0.0f : quads->of[k].of[e] * scales.of[e];
        }
    }
}

static bool is_row_of_quads(const struct leit_layernorm *args)
{
    return args->D % LEIT_QUAD == 0 && args->D <= WIDEST;
}

static bool can_read_quads(const struct leit_layernorm *args)
{
    return is_row_of_quads(args) &&
           leit_are_aligned(args->x, args->residual, args->w, args->b, args->y, args->sum, args->dy,
                            args->dx, args->dresidual, args->dw, args->db);
}

static int64_t partials_of(const struct leit_layernorm *args)
{
    const int64_t blocks = leit_row_blocks(args->N), most = MOST_PARTIALS;
    return blocks < most ? blocks : most;
}

/* partial is (partials, 2, D). */
size_t leit_layernorm_workspace_fast(const struct leit_layernorm *args, int n_workers)
{
    if (!is_row_of_quads(args)) return leit_layernorm_workspace_cuda(args, n_workers);
    const size_t fast = (size_t)(partials_of(args) * 2 * args->D) * sizeof(float);
    const size_t plain = leit_layernorm_workspace_cuda(args, n_workers); /* arrays may lie askew */
    return fast > plain ? fast : plain;
}

/* ---- forward ---- */

static __global__ void __launch_bounds__(LEIT_ROW_THREADS)
    normalise_in_registers(struct leit_layernorm args)
{
    const int64_t n = leit_warp_row();
    const int D = (int)args.D;
    if (n < leit_device_rows(args.n_rows, args.N)) {
        struct row_quads s = load_row(args.x + n * D, D);
        if (args.residual != nullptr) {
            const struct row_quads residual = load_row(args.residual + n * D, D);
            drop_row(args, n, &s);
            EACH_QUAD (k)
                LEIT_EACH_OF_QUAD (e) s.of[k].of[e] += residual.of[k].of[e];
            store_row(args.sum + n * D, s, D);
        }
        float total = 0.0f, squares = 0.0f;
        EACH_QUAD (k)
            LEIT_EACH_OF_QUAD (e) total += s.of[k].of[e];
        const float mean = leit_warp_sum(total) / (float)D;
        EACH_QUAD (k) {
            const bool is_there = row_place(k) < D;
            LEIT_EACH_OF_QUAD (e) {
                s.of[k].of[e] = is_there ? s.of[k].of[e] - mean : 0.0f;
                squares += s.of[k].of[e] * s.of[k].of[e];
            }
        }
        const float rstd = 1.0f / leit_sqrt(leit_warp_sum(squares) / (float)D + args.epsilon);
        const struct row_quads w = load_row(args.w, D), b = load_row(args.b, D);
        EACH_QUAD (k)
            LEIT_EACH_OF_QUAD (e)
                s.of[k].of[e] = s.of[k].of[e] * rstd * w.of[k].of[e] + b.of[k].of[e];
        store_row(args.y + n * D, s, D);
        if (leit_lane() == 0) {
            args.mean[n] = mean;
            args.rstd[n] = rstd;
        }
    }
}

/* ---- backward ---- */

/* dw and db of the block's warps, one after another, into `partial`, (2, D). */
static __device__ void add_warps(const struct row_quads &dw, const struct row_quads &db, int D,
                                 float *partial)
{
    LEIT_SHARED(float, sums, [LEIT_ROWS_PER_BLOCK][2 * LEIT_WARP_QUADS]);
    const int warp = (int)threadIdx.x / LEIT_WARP, thread = (int)threadIdx.x;
    EACH_QUAD (k) {
        if (k * LEIT_WARP_QUADS < D) { /* the same for the whole block */
            leit_store_quad(&sums[warp][leit_lane() * LEIT_QUAD], dw.of[k]);
            leit_store_quad(&sums[warp][LEIT_WARP_QUADS + leit_lane() * LEIT_QUAD], db.of[k]);
            __syncthreads();
            float total = 0.0f;
            for (int w = 0; w < LEIT_ROWS_PER_BLOCK; w++) total += sums[w][thread];
            const int d = k * LEIT_WARP_QUADS + thread % LEIT_WARP_QUADS;
            if (d < D) partial[thread / LEIT_WARP_QUADS * D + d] = total;
            __syncthreads(); /* the sums have been read */
        }
    }
}

/* With g = dy * w and h = the normalised s: dx = rstd * (g - mean(g) - h * mean(g h)). */
static __device__ void write_dx(const struct leit_layernorm &args, int64_t n, float rstd,
                                const struct row_quads &dy, const struct row_quads &h)
{
    const int D = (int)args.D;
    struct row_quads g = load_row(args.w, D);
    float sum_g = 0.0f, sum_gh = 0.0f;
    EACH_QUAD (k)
        LEIT_EACH_OF_QUAD (e) {
            g.of[k].of[e] *= dy.of[k].of[e];
            sum_g += g.of[k].of[e];
            sum_gh += g.of[k].of[e] * h.of[k].of[e];
        }
    const float mean_g = leit_warp_sum(sum_g) / (float)D;
    const float mean_gh = leit_warp_sum(sum_gh) / (float)D;
    EACH_QUAD (k)
        LEIT_EACH_OF_QUAD (e)
            g.of[k].of[e] = rstd * (g.of[k].of[e] - mean_g - h.of[k].of[e] * mean_gh);
    if (args.dresidual != nullptr) store_row(args.dresidual + n * D, g, D);
    drop_row(args, n, &g);
    if (args.dx != nullptr) store_row(args.dx + n * D, g, D);
}

static_assert((int)MOST_PARTIALS <= GROUP * GROUP, "a block reads one group at a time");

/* Quad `at` of n <= GROUP partials, `step` floats apart, added in order. */
static __device__ struct leit_quad add_partials_of(const float *partials, int64_t step, int n,
                                                   int at)
{
    struct leit_quad of[GROUP] = {}, sum = {};
    LEIT_UNROLL
    for (int p = 0; p < GROUP; p++)
        if (p < n) of[p] = leit_load_quad(partials + p * step + at);
    LEIT_UNROLL
    for (int p = 0; p < GROUP; p++)
        LEIT_EACH_OF_QUAD (e) sum.of[e] += of[p].of[e];
    return sum;
}

static __device__ void add_to(float *gradient, const struct leit_quad &sum)
{
    struct leit_quad total = leit_load_quad(gradient);
    LEIT_EACH_OF_QUAD (e) total.of[e] += sum.of[e];
    leit_store_quad(gradient, total);
}

/* Of the block that ends last: its group's partials become the group's first one, and these, of the
 * last group, dw and db. */
static __device__ void complete(const struct leit_layernorm &args, float *partial,
                                unsigned *tickets)
{
    const int D = (int)args.D, step = 2 * D, blocks = (int)gridDim.x;
    const int group = (int)blockIdx.x / GROUP, groups = (blocks + GROUP - 1) / GROUP;
    const int n = group + 1 < groups ? GROUP : blocks - group * GROUP;
    float *first = partial + (int64_t)group * GROUP * step;
    if (!leit_is_last_block(tickets + group, (unsigned)n)) return; /* the whole block does */
    for (int at = (int)threadIdx.x * LEIT_QUAD; at < step; at += LEIT_ROW_THREADS * LEIT_QUAD)
        leit_store_quad(first + at, add_partials_of(first, step, n, at));
    if (!leit_is_last_block(tickets + groups, (unsigned)groups)) return;
    for (int at = (int)threadIdx.x * LEIT_QUAD; at < step; at += LEIT_ROW_THREADS * LEIT_QUAD) {
        float *to = at < D ? args.dw : args.db;
        if (to != nullptr) add_to(to + at % D, add_partials_of(partial, GROUP * step, groups, at));
    }
}

/* partial NULL: dw and db are not wanted. */
static __global__ void __launch_bounds__(LEIT_ROW_THREADS)
    differentiate_in_registers(struct leit_layernorm args, float *partial, unsigned *tickets)
{
    const int D = (int)args.D;
    const float *s = args.residual != nullptr ? args.sum : args.x;
    const int64_t rows = leit_device_rows(args.n_rows, args.N);
    struct row_quads dw = {}, db = {};
    for (int64_t n = leit_warp_row(); n < rows; n += (int64_t)gridDim.x * LEIT_ROWS_PER_BLOCK) {
        const struct row_quads dy = load_row(args.dy + n * D, D);
        struct row_quads h = load_row(s + n * D, D);
        const float mean = args.mean[n], rstd = args.rstd[n];
        EACH_QUAD (k)
            LEIT_EACH_OF_QUAD (e) {
                h.of[k].of[e] = (h.of[k].of[e] - mean) * rstd;
                dw.of[k].of[e] += dy.of[k].of[e] * h.of[k].of[e];
                db.of[k].of[e] += dy.of[k].of[e];
            }
        if (args.dx != nullptr || args.dresidual != nullptr) write_dx(args, n, rstd, dy, h);
    }
    if (partial != nullptr) {
        add_warps(dw, db, D, partial + (int64_t)blockIdx.x * 2 * D);
        complete(args, partial, tickets);
    }
}

leit_status leit_layernorm_forward_fast(const leit_exec *exec, const struct leit_layernorm *args)
{
    LEIT_TRY(leit_layernorm_check(args));
    if (!can_read_quads(args)) return leit_layernorm_forward_cuda(exec, args);
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(normalise_in_registers, leit_row_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream,
                *args);
    return leit_launch_status("layernorm forward");
}

leit_status leit_layernorm_backward_fast(const leit_exec *exec, const struct leit_layernorm *args)
{
    LEIT_TRY(leit_layernorm_check(args));
    if (!can_read_quads(args)) return leit_layernorm_backward_cuda(exec, args);
    if (args->N == 0) return LEIT_OK;
    const bool are_wanted = args->dw != nullptr || args->db != nullptr;
    if (are_wanted)
        LEIT_TRY(leit_check_workspace("layernorm", exec, leit_layernorm_workspace_fast(args, 1)));
    float *partial = are_wanted ? static_cast<float *>(exec->workspace) : nullptr;
    LEIT_LAUNCH(differentiate_in_registers, (unsigned)partials_of(args), LEIT_ROW_THREADS, 0,
                exec->stream, *args, partial, exec->tickets);
    return leit_launch_status("layernorm backward");
}

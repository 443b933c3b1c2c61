#include "kernels/batchnorm2d.cuh"
#include "kernels/row_images.h"

/* A batch of a head is tens of rows of some hundred columns: a launch takes longer than its work, so that one does
 * all, where batchnorm2d's two passes are two. A block has 32 columns, which no other block reads: a
 * warp takes every eighth row of them, all rows three times, the last two times from the L1 cache.
 *
 * More than MOST_ROWS are left to the kernels of batchnorm2d. */

enum { COLUMNS = LEIT_WARP, WARPS = 8, THREADS = COLUMNS * WARPS, MOST_ROWS = 512 };

static bool is_small(const struct leit_batchnorm1d *args)
{
    return args->N <= MOST_ROWS;
}

size_t leit_batchnorm1d_workspace_fast(const struct leit_batchnorm1d *args, int n_workers)
{
    const struct leit_batchnorm2d images = leit_row_images(args);
    return is_small(args) ? 0 : leit_batchnorm2d_workspace_fast(&images, n_workers);
}

/* The sum over the threads of a column, for each of them; all threads of the block call it. */
static __device__ float column_sum(float value)
{
    LEIT_SHARED(float, sums, [WARPS][COLUMNS]);
    const int warp = (int)threadIdx.x / COLUMNS, lane = (int)threadIdx.x % COLUMNS;
    float sum = 0.0f;
    __syncthreads(); /* the previous sum has been read */
    sums[warp][lane] = value;
    __syncthreads();
    for (int i = 0; i < WARPS; i++) sum += sums[i][lane];
    return sum;
}

/* What a thread does: rows `first`, first + WARPS, ... of column c; none where there is no such column. */
struct column {
    int c, first, rows;
};

static __device__ struct column column_of_thread(const struct leit_batchnorm2d &args)
{
    const int c = (int)(blockIdx.x * COLUMNS + threadIdx.x % COLUMNS);
    const int64_t rows = c < args.C ? leit_device_rows(args.n_samples, args.N) : 0;
    const struct column column = {c, (int)threadIdx.x / COLUMNS, (int)rows};
    return column;
}

static __device__ struct leit_statistics batch_statistics(const struct leit_batchnorm2d &args,
                                                          const struct column &own)
{
    float total = 0.0f, squares = 0.0f;
    for (int r = own.first; r < own.rows; r += WARPS) total += args.x[r * args.C + own.c];
    const float n = (float)own.rows, mean = column_sum(total) / n;
    for (int r = own.first; r < own.rows; r += WARPS) {
        const float off = args.x[r * args.C + own.c] - mean;
        squares += off * off;
    }
    return leit_statistics_of(args, n, mean, column_sum(squares));
}

static __global__ void __launch_bounds__(THREADS) normalise_columns(struct leit_batchnorm2d args)
{
    const struct column own = column_of_thread(args);
    struct leit_statistics of = {};
    if (args.training) {
        of = batch_statistics(args, own);
    } else if (own.rows > 0) {
        of.mean = args.running_mean[own.c];
        of.rstd = 1.0f / leit_sqrt(args.running_var[own.c] + args.epsilon);
    }
    if (own.first == 0 && own.rows > 0) {
        if (args.training) {
            leit_take_statistics(args, own.c, of);
        } else {
            args.mean[own.c] = of.mean;
            args.rstd[own.c] = of.rstd;
        }
    }
    for (int r = own.first; r < own.rows; r += WARPS) {
        const int64_t i = r * args.C + own.c;
        const float y = (args.x[i] - of.mean) * (of.rstd * args.w[own.c]) + args.b[own.c];
        args.y[i] = args.relu && y < 0.0f ? 0.0f : y;
    }
}

/* dy behind relu. */
static __device__ float gradient(const struct leit_batchnorm2d &args, int64_t i)
{
    return !args.relu || args.y[i] > 0.0f ? args.dy[i] : 0.0f;
}

static __global__ void __launch_bounds__(THREADS)
    differentiate_columns(struct leit_batchnorm2d args)
{
    const struct column own = column_of_thread(args);
    const float mean = own.rows > 0 ? args.mean[own.c] : 0.0f;
    float sum_g = 0.0f, sum_gx = 0.0f;
    for (int r = own.first; r < own.rows; r += WARPS) {
        const int64_t i = r * args.C + own.c;
        const float g = gradient(args, i);
        sum_g += g;
        sum_gx += g * (args.x[i] - mean);
    }
    sum_g = column_sum(sum_g);
    sum_gx = column_sum(sum_gx);
    if (own.rows > 0) {
        const struct leit_dx_factors of =
            leit_dx_factors_of(args, own.c, (double)own.rows, (double)sum_g, (double)sum_gx);
        if (own.first == 0) leit_add_gradients(args, own.c, (double)sum_g, (double)sum_gx);
        for (int r = own.first; args.dx != nullptr && r < own.rows; r += WARPS) {
            const int64_t i = r * args.C + own.c;
            args.dx[i] = of.scale * gradient(args, i) - of.slope * (args.x[i] - mean) - of.shift;
        }
    }
}

leit_status leit_batchnorm1d_forward_fast(const leit_exec *exec,
                                          const struct leit_batchnorm1d *args)
{
    const struct leit_batchnorm2d images = leit_row_images(args);
    if (!is_small(args)) return leit_batchnorm2d_forward_fast(exec, &images);
    LEIT_TRY(leit_batchnorm2d_check_forward(&images));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(normalise_columns, (unsigned)leit_pieces(args->C, COLUMNS), THREADS, 0,
                exec->stream, images);
    return leit_launch_status("batchnorm1d forward");
}

leit_status leit_batchnorm1d_backward_fast(const leit_exec *exec,
                                           const struct leit_batchnorm1d *args)
{
    const struct leit_batchnorm2d images = leit_row_images(args);
    if (!is_small(args)) return leit_batchnorm2d_backward_fast(exec, &images);
    LEIT_TRY(leit_batchnorm2d_check(&images));
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(differentiate_columns, (unsigned)leit_pieces(args->C, COLUMNS), THREADS, 0,
                exec->stream, images);
    return leit_launch_status("batchnorm1d backward");
}

#include "kernels/layernorm.h"

#include <math.h>
#include <string.h>

#include "kernels/blocks.h"
#include "kernels/philox.h"

/* Rows are independent, so a task takes a block of rows. dw and db are sums over rows: each block
 * writes its own partial sums into the workspace and the partials are added in block order. */

enum { BLOCK_ROWS = 32, CHUNK = 512 };

static leit_status check(const struct leit_layernorm *args)
{
    LEIT_TRY(leit_layernorm_check(args));
    return leit_check_rows("layernorm", args->n_rows, args->N);
}

size_t leit_layernorm_workspace_cpu(const struct leit_layernorm *args, int n_workers)
{
    (void)n_workers;
    return (size_t)leit_blocks(args->N, BLOCK_ROWS) * 2 * (size_t)args->D * sizeof(float);
}

/* to (D) = dropout(from) of row n; to may be from. */
static void drop_row(const struct leit_layernorm *args, int64_t n, const float *from, float *to)
{
    float scale[CHUNK];
    for (int64_t first = 0; first < args->D; first += CHUNK) {
        const int64_t count = args->D - first < CHUNK ? args->D - first : CHUNK;
        leit_dropout_scales(args->random, args->stream, 0, args->dropout, n * args->D + first,
                            count, scale);
        /* A dropped element is 0 whatever it was, an infinity too. */
        /* NOLINTBEGIN(clang-analyzer-core.UndefinedBinaryOperatorResult): `count` were written */
        for (int64_t i = 0; i < count; i++)
            to[first + i] = scale[i] == 0.0f ? 0.0f : from[first + i] * scale[i];
        /* NOLINTEND(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    }
}

static void forward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct leit_layernorm *args = context;
    const int64_t D = args->D;
    leit_range rows = leit_block_range(block, leit_rows(args->n_rows, args->N), BLOCK_ROWS);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        const float *s = args->x + n * D;
        if (args->residual != NULL) {
            const float *residual = args->residual + n * D;
            float *sum = args->sum + n * D;
            if (args->dropout > 0.0f) {
                drop_row(args, n, s, sum);
                s = sum;
            }
            for (int64_t d = 0; d < D; d++) sum[d] = s[d] + residual[d];
            s = sum;
        }
        /* Two passes: the textbook E[x^2] - E[x]^2 cancels where |mean| is large. */
        float mean = leit_sum(s, D) / (float)D;
        float variance = leit_sum_squared_difference(s, mean, D) / (float)D;
        float rstd = 1.0f / sqrtf(variance + args->epsilon);
        float *y = args->y + n * D;
        for (int64_t d = 0; d < D; d++) y[d] = (s[d] - mean) * rstd * args->w[d] + args->b[d];
        args->mean[n] = mean;
        args->rstd[n] = rstd;
    }
}

leit_status leit_layernorm_forward_cpu(const leit_exec *exec, const struct leit_layernorm *args)
{
    LEIT_TRY(check(args));
    struct leit_layernorm copy = *args;
    int64_t blocks = leit_blocks(leit_rows(args->n_rows, args->N), BLOCK_ROWS);
    leit_threads_run(exec->threads, blocks, forward_block, &copy);
    return LEIT_OK;
}

struct backward {
    const struct leit_layernorm *args;
    float *partial; /* (blocks, 2, D) */
};

static void backward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct backward *backward = context;
    const struct leit_layernorm *args = backward->args;
    const int64_t D = args->D;
    float *dw = backward->partial + block * 2 * D, *db = dw + D;
    for (int64_t d = 0; d < 2 * D; d++) dw[d] = 0.0f;

    leit_range rows = leit_block_range(block, leit_rows(args->n_rows, args->N), BLOCK_ROWS);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        const float *s = (args->residual != NULL ? args->sum : args->x) + n * D;
        const float *dy = args->dy + n * D;
        const float mean = args->mean[n], rstd = args->rstd[n];
        /* With g = dy * w and h = the normalised s: dx = rstd * (g - mean(g) - h * mean(g h)). */
        for (int64_t d = 0; d < D; d++) {
            dw[d] += dy[d] * (s[d] - mean) * rstd;
            db[d] += dy[d];
        }
        float *dx = args->dx != NULL ? args->dx : args->dresidual;
        if (dx == NULL) continue;
        dx += n * D;
        float mean_g = leit_dot(dy, args->w, D) / (float)D;
        float mean_gh = leit_dot_centred(dy, args->w, s, mean, D) * rstd / (float)D;
        for (int64_t d = 0; d < D; d++) {
            float h = (s[d] - mean) * rstd;
            dx[d] = rstd * (dy[d] * args->w[d] - mean_g - h * mean_gh);
        }
        if (args->dx != NULL && args->dresidual != NULL)
            memcpy(args->dresidual + n * D, dx, (size_t)D * sizeof(float));
        if (args->dx != NULL && args->dropout > 0.0f) drop_row(args, n, dx, dx);
    }
}

leit_status leit_layernorm_backward_cpu(const leit_exec *exec, const struct leit_layernorm *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "layernorm", exec, leit_layernorm_workspace_cpu(args, leit_threads_count(exec->threads))));
    int64_t blocks = leit_blocks(leit_rows(args->n_rows, args->N), BLOCK_ROWS);
    struct backward backward = {args, exec->workspace};
    leit_threads_run(exec->threads, blocks, backward_block, &backward);
    if (args->dw != NULL)
        leit_add_partials(args->dw, backward.partial, blocks, 2 * args->D, args->D);
    if (args->db != NULL)
        leit_add_partials(args->db, backward.partial + args->D, blocks, 2 * args->D, args->D);
    return LEIT_OK;
}

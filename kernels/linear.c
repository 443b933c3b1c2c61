#include "kernels/linear.h"

#include "kernels/gemm.h"
#include "kernels/vector_math.h"

/* Forward: one product; bias and activation are its epilogue. Backward: row blocks compute
 * dpre = dy * activation'(pre) into the workspace (dy itself serves when there is no activation)
 * and their partial sums of db; then one product each for dx and dw. */

enum { BLOCK_ROWS = 64 };

static leit_status check(const struct leit_linear *args)
{
    LEIT_TRY(leit_linear_check(args));
    return leit_check_rows("linear", args->n_rows, args->N);
}

size_t leit_linear_workspace_cpu(const struct leit_linear *args, int n_workers)
{
    (void)n_workers;
    int64_t dpre = args->activation == LEIT_ACTIVATION_NONE ? 0 : args->N * args->K;
    int64_t partial = leit_blocks(args->N, BLOCK_ROWS) * args->K;
    return (size_t)(dpre + partial) * sizeof(float);
}

static void finish_row(const struct leit_linear *args, float *restrict pre, float *restrict y,
                       const float *restrict b, int64_t n)
{
    if (b != NULL)
        for (int64_t k = 0; k < n; k++) pre[k] += b[k];
    if (args->activation == LEIT_ACTIVATION_GELU)
        for (int64_t k = 0; k < n; k++) y[k] = leit_gelu_value(pre[k]);
}

static void finish_tile(void *context, leit_range rows, leit_range columns)
{
    const struct leit_linear *args = context;
    const int64_t width = columns.end - columns.begin;
    const float *b = args->b == NULL ? NULL : args->b + columns.begin;
    float *product = args->activation == LEIT_ACTIVATION_NONE ? args->y : args->pre;
    for (int64_t n = rows.begin; n < rows.end; n++) {
        float *pre = product + n * args->K + columns.begin;
        float *y = args->y + n * args->K + columns.begin;
        finish_row(args, pre, y, b, width);
        if (args->activation == LEIT_ACTIVATION_RELU) /* here y may be pre */
            for (int64_t k = 0; k < width; k++) y[k] = leit_relu_value(pre[k]);
    }
}

leit_status leit_linear_forward_cpu(const leit_exec *exec, const struct leit_linear *args)
{
    LEIT_TRY(check(args));
    struct leit_linear copy = *args;
    const bool plain = args->activation == LEIT_ACTIVATION_NONE;
    struct leit_gemm product = {
        .M = leit_rows(args->n_rows, args->N),
        .N = args->K,
        .K = args->D,
        .transpose_b = true,
        .alpha = 1.0f,
        .a = args->x,
        .lda = args->D,
        .b = args->w,
        .ldb = args->D,
        .c = plain ? args->y : args->pre,
        .ldc = args->K,
        .epilogue = plain && args->b == NULL ? NULL : finish_tile,
        .context = &copy,
    };
    return leit_gemm_run(exec->threads, &product);
}

struct backward {
    const struct leit_linear *args;
    float *dpre;    /* (N, K), NULL without an activation */
    float *partial; /* of db: (blocks, K) */
};

static void backward_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct backward *backward = context;
    const struct leit_linear *args = backward->args;
    const int64_t K = args->K;
    float *restrict db = backward->partial + block * K;
    for (int64_t k = 0; k < K; k++) db[k] = 0.0f;
    leit_range rows = leit_block_range(block, leit_rows(args->n_rows, args->N), BLOCK_ROWS);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        const float *restrict dy = args->dy + n * K;
        if (args->activation == LEIT_ACTIVATION_NONE) {
            for (int64_t k = 0; k < K; k++) db[k] += dy[k];
            continue;
        }
        const float *restrict pre = args->pre + n * K;
        float *restrict dpre = backward->dpre + n * K;
        if (args->activation == LEIT_ACTIVATION_GELU)
            for (int64_t k = 0; k < K; k++) dpre[k] = dy[k] * leit_gelu_slope(pre[k]);
        else
            for (int64_t k = 0; k < K; k++) dpre[k] = pre[k] > 0.0f ? dy[k] : 0.0f;
        for (int64_t k = 0; k < K; k++) db[k] += dpre[k];
    }
}

leit_status leit_linear_backward_cpu(const leit_exec *exec, const struct leit_linear *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "linear", exec, leit_linear_workspace_cpu(args, leit_threads_count(exec->threads))));
    const int64_t rows = leit_rows(args->n_rows, args->N), blocks = leit_blocks(rows, BLOCK_ROWS);
    float *workspace = exec->workspace;
    const bool plain = args->activation == LEIT_ACTIVATION_NONE;
    struct backward backward = {.args = args,
                                .dpre = plain ? NULL : workspace,
                                .partial = plain ? workspace : workspace + args->N * args->K};
    if (!plain || args->db != NULL)
        leit_threads_run(exec->threads, blocks, backward_block, &backward);
    if (args->db != NULL) leit_add_partials(args->db, backward.partial, blocks, args->K, args->K);

    struct leit_gemm product = {.alpha = 1.0f, .lda = args->K, .ldc = args->D};
    product.a = plain ? args->dy : backward.dpre;
    if (args->dx != NULL) {
        product.M = rows, product.N = args->D, product.K = args->K;
        product.b = args->w, product.ldb = args->D;
        product.c = args->dx, product.beta = args->adds_dx ? 1.0f : 0.0f;
        LEIT_TRY(leit_gemm_run(exec->threads, &product));
    }
    if (args->dw != NULL) {
        product.M = args->K, product.N = args->D, product.K = rows;
        product.transpose_a = true;
        product.b = args->x, product.ldb = args->D;
        product.c = args->dw, product.beta = 1.0f;
        LEIT_TRY(leit_gemm_run(exec->threads, &product));
    }
    return LEIT_OK;
}

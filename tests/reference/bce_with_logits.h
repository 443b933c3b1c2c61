/* bce_with_logits as plain loops; see kernels/bce_with_logits.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_bce_with_logits *args = leit_case_args(c);
    const real *x = BUFFER("x"), *targets = BUFFER("targets");
    real *losses = BUFFER("losses"), *loss = BUFFER("loss");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t K = args->K, rows = n_rows != NULL ? *n_rows : args->N;
    loss[0] = 0;
    for (int64_t n = 0; n < rows; n++) {
        losses[n] = 0;
        for (int64_t k = 0; k < K; k++) {
            const real z = x[n * K + k];
            losses[n] += fmax(z, (real)0) - z * targets[n * K + k] + log(1 + exp(-fabs(z)));
        }
        losses[n] /= (real)K;
        loss[0] += losses[n] / (real)rows;
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_bce_with_logits *args = leit_case_args(c);
    const real *x = BUFFER("x"), *targets = BUFFER("targets"), *dloss = BUFFER("dloss");
    real *dx = BUFFER("dx");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t i = 0; i < rows * args->K; i++)
        dx[i] = dloss[0] / (real)(rows * args->K) * (1 / (1 + exp(-x[i])) - targets[i]);
}

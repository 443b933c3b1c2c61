/* linear as plain loops; see kernels/linear.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_linear *args = leit_case_args(c);
    const real *x = BUFFER("x"), *w = BUFFER("w"), *b = BUFFER("b");
    real *y = BUFFER("y"), *pre = BUFFER("pre");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, K = args->K, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t i = 0; i < rows * K; i++) {
        const int64_t n = i / K, k = i % K;
        real total = 0;
        for (int64_t d = 0; d < D; d++) total += x[n * D + d] * w[k * D + d];
        if (b != NULL) total += b[k];
        if (pre != NULL) pre[i] = total;
        if (args->activation == LEIT_ACTIVATION_RELU)
            total = total > 0 ? total : 0;
        else if (args->activation == LEIT_ACTIVATION_GELU)
            total = total * (1 + erf(total * (real)0.70710678118654752440)) / 2;
        y[i] = total;
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_linear *args = leit_case_args(c);
    const real *x = BUFFER("x"), *w = BUFFER("w"), *pre = BUFFER("pre"), *dy = BUFFER("dy");
    real *dx = BUFFER("dx"), *dw = BUFFER("dw"), *db = BUFFER("db");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, K = args->K, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t i = 0; dx != NULL && !args->adds_dx && i < rows * D; i++) dx[i] = 0;
    for (int64_t i = 0; i < rows * K; i++) {
        const int64_t n = i / K, k = i % K;
        real g = dy[i];
        if (args->activation == LEIT_ACTIVATION_RELU) {
            g = pre[i] > 0 ? g : 0;
        } else if (args->activation == LEIT_ACTIVATION_GELU) {
            const real p = pre[i];
            g *= (1 + erf(p * (real)0.70710678118654752440)) / 2 +
                 p * exp(-p * p / 2) * (real)0.39894228040143267794;
        }
        if (db != NULL) db[k] += g;
        for (int64_t d = 0; d < D; d++) {
            if (dx != NULL) dx[n * D + d] += g * w[k * D + d];
            dw[k * D + d] += g * x[n * D + d];
        }
    }
}

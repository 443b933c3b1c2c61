/* softmax_cross_entropy as plain loops; see kernels/softmax_cross_entropy.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_softmax_cross_entropy *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *p = BUFFER("probabilities"), *losses = BUFFER("losses"), *loss = BUFFER("loss");
    const int32_t *n_rows = leit_case_i32(c, "n_rows"), *labels = leit_case_i32(c, "labels");
    const int64_t K = args->K, rows = n_rows != NULL ? *n_rows : args->N;
    loss[0] = 0;
    for (int64_t n = 0; n < rows; n++) {
        real largest = x[n * K], total = 0;
        for (int64_t k = 0; k < K; k++) largest = fmax(largest, x[n * K + k]);
        for (int64_t k = 0; k < K; k++) total += exp(x[n * K + k] - largest);
        for (int64_t k = 0; k < K; k++) p[n * K + k] = exp(x[n * K + k] - largest) / total;
        losses[n] = log(total) - (x[n * K + labels[n]] - largest);
        loss[0] += losses[n] / (real)rows;
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_softmax_cross_entropy *args = leit_case_args(c);
    const real *p = BUFFER("probabilities"), *dloss = BUFFER("dloss");
    real *dx = BUFFER("dx");
    const int32_t *n_rows = leit_case_i32(c, "n_rows"), *labels = leit_case_i32(c, "labels");
    const int64_t K = args->K, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t n = 0; n < rows; n++)
        for (int64_t k = 0; k < K; k++)
            dx[n * K + k] = dloss[0] / (real)rows * (p[n * K + k] - (k == labels[n] ? 1 : 0));
}

/* focal_loss as plain loops; see kernels/focal_loss.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_focal_loss *args = leit_case_args(c);
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
        losses[n] = pow(1 - p[n * K + labels[n]], (real)args->gamma) *
                    (log(total) - (x[n * K + labels[n]] - largest));
        loss[0] += losses[n] / (real)rows;
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_focal_loss *args = leit_case_args(c);
    const real *p = BUFFER("probabilities"), *x = BUFFER("x"), *dloss = BUFFER("dloss");
    real *dx = BUFFER("dx");
    const real gamma = (real)args->gamma;
    const int32_t *n_rows = leit_case_i32(c, "n_rows"), *labels = leit_case_i32(c, "labels");
    const int64_t K = args->K, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t n = 0; n < rows; n++) {
        const real mine = p[n * K + labels[n]], rest = 1 - mine;
        real largest = x[n * K], total = 0;
        for (int64_t k = 0; k < K; k++) largest = fmax(largest, x[n * K + k]);
        for (int64_t k = 0; k < K; k++) total += exp(x[n * K + k] - largest);
        real dlogits = -pow(rest, gamma); /* d loss / d log p */
        if (!args->weight_is_constant && gamma > 0 && rest > 0)
            dlogits +=
                gamma * mine * pow(rest, gamma - 1) * (x[n * K + labels[n]] - largest - log(total));
        for (int64_t k = 0; k < K; k++)
            dx[n * K + k] =
                dloss[0] / (real)rows * dlogits * ((k == labels[n] ? 1 : 0) - p[n * K + k]);
    }
}

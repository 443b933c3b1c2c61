/* mse as plain loops; see kernels/mse.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_mse *args = leit_case_args(c);
    const real *x = BUFFER("x"), *target = BUFFER("target");
    real *losses = BUFFER("losses"), *loss = BUFFER("loss");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, rows = n_rows != NULL ? *n_rows : args->N;
    loss[0] = 0;
    for (int64_t n = 0; n < rows; n++) {
        losses[n] = 0;
        for (int64_t i = n * D; i < (n + 1) * D; i++)
            losses[n] += (x[i] - target[i]) * (x[i] - target[i]);
        losses[n] /= (real)D;
        loss[0] += losses[n] / (real)rows;
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_mse *args = leit_case_args(c);
    const real *x = BUFFER("x"), *target = BUFFER("target"), *dloss = BUFFER("dloss");
    real *dx = BUFFER("dx");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t i = 0; i < rows * args->D; i++)
        dx[i] = dloss[0] / (real)(rows * args->D) * 2 * (x[i] - target[i]);
}

/* relu as plain loops; see kernels/relu.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_relu *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *y = BUFFER("y");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t n = (n_rows != NULL ? *n_rows : args->N) * args->D;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_relu *args = leit_case_args(c);
    const real *x = BUFFER("x"), *dy = BUFFER("dy");
    real *dx = BUFFER("dx");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t n = (n_rows != NULL ? *n_rows : args->N) * args->D;
    for (int64_t i = 0; i < n; i++) {
        dx[i] = x[i] > 0 ? dy[i] : 0;
    }
}

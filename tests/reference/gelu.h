/* gelu as plain loops; see kernels/gelu.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_gelu *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *y = BUFFER("y");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t n = (n_rows != NULL ? *n_rows : args->N) * args->D;
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * (1 + erf(x[i] * (real)0.70710678118654752440)) / 2;
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_gelu *args = leit_case_args(c);
    const real *x = BUFFER("x"), *dy = BUFFER("dy");
    real *dx = BUFFER("dx");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t n = (n_rows != NULL ? *n_rows : args->N) * args->D;
    for (int64_t i = 0; i < n; i++) {
        const real cdf = (1 + erf(x[i] * (real)0.70710678118654752440)) / 2;
        dx[i] = dy[i] * (cdf + x[i] * exp(-x[i] * x[i] / 2) * (real)0.39894228040143267794);
    }
}

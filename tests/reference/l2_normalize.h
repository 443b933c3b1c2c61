/* l2_normalize as plain loops; see kernels/l2_normalize.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_l2_normalize *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *y = BUFFER("y"), *norm = BUFFER("norm");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t E = args->E, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t n = 0; n < rows; n++) {
        real squares = 0;
        for (int64_t e = 0; e < E; e++) squares += x[n * E + e] * x[n * E + e];
        norm[n] = sqrt(squares);
        const real divisor = norm[n] < (real)1e-12f ? (real)1e-12f : norm[n];
        for (int64_t e = 0; e < E; e++) y[n * E + e] = x[n * E + e] / divisor;
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_l2_normalize *args = leit_case_args(c);
    const real *y = BUFFER("y"), *norm = BUFFER("norm"), *dy = BUFFER("dy");
    real *dx = BUFFER("dx");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t E = args->E, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t n = 0; n < rows; n++) {
        real along = 0;
        for (int64_t e = 0; e < E; e++) along += y[n * E + e] * dy[n * E + e];
        for (int64_t e = 0; e < E; e++)
            dx[n * E + e] = norm[n] < (real)1e-12f
                                ? dy[n * E + e] / (real)1e-12f
                                : (dy[n * E + e] - y[n * E + e] * along) / norm[n];
    }
}

/* gather_rows as plain loops; see kernels/gather_rows.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_gather_rows *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *y = BUFFER("y");
    const int32_t *index = leit_case_i32(c, "index"), *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t i = 0; i < rows * D; i++) y[i] = x[index[i / D] * D + i % D];
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_gather_rows *args = leit_case_args(c);
    const real *dy = BUFFER("dy");
    real *dx = BUFFER("dx");
    const int32_t *index = leit_case_i32(c, "index"), *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t i = 0; !args->adds_dx && i < args->M * D; i++) dx[i] = 0;
    for (int64_t i = 0; i < rows * D; i++) dx[index[i / D] * D + i % D] += dy[i];
}

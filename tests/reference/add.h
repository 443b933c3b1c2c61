/* add as plain loops; see kernels/add.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_add *args = leit_case_args(c);
    const real *a = BUFFER("a"), *b = BUFFER("b");
    real *y = BUFFER("y");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t n = (n_rows != NULL ? *n_rows : args->N) * args->D;
    for (int64_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_add *args = leit_case_args(c);
    const real *dy = BUFFER("dy");
    real *da = BUFFER("da"), *db = BUFFER("db");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t n = (n_rows != NULL ? *n_rows : args->N) * args->D;
    for (int64_t i = 0; i < n; i++) {
        if (da != NULL) da[i] = dy[i];
        if (db != NULL) db[i] = dy[i];
    }
}

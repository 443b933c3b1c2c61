/* concat_rows as plain loops; see kernels/concat_rows.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_concat_rows *args = leit_case_args(c);
    const real *a = BUFFER("a"), *b = BUFFER("b");
    real *y = BUFFER("y");
    const int64_t first = args->Na * args->D, second = args->Nb * args->D;
    for (int64_t i = 0; i < first; i++) y[i] = a[i];
    for (int64_t i = 0; i < second; i++) y[first + i] = b[i];
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_concat_rows *args = leit_case_args(c);
    const real *dy = BUFFER("dy");
    real *da = BUFFER("da"), *db = BUFFER("db");
    const int64_t first = args->Na * args->D, second = args->Nb * args->D;
    for (int64_t i = 0; i < first; i++) da[i] = dy[i];
    for (int64_t i = 0; db != NULL && i < second; i++) db[i] = dy[first + i];
}

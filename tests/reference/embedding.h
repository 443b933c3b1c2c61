/* embedding as plain loops; see kernels/embedding.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_embedding *args = leit_case_args(c);
    const real *words = BUFFER("words"), *table = BUFFER("position_table");
    real *y = BUFFER("y");
    const int32_t *ids = leit_case_i32(c, "ids"), *positions = leit_case_i32(c, "positions");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t i = 0; i < rows * D; i++) {
        y[i] = words[ids[i / D] * D + i % D];
        if (positions != NULL) y[i] += table[positions[i / D] * D + i % D];
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_embedding *args = leit_case_args(c);
    const real *dy = BUFFER("dy");
    real *dwords = BUFFER("dwords"), *dtable = BUFFER("dposition_table");
    const int32_t *ids = leit_case_i32(c, "ids"), *positions = leit_case_i32(c, "positions");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t i = 0; i < rows * D; i++) {
        if (dwords != NULL) dwords[ids[i / D] * D + i % D] += dy[i];
        if (dtable != NULL) dtable[positions[i / D] * D + i % D] += dy[i];
    }
}

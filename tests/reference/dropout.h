/* dropout as plain loops; see kernels/dropout.h. */
static real REFERENCE(scale)(const struct leit_dropout *args, int64_t i)
{
    if (args->p == 0.0f) return 1;
    const uint32_t counter[4] = {(uint32_t)(i / 4), 0, args->random->step, args->stream};
    uint32_t words[4];
    leit_philox(args->random->seed, counter, words);
    return leit_uniform_from_word(words[i % 4]) >= args->p ? 1 / (1 - (real)args->p) : 0;
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_dropout *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *y = BUFFER("y");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t n = (n_rows != NULL ? *n_rows : args->N) * args->D;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * REFERENCE(scale)(args, i);
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_dropout *args = leit_case_args(c);
    const real *dy = BUFFER("dy");
    real *dx = BUFFER("dx");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t n = (n_rows != NULL ? *n_rows : args->N) * args->D;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * REFERENCE(scale)(args, i);
}

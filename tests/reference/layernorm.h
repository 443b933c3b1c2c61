/* layernorm as plain loops; see kernels/layernorm.h. */
static real REFERENCE(scale)(const struct leit_layernorm *args, int64_t i)
{
    if (args->dropout == 0.0f) return 1;
    const uint32_t counter[4] = {(uint32_t)(i / 4), 0, args->random->step, args->stream};
    uint32_t words[4];
    leit_philox(args->random->seed, counter, words);
    return leit_uniform_from_word(words[i % 4]) >= args->dropout ? 1 / (1 - (real)args->dropout)
                                                                 : 0;
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_layernorm *args = leit_case_args(c);
    const real *x = BUFFER("x"), *residual = BUFFER("residual"), *w = BUFFER("w"), *b = BUFFER("b");
    real *y = BUFFER("y"), *sum = BUFFER("sum"), *mean = BUFFER("mean"), *rstd = BUFFER("rstd");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t n = 0; n < rows; n++) {
        real total = 0, squares = 0;
        for (int64_t d = 0; d < D; d++) {
            real s = x[n * D + d] * REFERENCE(scale)(args, n * D + d) +
                     (residual != NULL ? residual[n * D + d] : 0);
            if (sum != NULL) sum[n * D + d] = s;
            y[n * D + d] = s;
            total += s;
        }
        mean[n] = total / (real)D;
        for (int64_t d = 0; d < D; d++) {
            real difference = y[n * D + d] - mean[n];
            squares += difference * difference;
        }
        rstd[n] = 1 / sqrt(squares / (real)D + (real)args->epsilon);
        for (int64_t d = 0; d < D; d++)
            y[n * D + d] = (y[n * D + d] - mean[n]) * rstd[n] * w[d] + b[d];
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_layernorm *args = leit_case_args(c);
    const real *x = BUFFER("x"), *residual = BUFFER("residual"), *w = BUFFER("w");
    const real *mean = BUFFER("mean"), *rstd = BUFFER("rstd"), *dy = BUFFER("dy");
    real *dx = BUFFER("dx"), *dresidual = BUFFER("dresidual"), *dw = BUFFER("dw"),
         *db = BUFFER("db");
    const int32_t *n_rows = leit_case_i32(c, "n_rows");
    const int64_t D = args->D, rows = n_rows != NULL ? *n_rows : args->N;
    for (int64_t n = 0; n < rows; n++) {
        real mean_g = 0, mean_gh = 0;
        for (int64_t d = 0; d < D; d++) {
            int64_t i = n * D + d;
            real s = x[i] * REFERENCE(scale)(args, i) + (residual != NULL ? residual[i] : 0);
            real h = (s - mean[n]) * rstd[n];
            dw[d] += dy[i] * h;
            db[d] += dy[i];
            mean_g += dy[i] * w[d];
            mean_gh += dy[i] * w[d] * h;
        }
        mean_g /= (real)D;
        mean_gh /= (real)D;
        for (int64_t d = 0; d < D; d++) {
            int64_t i = n * D + d;
            real s = x[i] * REFERENCE(scale)(args, i) + (residual != NULL ? residual[i] : 0);
            real ds = rstd[n] * (dy[i] * w[d] - mean_g - (s - mean[n]) * rstd[n] * mean_gh);
            if (dresidual != NULL) dresidual[i] = ds;
            dx[i] = ds * REFERENCE(scale)(args, i);
        }
    }
}

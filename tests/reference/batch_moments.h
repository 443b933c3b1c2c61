/* batch_moments as plain loops; see kernels/batch_moments.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_batch_moments *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *moments = BUFFER("moments");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t C = args->C, samples = n_samples != NULL ? *n_samples : args->N;
    const int64_t pixels = samples * args->H * args->W;
    for (int64_t k = 0; k < C; k++) {
        real mean = 0, squares = 0;
        for (int64_t p = 0; p < pixels; p++) mean += x[p * C + k];
        if (pixels > 0) mean /= (real)pixels;
        for (int64_t p = 0; p < pixels; p++)
            squares += (x[p * C + k] - mean) * (x[p * C + k] - mean);
        moments[k] = mean;
        moments[C + k] = squares;
    }
    moments[2 * C] = (real)samples;
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_batch_moments *args = leit_case_args(c);
    const real *x = BUFFER("x"), *moments = BUFFER("moments"), *dmoments = BUFFER("dmoments");
    real *dx = BUFFER("dx");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t C = args->C, samples = n_samples != NULL ? *n_samples : args->N;
    const int64_t pixels = samples * args->H * args->W;
    for (int64_t i = 0; dx != NULL && i < pixels * C; i++) {
        const int64_t k = i % C;
        const real g = dmoments[k] / (real)pixels + 2 * dmoments[C + k] * (x[i] - moments[k]);
        dx[i] = args->adds_dx ? dx[i] + g : g;
    }
}

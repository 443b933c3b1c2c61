/* global_max_pool as plain loops; see kernels/global_max_pool.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_global_max_pool *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *y = BUFFER("y");
    int32_t *argmax = leit_case_i32(c, "argmax");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t samples = n_samples != NULL ? *n_samples : args->N;
    const int64_t C = args->C, pixels = args->H * args->W;
    for (int64_t out = 0; out < samples * C; out++)
        for (int64_t p = 0; p < pixels; p++) {
            real v = x[(out / C * pixels + p) * C + out % C];
            if (p == 0 || v > y[out]) y[out] = v, argmax[out] = (int32_t)p;
        }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_global_max_pool *args = leit_case_args(c);
    const real *dy = BUFFER("dy");
    real *dx = BUFFER("dx");
    const int32_t *argmax = leit_case_i32(c, "argmax"), *n_samples = leit_case_i32(c, "n_samples");
    const int64_t samples = n_samples != NULL ? *n_samples : args->N;
    const int64_t C = args->C, pixels = args->H * args->W;
    if (dx == NULL) return;
    for (int64_t i = 0; i < samples * pixels * C; i++) dx[i] = 0;
    for (int64_t out = 0; out < samples * C; out++)
        dx[(out / C * pixels + argmax[out]) * C + out % C] = dy[out];
}

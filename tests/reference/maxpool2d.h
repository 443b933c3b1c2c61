/* maxpool2d as plain loops; see kernels/maxpool2d.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_maxpool2d *args = leit_case_args(c);
    const real *x = BUFFER("x");
    real *y = BUFFER("y");
    uint8_t *argmax = leit_case_u8(c, "argmax");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t samples = n_samples != NULL ? *n_samples : args->N;
    const int64_t H = args->H, W = args->W, C = args->C, height = args->pool_height;
    const int64_t width = args->pool_width, out_H = H / height, out_W = W / width;
    for (int64_t out = 0; out < samples * out_H * out_W * C; out++) {
        int64_t k = out % C, w = out / C % out_W, h = out / C / out_W % out_H;
        int64_t n = out / C / out_W / out_H;
        for (int64_t place = 0; place < height * width; place++) {
            int64_t i = h * height + place / width, j = w * width + place % width;
            real v = x[((n * H + i) * W + j) * C + k];
            if (place == 0 || v > y[out]) y[out] = v, argmax[out] = (uint8_t)place;
        }
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_maxpool2d *args = leit_case_args(c);
    const real *dy = BUFFER("dy");
    real *dx = BUFFER("dx");
    const uint8_t *argmax = leit_case_u8(c, "argmax");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t samples = n_samples != NULL ? *n_samples : args->N;
    const int64_t H = args->H, W = args->W, C = args->C, height = args->pool_height;
    const int64_t width = args->pool_width, out_H = H / height, out_W = W / width;
    if (dx == NULL) return;
    for (int64_t i = 0; i < samples * H * W * C; i++) dx[i] = 0;
    for (int64_t out = 0; out < samples * out_H * out_W * C; out++) {
        int64_t k = out % C, w = out / C % out_W, h = out / C / out_W % out_H;
        int64_t n = out / C / out_W / out_H;
        int64_t i = h * height + argmax[out] / width, j = w * width + argmax[out] % width;
        dx[((n * H + i) * W + j) * C + k] = dy[out];
    }
}

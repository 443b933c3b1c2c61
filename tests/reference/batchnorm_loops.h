/* Batch normalisation with residual, relu and max pooling as plain loops, for batchnorm2d and
 * batchnorm1d; see kernels/batchnorm2d.h. `sizes` gives extents and flags; buffers come by name. */

/* Pixels of the batch: of x, or of the parts that `moments` tells of. */
static real REFERENCE(batchnorm_pixels)(leit_case *c, const struct leit_batchnorm2d *sizes,
                                        int64_t samples)
{
    const real *moments = BUFFER("moments");
    const int64_t row = 2 * sizes->C + 1;
    real total = sizes->n_parts == 0 ? (real)samples : 0;
    for (int64_t part = 0; part < sizes->n_parts; part++) total += moments[part * row + row - 1];
    return total * (real)(sizes->H * sizes->W);
}

/* Mean and squared deviations of channel k over the parts, of so many pixels in all. */
static void REFERENCE(batchnorm_join)(leit_case *c, const struct leit_batchnorm2d *sizes, int64_t k,
                                      real pixels, real *mean, real *squares)
{
    const int64_t C = sizes->C, row = 2 * C + 1;
    *mean = *squares = 0;
    for (int64_t part = 0; part < sizes->n_parts; part++) {
        const real *own = BUFFER("moments") + part * row;
        *mean += own[2 * C] * (real)(sizes->H * sizes->W) / pixels * own[k];
    }
    for (int64_t part = 0; part < sizes->n_parts; part++) {
        const real *own = BUFFER("moments") + part * row;
        *squares += own[C + k] +
                    own[2 * C] * (real)(sizes->H * sizes->W) * (own[k] - *mean) * (own[k] - *mean);
    }
}

static void REFERENCE(batchnorm_statistics)(leit_case *c, const struct leit_batchnorm2d *sizes,
                                            int64_t pixels)
{
    const real *x = BUFFER("x");
    real *running_mean = BUFFER("running_mean"), *running_var = BUFFER("running_var");
    real *mean = BUFFER("mean"), *rstd = BUFFER("rstd");
    const int64_t C = sizes->C;
    const real momentum = (real)sizes->momentum, epsilon = (real)sizes->epsilon;
    for (int64_t k = 0; k < C; k++) {
        real total = 0, squares = 0, n = (real)pixels;
        for (int64_t p = 0; p < pixels; p++) total += x[p * C + k];
        total /= (real)pixels;
        for (int64_t p = 0; p < pixels; p++)
            squares += (x[p * C + k] - total) * (x[p * C + k] - total);
        if (sizes->n_parts == 0 && BUFFER("moments") != NULL) {
            total = BUFFER("moments")[k];
            squares = BUFFER("moments")[C + k];
        }
        if (sizes->n_parts > 0) {
            n = REFERENCE(batchnorm_pixels)(c, sizes, 0);
            REFERENCE(batchnorm_join)(c, sizes, k, n, &total, &squares);
        }
        if (sizes->training) {
            mean[k] = total;
            rstd[k] = 1 / sqrt(squares / n + epsilon);
            running_mean[k] = (1 - momentum) * running_mean[k] + momentum * total;
            running_var[k] = (1 - momentum) * running_var[k] + momentum * squares / (n - 1);
        } else {
            mean[k] = running_mean[k];
            rstd[k] = 1 / sqrt(running_var[k] + epsilon);
        }
    }
}

/* The value behind relu of one element. */
static real REFERENCE(batchnorm_value)(leit_case *c, const struct leit_batchnorm2d *sizes,
                                       int64_t i)
{
    const real *residual = BUFFER("residual");
    const int64_t k = i % sizes->C;
    real v =
        (BUFFER("x")[i] - BUFFER("mean")[k]) * BUFFER("rstd")[k] * BUFFER("w")[k] + BUFFER("b")[k];
    if (residual != NULL) v += residual[i];
    return sizes->relu && v < 0 ? 0 : v;
}

/* The element at place `place` of the window of output element `out`. */
#ifndef LEIT_REFERENCE_BATCHNORM
#define LEIT_REFERENCE_BATCHNORM
static int64_t window_element(const struct leit_batchnorm2d *sizes, int64_t out, int64_t place)
{
    const int64_t C = sizes->C, H = sizes->H, W = sizes->W;
    const int64_t out_H = H / sizes->pool_height, out_W = W / sizes->pool_width;
    const int64_t k = out % C, w = out / C % out_W, h = out / C / out_W % out_H;
    const int64_t n = out / C / out_W / out_H;
    const int64_t i = place / sizes->pool_width, j = place % sizes->pool_width;
    return ((n * H + h * sizes->pool_height + i) * W + w * sizes->pool_width + j) * C + k;
}
#endif

static void REFERENCE(batchnorm_forward)(leit_case *c, const struct leit_batchnorm2d *sizes,
                                         int64_t samples)
{
    real *y = BUFFER("y");
    uint8_t *argmax = leit_case_u8(c, "argmax");
    const int64_t window = sizes->pool_height * sizes->pool_width;
    const int64_t outputs =
        samples * (sizes->H / sizes->pool_height) * (sizes->W / sizes->pool_width) * sizes->C;
    if (samples == 0 && sizes->n_parts == 0) return;
    REFERENCE(batchnorm_statistics)(c, sizes, samples * sizes->H * sizes->W);
    for (int64_t out = 0; out < outputs; out++) {
        int64_t best = 0;
        y[out] = REFERENCE(batchnorm_value)(c, sizes, window_element(sizes, out, 0));
        for (int64_t place = 1; place < window; place++) {
            real v = REFERENCE(batchnorm_value)(c, sizes, window_element(sizes, out, place));
            if (v > y[out]) best = place, y[out] = v;
        }
        if (argmax != NULL) argmax[out] = (uint8_t)best;
    }
}

/* Of channel k, through the mean and the squared deviations of the whole. */
static void REFERENCE(batchnorm_moments)(leit_case *c, const struct leit_batchnorm2d *sizes,
                                         int64_t k, real sum, real sum_h)
{
    const int64_t C = sizes->C, row = 2 * C + 1;
    const real pixels = REFERENCE(batchnorm_pixels)(c, sizes, 0);
    const real scale = BUFFER("w")[k] * BUFFER("rstd")[k];
    const real dmean = -scale * sum;
    const real dsquares = -scale * BUFFER("rstd")[k] * sum_h / (2 * pixels);
    for (int64_t part = 0; part < sizes->n_parts; part++) {
        const real *own = BUFFER("moments") + part * row;
        const real n = own[2 * C] * (real)(sizes->H * sizes->W);
        real *to = BUFFER("dmoments") + part * row;
        to[k] = dmean * n / pixels + 2 * dsquares * n * (own[k] - BUFFER("mean")[k]);
        to[C + k] = dsquares;
        to[2 * C] = 0;
    }
}

static void REFERENCE(batchnorm_backward)(leit_case *c, const struct leit_batchnorm2d *sizes,
                                          int64_t samples)
{
    const real *x = BUFFER("x"), *weights = BUFFER("w"), *mean = BUFFER("mean");
    const real *rstd = BUFFER("rstd"), *dy = BUFFER("dy"), *y = BUFFER("y");
    real *dx = BUFFER("dx"), *dresidual = BUFFER("dresidual");
    real *dw = BUFFER("dw"), *db = BUFFER("db");
    const uint8_t *argmax = leit_case_u8(c, "argmax");
    const int64_t C = sizes->C, pixels = samples * sizes->H * sizes->W;
    const int64_t outputs =
        samples * (sizes->H / sizes->pool_height) * (sizes->W / sizes->pool_width) * C;
    for (int64_t i = 0; i < pixels * C; i++) dx[i] = 0;
    for (int64_t out = 0; out < outputs; out++)
        if (!sizes->relu || y[out] > 0)
            dx[window_element(sizes, out, argmax != NULL ? argmax[out] : 0)] = dy[out];
    for (int64_t i = 0; dresidual != NULL && i < pixels * C; i++) dresidual[i] = dx[i];
    for (int64_t k = 0; k < C; k++) {
        real sum = 0, sum_h = 0;
        for (int64_t i = k; i < pixels * C; i += C) {
            sum += dx[i];
            sum_h += dx[i] * (x[i] - mean[k]) * rstd[k];
        }
        dw[k] += sum_h;
        db[k] += sum;
        REFERENCE(batchnorm_moments)(c, sizes, k, sum, sum_h);
        if (!sizes->training || sizes->n_parts > 0) sum = sum_h = 0;
        for (int64_t i = k; i < pixels * C; i += C)
            dx[i] =
                weights[k] * rstd[k] *
                (dx[i] - sum / (real)pixels - (x[i] - mean[k]) * rstd[k] * sum_h / (real)pixels);
    }
}

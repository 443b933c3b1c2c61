/* conv2d as plain loops; see kernels/conv2d.h. */
#ifndef LEIT_REFERENCE_CONV2D
#define LEIT_REFERENCE_CONV2D
/* The pixel that tap (i, j) of pixel (h, w) reads, -1 outside the image. */
static int64_t tap_pixel(const struct leit_conv2d *args, int64_t n, int64_t h, int64_t w, int64_t i,
                         int64_t j)
{
    int64_t row = h + i - args->kernel_size / 2, column = w + j - args->kernel_size / 2;
    if (row < 0 || row >= args->H || column < 0 || column >= args->W) return -1;
    return (n * args->H + row) * args->W + column;
}

/* for every image, pixel, tap inside the image: `in` is the tap's pixel, `out` the pixel */
#define FOR_EVERY_TAP(args, samples)                                                               \
    for (int64_t n = 0; n < (samples); n++)                                                        \
        for (int64_t h = 0; h < (args)->H; h++)                                                    \
            for (int64_t w = 0, out = (n * (args)->H + h) * (args)->W; w < (args)->W; w++, out++)  \
                for (int64_t i = 0; i < (args)->kernel_size; i++)                                  \
                    for (int64_t j = 0, in; j < (args)->kernel_size; j++)                          \
                        if ((in = tap_pixel(args, n, h, w, i, j)) >= 0)
#endif

#include "reference/moments.h"

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_conv2d *args = leit_case_args(c);
    const real *x = BUFFER("x"), *weights = BUFFER("w"), *b = BUFFER("b");
    real *y = BUFFER("y");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t C = args->C, K = args->K, size = args->kernel_size;
    const int64_t samples = n_samples != NULL ? *n_samples : args->N;
    for (int64_t k = 0; k < samples * args->H * args->W * K; k++) y[k] = b[k % K];
    FOR_EVERY_TAP(args, samples)
    for (int64_t k = 0; k < K; k++)
        for (int64_t ci = 0; ci < C; ci++)
            y[out * K + k] += x[in * C + ci] * weights[((k * size + i) * size + j) * C + ci];
    if (BUFFER("moments") != NULL)
        REFERENCE(moments)(y, samples * args->H * args->W, K, samples, BUFFER("moments"));
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_conv2d *args = leit_case_args(c);
    const real *x = BUFFER("x"), *weights = BUFFER("w"), *dy = BUFFER("dy");
    real *dx = BUFFER("dx"), *dw = BUFFER("dw"), *db = BUFFER("db");
    const int32_t *n_samples = leit_case_i32(c, "n_samples");
    const int64_t C = args->C, K = args->K, size = args->kernel_size;
    const int64_t samples = n_samples != NULL ? *n_samples : args->N;
    const int64_t pixels = samples * args->H * args->W;
    for (int64_t k = 0; dx != NULL && k < pixels * C; k++) dx[k] = 0;
    for (int64_t k = 0; k < pixels * K; k++) db[k % K] += dy[k];
    FOR_EVERY_TAP(args, samples)
    for (int64_t k = 0; k < K; k++)
        for (int64_t ci = 0; ci < C; ci++) {
            int64_t at = ((k * size + i) * size + j) * C + ci;
            dw[at] += dy[out * K + k] * x[in * C + ci];
            if (dx != NULL) dx[in * C + ci] += dy[out * K + k] * weights[at];
        }
}

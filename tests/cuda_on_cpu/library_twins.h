/* What the stand-ins of NVIDIA's libraries (tests/cuda/fake_*.c) compute, on the emulated device: launches
 * like those of our kernels, recorded like them, and judged like them by the check build. */
#ifndef LEIT_TESTS_LIBRARY_TWINS_H
#define LEIT_TESTS_LIBRARY_TWINS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/op.h"

/* A column-major matrix, op(it) being its transpose where is_turned. */
struct twin_matrix {
    const float *data;
    int64_t step; /* from column to column */
    bool is_turned;
};

/* D (m, n) = op(A) (m, k) op(B) (k, n) + beta C, operands rounded to `precision`, then the bias (m), then
 * what is negative 0. `sums` (n) of op(B) over k. The workspace is written to its ends. */
struct twin_product {
    int64_t m, n, k;
    struct twin_matrix a, b;
    float beta;
    const float *c;
    float *d;
    int64_t c_step, d_step;
    const float *bias;
    bool is_rectified;
    float *sums;
    enum leit_precision precision;
    unsigned char *workspace;
    uint64_t workspace_bytes;
};

LEIT_C void leit_twin_multiply(const struct twin_product *product);

/* A tensor of (n, c, h, w) by its strides; of bf16 in place of fp32 where is_half. */
struct twin_tensor {
    int64_t extents[4], strides[4];
    void *data;
    bool is_half;
};

/* Cross-correlation with stride 1: y = x * w (direction 0), x of y and w (1), w of x and y (2), the written
 * one fp32; the operands rounded to `precision`. The workspace is written to its ends. */
struct twin_convolution {
    int32_t direction;
    int64_t padding[2]; /* of h and w */
    struct twin_tensor x, w, y;
    enum leit_precision precision;
    unsigned char *workspace;
    uint64_t workspace_bytes;
};

/* spectra[r, k] = sum over i of rows[r, i] exp(-2 pi i k / n), k <= n / 2, in double; steps are elements from
 * row to row. The workspace is written to its ends. */
struct twin_fourier {
    int64_t n, count, row_step, spectrum_step;
    const float *rows;
    float *spectra;
    unsigned char *workspace;
    uint64_t workspace_bytes;
};

LEIT_C void leit_twin_transform(const struct twin_fourier *transform);

LEIT_C void leit_twin_convolve(const struct twin_convolution *convolution);

#endif

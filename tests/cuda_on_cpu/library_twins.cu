#include "cuda_on_cpu/library_twins.h"

#include <math.h>
#include <string.h>

#include "kernels/leit_cuda.h"

/* To the nearest number of 24, 11 or 8 significant bits, even in the middle. */
static __device__ float rounded(float x, enum leit_precision precision)
{
    const uint32_t dropped = precision == LEIT_PRECISION_BF16   ? 16
                             : precision == LEIT_PRECISION_TF32 ? 13
                                                                : 0;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (dropped == 0 || (bits & 0x7F800000u) == 0x7F800000u) return x;
    bits += (1u << (dropped - 1)) - 1 + (bits >> dropped & 1);
    bits &= ~((1u << dropped) - 1);
    memcpy(&x, &bits, sizeof bits);
    return x;
}

/* Element (row, column) of op(it). */
static __device__ float element_of(const twin_matrix &matrix, int64_t row, int64_t column)
{
    return matrix.data[matrix.is_turned ? column + row * matrix.step : row + column * matrix.step];
}

static __global__ void twin_elements(struct twin_product p)
{
    const int64_t at = leit_element(), i = at % p.m, j = at / p.m;
    if (at == 0 && p.workspace_bytes > 0)
        p.workspace[0] = p.workspace[p.workspace_bytes - 1] = 0xFF;
    if (at < p.m * p.n) {
        float sum = 0.0f;
        for (int64_t k = 0; k < p.k; k++)
            sum = leit_multiply_add(rounded(element_of(p.a, i, k), p.precision),
                                    rounded(element_of(p.b, k, j), p.precision), sum);
        if (p.beta != 0.0f) sum += p.beta * p.c[i + j * p.c_step];
        if (p.bias != nullptr) sum += p.bias[i];
        p.d[i + j * p.d_step] = p.is_rectified && sum < 0.0f ? 0.0f : sum;
        if (p.sums != nullptr && i == 0) {
            float total = 0.0f;
            for (int64_t k = 0; k < p.k; k++) total += element_of(p.b, k, j);
            p.sums[j] = total;
        }
    }
}

void leit_twin_multiply(const struct twin_product *product)
{
    LEIT_LAUNCH(twin_elements, leit_element_blocks(product->m * product->n), LEIT_ELEMENT_THREADS,
                0, nullptr, *product);
}

/* ---- convolutions ---- */

static __device__ int64_t twin_place(const twin_tensor &t, int64_t n, int64_t c, int64_t h,
                                     int64_t w)
{
    return n * t.strides[0] + c * t.strides[1] + h * t.strides[2] + w * t.strides[3];
}

static __device__ float twin_value(const twin_tensor &t, int64_t n, int64_t c, int64_t h, int64_t w,
                                   enum leit_precision precision)
{
    const int64_t at = twin_place(t, n, c, h, w);
    if (!t.is_half) return rounded(static_cast<const float *>(t.data)[at], precision);
    const uint32_t bits = (uint32_t) static_cast<const uint16_t *>(t.data)[at] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static __device__ bool is_inside(const twin_tensor &t, int64_t h, int64_t w)
{
    return h >= 0 && h < t.extents[2] && w >= 0 && w < t.extents[3];
}

static __device__ float twin_result(const twin_convolution &p, int64_t n, int64_t k, int64_t h,
                                    int64_t w)
{
    float sum = 0.0f;
    for (int64_t i = 0; i < p.w.extents[2]; i++)
        for (int64_t j = 0; j < p.w.extents[3]; j++) {
            const int64_t row = h + i - p.padding[0], column = w + j - p.padding[1];
            for (int64_t c = 0; is_inside(p.x, row, column) && c < p.x.extents[1]; c++)
                sum = leit_multiply_add(twin_value(p.x, n, c, row, column, p.precision),
                                        twin_value(p.w, k, c, i, j, p.precision), sum);
        }
    return sum;
}

static __device__ float twin_image(const twin_convolution &p, int64_t n, int64_t c, int64_t h,
                                   int64_t w)
{
    float sum = 0.0f;
    for (int64_t i = 0; i < p.w.extents[2]; i++)
        for (int64_t j = 0; j < p.w.extents[3]; j++) {
            const int64_t row = h - i + p.padding[0], column = w - j + p.padding[1];
            for (int64_t k = 0; is_inside(p.y, row, column) && k < p.y.extents[1]; k++)
                sum = leit_multiply_add(twin_value(p.y, n, k, row, column, p.precision),
                                        twin_value(p.w, k, c, i, j, p.precision), sum);
        }
    return sum;
}

static __device__ float twin_weight(const twin_convolution &p, int64_t k, int64_t c, int64_t i,
                                    int64_t j)
{
    float sum = 0.0f;
    for (int64_t n = 0; n < p.y.extents[0]; n++)
        for (int64_t h = 0; h < p.y.extents[2]; h++)
            for (int64_t w = 0; w < p.y.extents[3]; w++) {
                const int64_t row = h + i - p.padding[0], column = w + j - p.padding[1];
                if (is_inside(p.x, row, column))
                    sum = leit_multiply_add(twin_value(p.x, n, c, row, column, p.precision),
                                            twin_value(p.y, n, k, h, w, p.precision), sum);
            }
    return sum;
}

static LEIT_HOST_DEVICE const twin_tensor &twin_written(const twin_convolution &p)
{
    return p.direction == 0 ? p.y : p.direction == 1 ? p.x : p.w;
}

static LEIT_HOST_DEVICE int64_t twin_count(const twin_tensor &t)
{
    return t.extents[0] * t.extents[1] * t.extents[2] * t.extents[3];
}

static __global__ void twin_convolution_elements(struct twin_convolution p)
{
    const twin_tensor &t = twin_written(p);
    const int64_t at = leit_element(), C = t.extents[1], H = t.extents[2], W = t.extents[3];
    if (at == 0 && p.workspace_bytes > 0)
        p.workspace[0] = p.workspace[p.workspace_bytes - 1] = 0xFF;
    if (at < twin_count(t)) {
        const int64_t c = at % C, w = at / C % W, h = at / C / W % H, n = at / C / W / H;
        static_cast<float *>(t.data)[twin_place(t, n, c, h, w)] =
            p.direction == 0   ? twin_result(p, n, c, h, w)
            : p.direction == 1 ? twin_image(p, n, c, h, w)
                               : twin_weight(p, n, c, h, w);
    }
}

void leit_twin_convolve(const struct twin_convolution *convolution)
{
    LEIT_LAUNCH(twin_convolution_elements,
                leit_element_blocks(twin_count(twin_written(*convolution))), LEIT_ELEMENT_THREADS,
                0, nullptr, *convolution);
}

/* ---- Fourier transforms ---- */

static __global__ void twin_frequencies(struct twin_fourier t)
{
    const int64_t at = leit_element(), n_bins = t.n / 2 + 1, r = at / n_bins, k = at % n_bins;
    if (at == 0 && t.workspace_bytes > 0)
        t.workspace[0] = t.workspace[t.workspace_bytes - 1] = 0xFF;
    if (r < t.count) {
        const double turn = -6.283185307179586 * (double)k / (double)t.n;
        const double step_re = cos(turn), step_im = sin(turn);
        double re = 0.0, im = 0.0, w_re = 1.0, w_im = 0.0;
        for (int64_t i = 0; i < t.n; i++) {
            const double x = (double)t.rows[r * t.row_step + i], w = w_re;
            re += x * w_re;
            im += x * w_im;
            w_re = w * step_re - w_im * step_im;
            w_im = w * step_im + w_im * step_re;
        }
        t.spectra[2 * (r * t.spectrum_step + k)] = (float)re;
        t.spectra[2 * (r * t.spectrum_step + k) + 1] = (float)im;
    }
}

void leit_twin_transform(const struct twin_fourier *transform)
{
    LEIT_LAUNCH(twin_frequencies, leit_element_blocks(transform->count * (transform->n / 2 + 1)),
                LEIT_ELEMENT_THREADS, 0, nullptr, *transform);
}

#include "kernels/micro_gemm.h"

#include <string.h>

#include "kernels/vector8.h"

/* Up to 8 rows of the source become columns of the panel, 8 values of k at a time. Each store
 * writes 8 columns: those beyond the panel's width fall on the next k, which comes later, and
 * behind the last on LEIT_PACK_SLACK. */
static inline __attribute__((always_inline)) void pack_columns(float *restrict panel, int64_t width,
                                                               const float *restrict source,
                                                               int64_t stride, int64_t n, int64_t K)
{
    int64_t k = 0;
    for (; k + 8 <= K; k += 8) {
        leit_f32x8 rows[8] = {0};
        for (int64_t c = 0; c < n; c++) rows[c] = leit_load8(source + c * stride + k);
        leit_transpose8(rows);
        for (int i = 0; i < 8; i++) leit_store8(panel + (k + i) * width, rows[i]);
    }
    for (; k < K; k++)
        for (int64_t c = 0; c < 8 && c < width; c++)
            panel[k * width + c] = c < n ? source[c * stride + k] : 0.0f;
}

/* panel[k][c] = source[c][k] for n rows of the source, zero for the rest up to `width`. */
static void pack_transposed(float *panel, int64_t width, const float *source, int64_t stride,
                            int64_t n, int64_t K)
{
    if (width == LEIT_MICRO_ROWS &&
        n == LEIT_MICRO_ROWS) { /* the common cases, with constants the compiler can use */
        pack_columns(panel, LEIT_MICRO_ROWS, source, stride, LEIT_MICRO_ROWS, K);
    } else if (width == LEIT_MICRO_COLUMNS && n == LEIT_MICRO_COLUMNS) {
        pack_columns(panel, LEIT_MICRO_COLUMNS, source, stride, 8, K);
        pack_columns(panel + 8, LEIT_MICRO_COLUMNS, source + 8 * stride, stride, 8, K);
    } else {
        for (int64_t c = 0; c < width; c += 8) {
            const int64_t left = n - c < 0 ? 0 : n - c;
            pack_columns(panel + c, width, source + (left > 0 ? c : 0) * stride, stride,
                         left < 8 ? left : 8, K);
        }
    }
}

/* panel[k][c] = source[k][c], likewise. */
static void pack_straight(float *restrict panel, int64_t width, const float *restrict source,
                          int64_t stride, int64_t n, int64_t K)
{
    for (int64_t k = 0; k < K; k++, panel += width, source += stride) {
        if (n == LEIT_MICRO_COLUMNS) {
            memcpy(panel, source, LEIT_MICRO_COLUMNS * sizeof(float));
        } else if (n == LEIT_MICRO_ROWS && width == LEIT_MICRO_ROWS) {
            memcpy(panel, source, LEIT_MICRO_ROWS * sizeof(float));
        } else {
            for (int64_t c = 0; c < width; c++) panel[c] = c < n ? source[c] : 0.0f;
        }
    }
}

void leit_pack_panels(float *panels, int64_t width, bool transposed, const float *source,
                      int64_t stride, int64_t n, int64_t K)
{
    for (int64_t start = 0; start < n; start += width, panels += width * K) {
        const int64_t count = n - start < width ? n - start : width;
        if (transposed)
            pack_transposed(panels, width, source + start * stride, stride, count, K);
        else
            pack_straight(panels, width, source + start, stride, count, K);
    }
}

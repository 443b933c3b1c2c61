#include "kernels/moments.h"

#include "kernels/vector8.h"

enum { BLOCK_FLOATS = 8192, CHUNK = LEIT_MOMENTS_CHUNK };

static int64_t pixels_of_block(int64_t C)
{
    const int64_t pixels = BLOCK_FLOATS / C;
    return pixels < 16 ? 16 : pixels;
}

int64_t leit_moments_floats(int64_t pixels, int64_t C)
{
    return leit_blocks(pixels, pixels_of_block(C)) * (2 * C + 1);
}

/* ---- the row of a block: two passes, the second from the cache ---- */

struct blocks {
    const float *x;
    int64_t pixels, C;
    float *rows;
};

/* Means of `width` <= CHUNK columns over n rows, and sums of squared deviations from them. */
LEIT_INLINE void column_moments(const float *x, int64_t stride, int64_t n, int64_t width,
                                float *mean, float *squares)
{
    float sum[CHUNK] = {0}, square[CHUNK] = {0};
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < width; c++) sum[c] += x[i * stride + c];
    for (int64_t c = 0; c < width; c++) sum[c] /= (float)n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < width; c++)
            square[c] += (x[i * stride + c] - sum[c]) * (x[i * stride + c] - sum[c]);
    for (int64_t c = 0; c < width; c++) mean[c] = sum[c], squares[c] = square[c];
}

static void take_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct blocks *blocks = context;
    const int64_t C = blocks->C;
    leit_range pixels = leit_block_range(block, blocks->pixels, pixels_of_block(C));
    const int64_t n = pixels.end - pixels.begin;
    const float *x = blocks->x + pixels.begin * C;
    float *mean = blocks->rows + block * (2 * C + 1), *squares = mean + C;
    mean[2 * C] = (float)n;
    if (C == 1) { /* pixels side by side are what vectors can hold */
        *mean = leit_sum(x, n) / (float)n;
        *squares = leit_sum_squared_difference(x, *mean, n);
        return;
    }
    int64_t c = 0;
    for (; c + CHUNK <= C; c += CHUNK) column_moments(x + c, C, n, CHUNK, mean + c, squares + c);
    for (; c + LEIT_VECTOR8 <= C; c += LEIT_VECTOR8)
        column_moments(x + c, C, n, LEIT_VECTOR8, mean + c, squares + c);
    if (c < C) column_moments(x + c, C, n, C - c, mean + c, squares + c);
}

leit_moments leit_moments_take(leit_threads *threads, const float *x, int64_t pixels, int64_t C,
                               float *rows)
{
    struct blocks blocks = {x, pixels, C, rows};
    const int64_t n = leit_blocks(pixels, pixels_of_block(C));
    leit_threads_run(threads, n, take_block, &blocks);
    return (leit_moments){rows, n, C};
}

/* ---- joining rows ---- */

static double count_of(const leit_moments *moments, int64_t row)
{
    return (double)moments->rows[row * (2 * moments->C + 1) + 2 * moments->C];
}

double leit_moments_total(const leit_moments *moments)
{
    double total = 0.0;
    for (int64_t row = 0; row < moments->n; row++) total += count_of(moments, row);
    return total;
}

void leit_moments_join(const leit_moments *moments, leit_range channels, double weight,
                       double *mean, double *squares)
{
    const int64_t C = moments->C, stride = 2 * C + 1, width = channels.end - channels.begin;
    const float *rows = moments->rows + channels.begin;
    const double total = leit_moments_total(moments);
    for (int64_t c = 0; c < width; c++) mean[c] = squares[c] = 0.0;
    for (int64_t row = 0; row < moments->n; row++) {
        const double share = count_of(moments, row) / total;
        for (int64_t c = 0; c < width; c++) mean[c] += share * (double)rows[row * stride + c];
    }
    for (int64_t row = 0; row < moments->n; row++) {
        const double count = weight * count_of(moments, row);
        for (int64_t c = 0; c < width; c++) {
            const double off = (double)rows[row * stride + c] - mean[c];
            squares[c] += (double)rows[row * stride + C + c] + count * off * off;
        }
    }
}

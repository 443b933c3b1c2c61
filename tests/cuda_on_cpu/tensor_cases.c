/* Products are of small whole numbers, of which every sum is exact: any order of summation gives the
 * same bits, here and on a GPU. Those of fractions are held to the bound of any order. */
#include "cuda_on_cpu/tensor_cases.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/rng.h"
#include "cuda_on_cpu/lent_arrays.h"
#include "cuda_on_cpu/tensor_kernels.h"
#include "support/testing.h"

enum { MAX_K = 64 };

static void product_bf16(int M, int K, bool b_is_transposed, const float *a, const float *b,
                         float *c)
{
    uint16_t a_bits[TENSOR_ROWS * MAX_K], b_bits[MAX_K * TENSOR_COLUMNS];
    const size_t a_bytes = (size_t)(M * K) * 2, b_bytes = (size_t)(K * TENSOR_COLUMNS) * 2;
    const size_t c_bytes = sizeof *c * TENSOR_ROWS * TENSOR_COLUMNS;
    for (int i = 0; i < M * K; i++) a_bits[i] = (uint16_t)(bits_of(a[i]) >> 16);
    for (int i = 0; i < K * TENSOR_COLUMNS; i++) b_bits[i] = (uint16_t)(bits_of(b[i]) >> 16);
    void *lent_a = lend("a", a_bits, a_bytes), *lent_b = lend("b", b_bits, b_bytes);
    void *lent_c = lend("c", NULL, c_bytes);
    const tensor_product p = {
        .M = M, .K = K, .b_is_transposed = b_is_transposed, .a = lent_a, .b = lent_b, .c = lent_c};
    assert_ok(tensor_product_bf16(&p));
    forget_lent();
    take_back(lent_a, NULL, a_bytes);
    take_back(lent_b, NULL, b_bytes);
    take_back(lent_c, c, c_bytes);
}

static void product_tf32(const float *a, const float *b, float *c)
{
    const size_t a_bytes = sizeof *a * 16 * 8, b_bytes = sizeof *b * 8 * 8;
    void *lent_a = lend("a", a, a_bytes), *lent_b = lend("b", b, b_bytes);
    void *lent_c = lend("c", NULL, a_bytes);
    assert_ok(tensor_product_tf32(lent_a, lent_b, lent_c));
    forget_lent();
    take_back(lent_a, NULL, a_bytes);
    take_back(lent_b, NULL, b_bytes);
    take_back(lent_c, c, a_bytes);
}

static void check_product(int M, int K, bool b_is_transposed, bool is_whole, const float *a,
                          const float *b, const float *c)
{
    for (int row = 0; row < TENSOR_ROWS; row++)
        for (int column = 0; column < TENSOR_COLUMNS; column++) {
            double sum = 0.0, absolute = 0.0;
            for (int k = 0; row < M && k < K; k++) {
                const double product =
                    (double)a[row * K + k] *
                    (double)(b_is_transposed ? b[column * K + k] : b[k * TENSOR_COLUMNS + column]);
                sum += product;
                absolute += fabs(product);
            }
            const double found = (double)c[row * TENSOR_COLUMNS + column];
            if (!(fabs(found - sum) <= bound_of(K, absolute, is_whole)))
                fail_msg("(%d, %d) of M = %d, K = %d, %s, is %.9g, expected %.9g", row, column, M,
                         K, b_is_transposed ? "transposed" : "as it is", found, sum);
        }
}

static void products_of_bf16(void **state)
{
    (void)state;
    static const int shapes[][2] = {{16, 16}, {13, 56}, {1, 8}}; /* ragged; four stages */
    float a[TENSOR_ROWS * MAX_K], b[MAX_K * TENSOR_COLUMNS], c[TENSOR_ROWS * TENSOR_COLUMNS];
    for (int i = 0; i < 3; i++)
        for (int way = 0; way < 4; way++) {
            const int M = shapes[i][0], K = shapes[i][1];
            const bool is_transposed = way % 2 != 0, is_whole = way < 2;
            fill_numbers(a, M * K, is_whole, 1);
            fill_numbers(b, K * TENSOR_COLUMNS, is_whole, 2);
            product_bf16(M, K, is_transposed, a, b, c);
            check_product(M, K, is_transposed, is_whole, a, b, c);
        }
}

static void products_of_tf32(void **state)
{
    (void)state;
    float a[16 * 8], b[8 * 8], c[16 * 8];
    for (int is_whole = 0; is_whole < 2; is_whole++) {
        fill_numbers(a, 16 * 8, is_whole != 0, 3);
        fill_numbers(b, 8 * 8, is_whole != 0, 4);
        product_tf32(a, b, c);
        check_product(16, 8, false, is_whole != 0, a, b, c);
    }
}

/* What is no number stays in its row. */
static void not_a_number(void **state)
{
    (void)state;
    enum { BAD_ROW = 5, ENDLESS_ROW = 12 };
    float a[16 * 16], b[16 * 8], c[2][16 * 8];
    fill_numbers(a, 16 * 16, true, 5);
    for (int i = 0; i < 16 * 8; i++) b[i] = 1.0f;
    for (int K = 16; K >= 8; K -= 8) {
        a[BAD_ROW * K + 3] = NAN;
        a[ENDLESS_ROW * K + 7] = -INFINITY;
        if (K == 16)
            product_bf16(16, K, false, a, b, c[0]);
        else
            product_tf32(a, b, c[1]);
        a[BAD_ROW * K + 3] = a[ENDLESS_ROW * K + 7] = 1.0f;
    }
    for (int i = 0; i < 2 * 16 * 8; i++) {
        const int row = i % (16 * 8) / 8;
        const float value = c[i / (16 * 8)][i % (16 * 8)];
        assert_true(row == BAD_ROW       ? isnan(value)
                    : row == ENDLESS_ROW ? value == -INFINITY
                                         : isfinite(value));
    }
}

/* Nearest of the numbers that keep the upper bits, between those just below and above; of two that
 * are as near the even one, or the one farther from zero. */
static uint32_t nearest(float value, int dropped_bits, bool ties_to_even)
{
    const uint32_t bits = bits_of(value), unit = 1u << dropped_bits, below = bits & ~(unit - 1);
    const double under = fabs((double)value - (double)float_of(below));
    const double over = fabs((double)float_of(below + unit) - (double)value);
    if (under != over) return under < over ? below : below + unit;
    return ties_to_even && (below & unit) == 0 ? below : below + unit;
}

enum { N_CONVERTED = 600 };

/* Any finite number; every third lies between two numbers of bf16. And zero, infinity and NaN. */
static void fill_any(float *values)
{
    leit_rng rng = leit_rng_start(11, 0, 0, 0);
    for (int i = 0; i < N_CONVERTED; i++) do {
            const uint32_t bits = leit_rng_next(&rng);
            values[i] = float_of(i % 3 == 0   ? (bits & 0xFFFF0000u) | 0x8000u
                                 : i % 3 == 1 ? (bits & 0xFFFFE000u) | 0x1000u
                                              : bits);
        } while (!(fabsf(values[i]) < 1e38f && fabsf(values[i]) > 1e-37f));
    values[4] = 0.0f;
    values[5] = -INFINITY;
    values[6] = NAN;
}

static void conversions(void **state)
{
    (void)state;
    enum { N = N_CONVERTED };
    float values[N], back[N];
    uint16_t bf16[N];
    uint32_t pair[N], tf32[N];
    fill_any(values);
    const tensor_conversion c = {.n = N,
                                 .values = lend("values", values, sizeof values),
                                 .bf16 = lend("bf16", NULL, sizeof bf16),
                                 .back = lend("back", NULL, sizeof back),
                                 .pair = lend("pair", NULL, sizeof pair),
                                 .tf32 = lend("tf32", NULL, sizeof tf32)};
    assert_ok(tensor_convert(&c));
    forget_lent();
    take_back(c.values, NULL, sizeof values);
    take_back(c.bf16, bf16, sizeof bf16);
    take_back(c.back, back, sizeof back);
    take_back(c.pair, pair, sizeof pair);
    take_back(c.tf32, tf32, sizeof tf32);
    for (int i = 0; i < N; i++) {
        assert_int_equal(bits_of(back[i]), (uint32_t)bf16[i] << 16);
        assert_int_equal(pair[i], bf16[i] | (uint32_t)bf16[N - 1 - i] << 16);
        if (i < 4 || i > 6) {
            assert_int_equal(bits_of(back[i]), nearest(values[i], 16, true));
            assert_int_equal(tf32[i], nearest(values[i], 13, false));
        }
    }
    assert_true(back[4] == 0.0f && back[5] == -INFINITY && isnan(back[6]));
    assert_true(tf32[4] == 0 && float_of(tf32[5]) == -INFINITY && isnan(float_of(tf32[6])));
}

static void loads_of_matrices(void **state)
{
    (void)state;
    uint16_t matrices[4][8][8];
    uint32_t words[2 * 7 * 32];
    for (int i = 0; i < 4 * 8 * 8; i++) matrices[i / 64][i / 8 % 8][i % 8] = (uint16_t)(i * 37);
    void *lent_matrices = lend("matrices", matrices, sizeof matrices);
    void *lent_words = lend("words", NULL, sizeof words);
    assert_ok(tensor_load(lent_matrices, lent_words));
    forget_lent();
    take_back(lent_matrices, NULL, sizeof matrices);
    take_back(lent_words, words, sizeof words);
    const uint32_t *at = words;
    for (int transposed = 0; transposed < 2; transposed++)
        for (int n = 1; n <= 4; n *= 2)
            for (int lane = 0; lane < 32; lane++)
                for (int m = 0; m < n; m++, at++) {
                    const int row = lane / 4, column = lane % 4 * 2;
                    const uint16_t low =
                        transposed ? matrices[m][column][row] : matrices[m][row][column];
                    const uint16_t high =
                        transposed ? matrices[m][column + 1][row] : matrices[m][row][column + 1];
                    assert_int_equal(*at, low | (uint32_t)high << 16);
                }
}

/* The last quarter of `from` is not there: who reads it is found by checkers and memcheck. */
static void copies_of_each_size(void **state)
{
    (void)state;
    float from[96], to[128];
    for (int i = 0; i < 96; i++) from[i] = (float)(i + 1);
    void *lent_from = lend("from", from, sizeof from), *lent_to = lend("to", NULL, sizeof to);
    assert_ok(tensor_copy(lent_from, lent_to));
    forget_lent();
    take_back(lent_from, NULL, sizeof from);
    take_back(lent_to, to, sizeof to);
    for (int i = 0; i < 128; i++) assert_true(to[i] == (i < 96 ? from[i] : 0.0f));
}

static void check_tile(tensor_tile p, float *a, float *b, float *c)
{
    const size_t bytes_a = sizeof *a * (size_t)(p.M * p.K);
    const size_t bytes_b = sizeof *b * (size_t)(p.N * p.K);
    const size_t bytes_c = sizeof *c * (size_t)(p.M * p.N);
    fill_numbers(a, p.M * p.K, true, 5);
    fill_numbers(b, p.N * p.K, true, 6);
    p.a = lend("a", a, bytes_a);
    p.b = lend("b", b, bytes_b);
    p.c = lend("c", NULL, bytes_c);
    assert_ok(tensor_tile_product(&p));
    forget_lent();
    take_back(p.a, NULL, bytes_a);
    take_back(p.b, NULL, bytes_b);
    take_back(p.c, c, bytes_c);
    for (int row = 0; row < p.M; row++)
        for (int column = 0; column < p.N; column++) {
            float sum = 0.0f;
            for (int k = 0; k < p.K; k++)
                sum += a[p.a_along_k ? row * p.K + k : k * p.M + row] *
                       b[p.b_along_k ? column * p.K + k : k * p.N + column];
            assert_true(c[row * p.N + column] == sum);
        }
}

/* Both tiles, both ways to store a side, each precision; in rows of whole 16 bytes and not; no k, one
 * stage, and more stages than the pipeline has. */
static void tiles_of_fast_products(void **state)
{
    (void)state;
    enum { MOST = 128, DEEPEST = 133 };
    static _Alignas(16) float a[MOST * DEEPEST], b[MOST * DEEPEST], c[MOST * MOST];
    const tensor_device *device = lending_device();
    static const int sizes[][3] = {{64, 60, 132}, {59, 64, 133}, {3, 1, 20}, {5, 6, 0}};
    for (int i = 0; i < 6 * 4 * (int)(sizeof sizes / sizeof *sizes); i++) {
        if (device->n_parts > 0 && i % device->n_parts != device->part) continue;
        const int *size = sizes[i / 24], is_large = i % 2;
        tensor_tile p = {.M = size[0] << is_large, .N = size[1] << is_large, .K = size[2]};
        p.is_large = is_large;
        p.precision = (enum leit_precision)(i / 2 % LEIT_N_PRECISIONS);
        p.a_along_k = i / 6 % 2;
        p.b_along_k = i / 12 % 2;
        check_tile(p, a, b, c);
    }
}

int tensor_cases_run(const tensor_device *on)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_bf16),       cmocka_unit_test(products_of_tf32),
        cmocka_unit_test(not_a_number),           cmocka_unit_test(conversions),
        cmocka_unit_test(loads_of_matrices),      cmocka_unit_test(copies_of_each_size),
        cmocka_unit_test(tiles_of_fast_products),
    };
    lend_from(on);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

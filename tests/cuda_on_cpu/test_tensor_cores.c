/* The functions of kernels/leit_mma.cuh against plain loops. Products are of small whole numbers, of
 * which every sum is exact: any order of summation gives the same bits, here and on a GPU. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/rng.h"
#include "cuda_on_cpu/emulator.h"
#include "cuda_on_cpu/tensor_kernels.h"
#include "support/testing.h"

enum { MAX_K = 64 };

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Whole numbers from -8 to 8, exact in bf16. */
static void fill_whole(float *values, uint16_t *bf16, int n, uint32_t stream)
{
    leit_rng rng = leit_rng_start(7, stream, 0, 0);
    for (int i = 0; i < n; i++) {
        values[i] = (float)((int)leit_rng_below(&rng, 17) - 8);
        if (bf16 != NULL) bf16[i] = (uint16_t)(bits_of(values[i]) >> 16);
    }
}

static void check_product_bf16(int M, int K, int b_is_transposed)
{
    float a[TENSOR_ROWS * MAX_K], b[MAX_K * TENSOR_COLUMNS], c[TENSOR_ROWS * TENSOR_COLUMNS];
    uint16_t a_bits[TENSOR_ROWS * MAX_K] = {0}, b_bits[MAX_K * TENSOR_COLUMNS] = {0};
    fill_whole(a, a_bits, M * K, 1);
    fill_whole(b, b_bits, K * TENSOR_COLUMNS, 2);
    leit_emulator_memory_add("a", a_bits, (size_t)(M * K) * 2, (size_t)(M * K) * 2);
    leit_emulator_memory_add("b", b_bits, (size_t)K * 16, (size_t)K * 16);
    leit_emulator_memory_add("c", c, sizeof c, 0);
    const tensor_product p = {
        .M = M, .K = K, .b_is_transposed = b_is_transposed, .a = a_bits, .b = b_bits, .c = c};
    assert_ok(tensor_product_bf16(&p));
    leit_emulator_memory_forget();
    for (int row = 0; row < TENSOR_ROWS; row++)
        for (int column = 0; column < TENSOR_COLUMNS; column++) {
            float sum = 0.0f;
            for (int k = 0; row < M && k < K; k++)
                sum += a[row * K + k] *
                       (b_is_transposed ? b[column * K + k] : b[k * TENSOR_COLUMNS + column]);
            assert_true(c[row * TENSOR_COLUMNS + column] == sum);
        }
}

static void products_of_bf16(void **state)
{
    (void)state;
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        leit_emulator_schedule((leit_emulator_order)order, 3);
        for (int transposed = 0; transposed < 2; transposed++) {
            check_product_bf16(16, 16, transposed);
            check_product_bf16(13, 56, transposed); /* ragged, four stages */
            check_product_bf16(1, 8, transposed);
        }
    }
}

static void products_of_tf32(void **state)
{
    (void)state;
    float a[16 * 8], b[8 * 8], c[16 * 8];
    fill_whole(a, NULL, 16 * 8, 3);
    fill_whole(b, NULL, 8 * 8, 4);
    leit_emulator_memory_add("a", a, sizeof a, sizeof a);
    leit_emulator_memory_add("b", b, sizeof b, sizeof b);
    leit_emulator_memory_add("c", c, sizeof c, 0);
    assert_ok(tensor_product_tf32(a, b, c));
    leit_emulator_memory_forget();
    for (int row = 0; row < 16; row++)
        for (int column = 0; column < 8; column++) {
            float sum = 0.0f;
            for (int k = 0; k < 8; k++) sum += a[row * 8 + k] * b[k * 8 + column];
            assert_true(c[row * 8 + column] == sum);
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

static void conversions(void **state)
{
    (void)state;
    enum { N = 600 };
    float values[N], back[N];
    uint16_t bf16[N];
    uint32_t pair[N], tf32[N];
    leit_rng rng = leit_rng_start(11, 0, 0, 0);
    for (int i = 0; i < N; i++) /* any finite number; every third between two numbers of bf16 */
        do {
            const uint32_t bits = leit_rng_next(&rng);
            values[i] = float_of(i % 3 == 0   ? (bits & 0xFFFF0000u) | 0x8000u
                                 : i % 3 == 1 ? (bits & 0xFFFFE000u) | 0x1000u
                                              : bits);
        } while (!(fabsf(values[i]) < 1e38f && fabsf(values[i]) > 1e-37f));
    values[4] = 0.0f;
    values[5] = -INFINITY;
    values[6] = NAN;
    leit_emulator_memory_add("values", values, sizeof values, sizeof values);
    leit_emulator_memory_add("bf16", bf16, sizeof bf16, 0);
    leit_emulator_memory_add("back", back, sizeof back, 0);
    leit_emulator_memory_add("pair", pair, sizeof pair, 0);
    leit_emulator_memory_add("tf32", tf32, sizeof tf32, 0);
    const tensor_conversion c = {
        .n = N, .values = values, .bf16 = bf16, .back = back, .pair = pair, .tf32 = tf32};
    assert_ok(tensor_convert(&c));
    leit_emulator_memory_forget();
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
    leit_emulator_memory_add("matrices", matrices, sizeof matrices, sizeof matrices);
    leit_emulator_memory_add("words", words, sizeof words, 0);
    assert_ok(tensor_load(&matrices[0][0][0], words));
    leit_emulator_memory_forget();
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

static void copies_of_each_size(void **state)
{
    (void)state;
    _Alignas(16) float from[128], to[128];
    for (int i = 0; i < 128; i++) from[i] = (float)(i + 1);
    leit_emulator_memory_add("from", from, sizeof from / 4 * 3, sizeof from / 4 * 3);
    leit_emulator_memory_add("to", to, sizeof to, 0);
    assert_ok(tensor_copy(from, to));
    leit_emulator_memory_forget();
    for (int i = 0; i < 128; i++) assert_true(to[i] == (i < 96 ? from[i] : 0.0f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_bf16),    cmocka_unit_test(products_of_tf32),
        cmocka_unit_test(conversions),         cmocka_unit_test(loads_of_matrices),
        cmocka_unit_test(copies_of_each_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

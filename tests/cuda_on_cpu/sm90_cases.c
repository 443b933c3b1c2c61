#include "cuda_on_cpu/sm90_cases.h"

#include <math.h>

#include "cuda_on_cpu/lent_arrays.h"
#include "cuda_on_cpu/sm90_kernels.h"
#include "support/testing.h"

enum { MOST_ROWS = 300, MOST_K = 288 };
static float a[MOST_ROWS * MOST_K], b[MOST_ROWS * MOST_K], c[MOST_ROWS * MOST_ROWS];
static uint16_t a_bits[MOST_ROWS * MOST_K], b_bits[MOST_ROWS * MOST_K];

static void *lend_matrix(const char *name, const float *values, uint16_t *bits, int n, bool is_bf16)
{
    for (int i = 0; i < n; i++) bits[i] = (uint16_t)(bits_of(values[i]) >> 16);
    return lend(name, is_bf16 ? (const void *)bits : (const void *)values,
                (size_t)n * (is_bf16 ? sizeof *bits : sizeof *values));
}

static void check_product(int M, int N, int K, bool is_whole)
{
    for (int row = 0; row < M; row++)
        for (int column = 0; column < N; column++) {
            double sum = 0.0, absolute = 0.0;
            for (int k = 0; k < K; k++) {
                const double product = (double)a[row * K + k] * (double)b[column * K + k];
                sum += product;
                absolute += fabs(product);
            }
            const double found = (double)c[row * N + column];
            if (!(fabs(found - sum) <= bound_of(K, absolute, is_whole)))
                fail_msg("%d x %d x %d: row %d, column %d is %.9g, expected %.9g", M, N, K, row,
                         column, found, sum);
        }
}

static void multiply(sm90_product p, bool is_whole)
{
    fill_numbers(a, p.M * p.K, is_whole, 21);
    fill_numbers(b, p.N * p.K, is_whole, 22);
    p.a = lend_matrix("a", a, a_bits, p.M * p.K, p.is_bf16);
    p.b = lend_matrix("b", b, b_bits, p.N * p.K, p.is_bf16);
    p.c = lend("c", NULL, sizeof *c * (size_t)(p.M * p.N));
    assert_ok(sm90_multiply(&p));
    forget_lent();
    take_back(p.a, NULL, 0);
    take_back(p.b, NULL, 0);
    take_back(p.c, c, sizeof *c * (size_t)(p.M * p.N));
    check_product(p.M, p.N, p.K, is_whole);
}

/* Ragged on every side; one box along k, as many as there are stages, and more. */
static void sm90_products_of_boxes(void **state)
{
    (void)state;
    static const int sizes[][3] = {{64, 256, 128}, {59, 70, 24}, {130, 290, 200}, {3, 5, MOST_K}};
    const tensor_device *device = lending_device();
    for (int i = 0; i < 4 * (int)(sizeof sizes / sizeof *sizes); i++) {
        if (device->n_parts > 0 && i % device->n_parts != device->part) continue;
        const int *size = sizes[i / 4];
        const sm90_product p = {
            .M = size[0], .N = size[1], .K = size[2], .is_bf16 = i % 2 == 0, .is_wide = i % 4 >= 2};
        multiply(p, true);
        multiply(p, false);
    }
}

/* Inside, over each edge, and outside. */
static void sm90_boxes_over_the_edges(void **state)
{
    (void)state;
    enum { ROWS = 20, COLUMNS = 52, BOX_ROWS = 8, BOX_COLUMNS = 32 };
    static const int corners[][2] = {{0, 0},  {4, 16}, {-3, -8}, {15, 40},
                                     {-8, 0}, {20, 3}, {1, 52}};
    float matrix[ROWS * COLUMNS], found[BOX_ROWS * BOX_COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) matrix[i] = (float)(i + 1);
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++) {
        const int row = corners[i][0], column = corners[i][1];
        const sm90_box box = {.rows = ROWS,
                              .columns = COLUMNS,
                              .row = row,
                              .column = column,
                              .matrix = lend("matrix", matrix, sizeof matrix),
                              .to = lend("to", NULL, sizeof found)};
        assert_ok(sm90_copy_box(&box));
        forget_lent();
        take_back(box.matrix, NULL, 0);
        take_back(box.to, found, sizeof found);
        for (int k = 0; k < BOX_ROWS * BOX_COLUMNS; k++) {
            const int r = row + k / BOX_COLUMNS, at = column + k % BOX_COLUMNS;
            const bool is_there = r >= 0 && r < ROWS && at >= 0 && at < COLUMNS;
            assert_true(found[k] == (is_there ? matrix[r * COLUMNS + at] : 0.0f));
        }
    }
}

static void sm90_products_of_what_threads_wrote(void **state)
{
    (void)state;
    enum { N = 64 };
    fill_numbers(a, N * N, true, 23);
    fill_numbers(b, N * N, true, 24);
    const void *lent_a = lend_matrix("a", a, a_bits, N * N, true);
    const void *lent_b = lend_matrix("b", b, b_bits, N * N, true);
    float *lent_c = lend("c", NULL, sizeof *c * N * N);
    assert_ok(sm90_multiply_written(lent_a, lent_b, lent_c));
    forget_lent();
    take_back(lent_a, NULL, 0);
    take_back(lent_b, NULL, 0);
    take_back(lent_c, c, sizeof *c * N * N);
    check_product(N, N, N, true);
}

static void sm90_barriers_hand_over(void **state)
{
    (void)state;
    enum { ROUNDS = 7 };
    int sums[32];
    int *lent = lend("sums", NULL, sizeof sums);
    assert_ok(sm90_hand_over(ROUNDS, lent));
    forget_lent();
    take_back(lent, sums, sizeof sums);
    for (int i = 0; i < 32; i++) assert_int_equal(sums[i], ROUNDS * (ROUNDS + 1) / 2);
}

int sm90_cases_run(const tensor_device *on)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sm90_products_of_boxes),
        cmocka_unit_test(sm90_boxes_over_the_edges),
        cmocka_unit_test(sm90_products_of_what_threads_wrote),
        cmocka_unit_test(sm90_barriers_hand_over),
    };
    lend_from(on);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Matrix products: every layout against plain loops in double, the same bits for any number of
 * threads, and tiles that are safe to compute side by side. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "kernels/gemm.h"
#include "support/testing.h"

static float *normal_matrix(int64_t count, uint32_t sample)
{
    float *values = NULL;
    assert_ok(LEIT_ALLOC(values, count));
    leit_rng rng = leit_rng_start(1, 0, 0, sample);
    for (int64_t i = 0; i < count; i++) values[i] = leit_rng_normal(&rng);
    return values;
}

struct problem {
    struct leit_gemm gemm;
    float *a, *b, *c;
};

/* Strides are 3 longer than a row; what lies between is NaN and must stay out of the result. */
static struct problem open_problem(int64_t M, int64_t N, int64_t K, int layout)
{
    const bool transpose_a = layout & 1, transpose_b = layout & 2;
    struct problem p = {.gemm = {.M = M,
                                 .N = N,
                                 .K = K,
                                 .transpose_a = transpose_a,
                                 .transpose_b = transpose_b,
                                 .alpha = 0.5f,
                                 .lda = (transpose_a ? M : K) + 3,
                                 .ldb = (transpose_b ? K : N) + 3,
                                 .ldc = N + 3}};
    const int64_t a_rows = transpose_a ? K : M, b_rows = transpose_b ? N : K;
    p.a = normal_matrix(a_rows * p.gemm.lda, 1);
    p.b = normal_matrix(b_rows * p.gemm.ldb, 2);
    p.c = normal_matrix(M * p.gemm.ldc, 3);
    for (int64_t i = 0; i < a_rows * p.gemm.lda; i++)
        if (i % p.gemm.lda >= p.gemm.lda - 3) p.a[i] = NAN;
    for (int64_t i = 0; i < b_rows * p.gemm.ldb; i++)
        if (i % p.gemm.ldb >= p.gemm.ldb - 3) p.b[i] = NAN;
    p.gemm.a = p.a, p.gemm.b = p.b, p.gemm.c = p.c;
    return p;
}

static void close_problem(struct problem *p)
{
    leit_free(p->a);
    leit_free(p->b);
    leit_free(p->c);
}

/* Rounding of a dot product of K terms: at most K units in the last place of the sum of the terms'
 * magnitudes, whatever the order. */
static void assert_product(const struct leit_gemm *gemm, const float *before)
{
    for (int64_t m = 0; m < gemm->M; m++)
        for (int64_t n = 0; n < gemm->ldc; n++) {
            const int64_t i = m * gemm->ldc + n;
            if (n >= gemm->N) {
                assert_memory_equal(&gemm->c[i], &before[i], sizeof(float));
                continue;
            }
            double total = 0.0, magnitude = 0.0;
            for (int64_t k = 0; k < gemm->K; k++) {
                double a = gemm->a[gemm->transpose_a ? k * gemm->lda + m : m * gemm->lda + k];
                double b = gemm->b[gemm->transpose_b ? n * gemm->ldb + k : k * gemm->ldb + n];
                total += a * b;
                magnitude += fabs(a * b);
            }
            const double addend = gemm->beta == 0.0f ? 0.0 : (double)gemm->beta * before[i];
            const double expected = gemm->alpha * total + addend;
            const double allowed =
                0x1p-24 * (double)(gemm->K + 3) * (magnitude + fabs(addend)) + 1e-30;
            if (!(fabs(gemm->c[i] - expected) <= allowed))
                fail_msg("M=%d N=%d K=%d: C[%d][%d] is %g, expected %g", (int)gemm->M, (int)gemm->N,
                         (int)gemm->K, (int)m, (int)n, gemm->c[i], expected);
        }
}

static void every_layout(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1, 1, 1},    {1, 97, 5},  {97, 1, 33},  {5, 7, 0},
                                   {59, 111, 1}, {300, 9, 4}, {130, 500, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int layout = 0; layout < 4; layout++)
            for (int accumulate = 0; accumulate < 2; accumulate++) {
                struct problem p = open_problem(sizes[i][0], sizes[i][1], sizes[i][2], layout);
                p.gemm.beta = accumulate ? 1.0f : 0.0f;
                if (!accumulate) p.c[0] = NAN; /* not read */
                float *before = NULL;
                assert_ok(LEIT_ALLOC(before, p.gemm.M * p.gemm.ldc));
                memcpy(before, p.c, (size_t)(p.gemm.M * p.gemm.ldc) * sizeof(float));
                assert_ok(leit_gemm_run(NULL, &p.gemm));
                assert_product(&p.gemm, before);
                leit_free(before);
                close_problem(&p);
            }
}

struct coverage {
    int64_t columns;
    int *count;
};

static void count_elements(void *context, leit_range rows, leit_range columns)
{
    struct coverage *coverage = context;
    for (int64_t m = rows.begin; m < rows.end; m++)
        for (int64_t n = columns.begin; n < columns.end; n++)
            coverage->count[m * coverage->columns + n]++;
}

static void epilogue_sees_every_element_once(void **state)
{
    (void)state;
    for (int64_t M = 1; M < 1200; M = M * 3 + 1) {
        struct problem p = open_problem(M, 1201 - M, 2, 0);
        struct coverage coverage = {.columns = p.gemm.N};
        assert_ok(LEIT_ALLOC(coverage.count, M * p.gemm.N));
        p.gemm.epilogue = count_elements, p.gemm.context = &coverage;
        leit_threads *threads = NULL;
        assert_ok(leit_threads_create(3, &threads));
        assert_ok(leit_gemm_run(threads, &p.gemm));
        for (int64_t i = 0; i < M * p.gemm.N; i++) assert_int_equal(coverage.count[i], 1);
        leit_threads_free(threads);
        leit_free(coverage.count);
        close_problem(&p);
    }
}

/* Many more workers than processors, over and over: tiles overlap in every way and every number of
 * workers cuts them differently. Two blocks of K; alpha and beta round. */
static void same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    static const int workers[] = {2, 3, 16, 80};
    for (int layout = 0; layout < 4; layout++) {
        struct problem p = open_problem(515, 390, 267, layout);
        p.gemm.alpha = 0.3f, p.gemm.beta = 0.7f;
        const size_t bytes = (size_t)(p.gemm.M * p.gemm.ldc) * sizeof(float);
        float *start = NULL, *alone = NULL;
        assert_ok(LEIT_ALLOC(start, p.gemm.M * p.gemm.ldc));
        assert_ok(LEIT_ALLOC(alone, p.gemm.M * p.gemm.ldc));
        memcpy(start, p.c, bytes);
        assert_ok(leit_gemm_run(NULL, &p.gemm));
        memcpy(alone, p.c, bytes);
        for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
            leit_threads *threads = NULL;
            assert_ok(leit_threads_create(workers[i], &threads));
            for (int again = 0; again < 10; again++) {
                memcpy(p.c, start, bytes);
                assert_ok(leit_gemm_run(threads, &p.gemm));
                assert_memory_equal(p.c, alone, bytes);
            }
            leit_threads_free(threads);
        }
        leit_free(start);
        leit_free(alone);
        close_problem(&p);
    }
}

enum { SIDE_BY_SIDE = 400 };

struct stress {
    float *a, *b, *c; /* c: one product per task */
};

static struct leit_gemm stress_product(const struct stress *stress, int64_t task)
{
    const int64_t size = 8 + task % 57;
    return (struct leit_gemm){.M = size,
                              .N = size,
                              .K = 64,
                              .alpha = 1.0f,
                              .a = stress->a,
                              .b = stress->b,
                              .c = stress->c + task * 64 * 64,
                              .lda = 64,
                              .ldb = 64,
                              .ldc = 64};
}

static void stress_task(void *context, int64_t task, int worker)
{
    (void)worker;
    struct leit_gemm product = stress_product(context, task);
    leit_gemm_tile(&product);
}

static void tiles_side_by_side(void **state)
{
    (void)state;
    struct stress stress = {.a = normal_matrix(64 * 64, 1), .b = normal_matrix(64 * 64, 2)};
    assert_ok(LEIT_ALLOC(stress.c, SIDE_BY_SIDE * 64 * 64));
    leit_threads *threads = NULL;
    assert_ok(leit_threads_create(64, &threads));
    leit_threads_run(threads, SIDE_BY_SIDE, stress_task, &stress);
    leit_threads_free(threads);
    float *zeros = NULL;
    assert_ok(LEIT_ALLOC(zeros, 64 * 64));
    for (int64_t task = 0; task < SIDE_BY_SIDE; task++) {
        struct leit_gemm product = stress_product(&stress, task);
        assert_product(&product, zeros);
    }
    leit_free(zeros);
    leit_free(stress.a);
    leit_free(stress.b);
    leit_free(stress.c);
}

static void broken_limits_are_refused(void **state)
{
    (void)state;
    float one[1] = {0};
    struct leit_gemm gemm = {.M = 1, .N = 1, .K = 1, .a = one, .b = one, .c = one};
    assert_fails(leit_gemm_run(NULL, &gemm), LEIT_INTERNAL, "strides are 0");
    gemm.lda = gemm.ldb = gemm.ldc = 1;
    assert_ok(leit_gemm_run(NULL, &gemm));
    gemm.N = 2;
    assert_fails(leit_gemm_run(NULL, &gemm), LEIT_INTERNAL, "strides are 1, 1 and 1");
    gemm.M = -1;
    assert_fails(leit_gemm_run(NULL, &gemm), LEIT_INTERNAL, "M is -1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout),
        cmocka_unit_test(epilogue_sees_every_element_once),
        cmocka_unit_test(same_bits_for_any_number_of_threads),
        cmocka_unit_test(tiles_side_by_side),
        cmocka_unit_test(broken_limits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

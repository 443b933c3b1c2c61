/* The counters against accesses whose cost CUDA's programming guide tells: sectors of 32 bytes, banks of
 * 4 bytes, vectors of 8 and 16 bytes by half and quarter warps. */
#include <string.h>

#include "cuda_on_cpu/access_patterns.h"
#include "cuda_on_cpu/emulator.h"
#include "support/testing.h"

enum { N_FROM = 4200, N_TO = 128 };
static _Alignas(128) float from[N_FROM], to[N_TO];

static void begin(void)
{
    leit_emulator_memory_add("from", from, sizeof from, sizeof from);
    leit_emulator_memory_add("to", to, sizeof to, 0);
    leit_emulator_count_traffic(true);
}

/* What the one launch since has moved. */
static leit_emulator_traffic end(leit_status status)
{
    assert_ok(status);
    size_t n = 0;
    const leit_emulator_traffic *list = leit_emulator_traffic_list(&n);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].n_launches, 1);
    const leit_emulator_traffic traffic = list[0];
    leit_emulator_count_traffic(false);
    leit_emulator_memory_forget();
    return traffic;
}

/* Two requests: the read, and a write of neighbouring vectors, 4 sectors per float of them. */
static void sectors_of_a_request(void **state)
{
    (void)state;
    static const struct {
        int width, stride, offset;
        uint64_t sectors, least;
    } rows[] = {
        {1, 1, 0, 4, 4},   {1, 1, 1, 5, 4},   {1, 2, 0, 8, 4},   {1, 8, 0, 32, 4},
        {1, 32, 0, 32, 4}, {1, 0, 0, 1, 1},   {2, 1, 0, 8, 8},   {2, 2, 0, 16, 8},
        {2, 4, 0, 32, 8},  {4, 1, 0, 16, 16}, {4, 1, 4, 17, 16}, {4, 2, 0, 32, 16},
        {4, 8, 0, 32, 16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        const leit_emulator_traffic t =
            end(pattern_global(from, to, rows[i].width, rows[i].stride, rows[i].offset));
        const uint64_t written = 4 * (uint64_t)rows[i].width, bytes = 32 * written;
        if (t.global.n != 2 || t.global.paid != rows[i].sectors + written ||
            t.global.least != rows[i].least + written)
            fail_msg("%d floats, stride %d, offset %d: %d requests, %d sectors, at least %d",
                     rows[i].width, rows[i].stride, rows[i].offset, (int)t.global.n,
                     (int)t.global.paid, (int)t.global.least);
        assert_int_equal(t.read_bytes, bytes);
        assert_int_equal(t.written_bytes, bytes);
        assert_int_equal(t.distinct_written_bytes, bytes);
        assert_int_equal(t.distinct_read_bytes, rows[i].stride == 0 ? 4 : bytes);
        assert_int_equal(t.shared.n, 0);
    }
}

/* A column of [32][32] is stride 32, of the padded [32][33] stride 33. */
static void passes_over_the_banks(void **state)
{
    (void)state;
    static const struct {
        int width, stride;
        uint64_t passes, least;
    } rows[] = {
        {1, 1, 1, 1},  {1, 2, 2, 1},   {1, 3, 1, 1}, {1, 4, 4, 1},  {1, 32, 32, 1},
        {1, 33, 1, 1}, {1, 16, 16, 1}, {2, 1, 2, 2}, {2, 2, 4, 2},  {2, 16, 32, 2},
        {4, 1, 4, 4},  {4, 2, 8, 4},   {4, 5, 4, 4}, {4, 8, 32, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        const leit_emulator_traffic t = end(pattern_shared(to, rows[i].width, rows[i].stride));
        if (t.shared.n != 1 || t.shared.paid != rows[i].passes || t.shared.least != rows[i].least)
            fail_msg("%d floats, stride %d: %d requests, %d passes, at least %d", rows[i].width,
                     rows[i].stride, (int)t.shared.n, (int)t.shared.paid, (int)t.shared.least);
        assert_int_equal(t.shared_bytes, 4096 * sizeof(float));
        const bool has_worst = strstr(t.shared.worst, "access_patterns.cu:") != NULL;
        assert_true(has_worst == (rows[i].passes > rows[i].least));
    }
    begin();
    const leit_emulator_traffic t = end(pattern_half_of_the_lanes(to));
    assert_int_equal(t.shared.n, 1);
    assert_int_equal(t.shared.paid, 16);
}

/* Rows of 64 bytes: eight of a matrix lie in two groups of four banks; 80 bytes apart they take all. */
static void tensor_cores(void **state)
{
    (void)state;
    for (int padded = 0; padded < 2; padded++) {
        begin();
        const leit_emulator_traffic t = end(pattern_product(from, to, padded ? 80 : 64, 16));
        assert_int_equal(t.shared.n, 2); /* the copies and ldmatrix, 4 passes each */
        assert_int_equal(t.shared.least, 8);
        assert_int_equal(t.shared.paid, padded ? 8 : 32);
        assert_int_equal(t.read_bytes, 512);
        assert_int_equal(t.product_flops, 2 * 16 * 8 * 16);
    }
    begin();
    assert_int_equal(end(pattern_product(from, to, 80, 8)).product_flops, 2 * 16 * 8 * 8);
}

static void the_same_kernel_adds_up(void **state)
{
    (void)state;
    begin();
    assert_ok(pattern_shared(to, 1, 1));
    assert_ok(pattern_shared(to, 1, 32));
    assert_ok(pattern_global(from, to, 1, 1, 0));
    size_t n = 0;
    const leit_emulator_traffic *list = leit_emulator_traffic_list(&n);
    assert_int_equal(n, 2);
    assert_int_equal(list[0].n_launches, 2);
    assert_int_equal(list[0].shared.paid, 33);
    assert_int_equal(list[0].distinct_written_bytes, 2 * 128);
    leit_emulator_count_traffic(false);
    assert_ok(pattern_shared(to, 1, 1));
    assert_int_equal(list[0].n_launches, 2);
    leit_emulator_memory_forget();
}

int main(void)
{
    for (int i = 0; i < N_FROM; i++) from[i] = 1.0f;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sectors_of_a_request),
        cmocka_unit_test(passes_over_the_banks),
        cmocka_unit_test(tensor_cores),
        cmocka_unit_test(the_same_kernel_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

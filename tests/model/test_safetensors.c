#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "model/safetensors.h"
#include "support/testing.h"

/* A file from a header and `n` data bytes. length_bytes < 0 is the true length of the header. */
static const char *write_raw(const char *header, int64_t length_bytes, size_t n)
{
    const char *path = leit_test_scratch("raw.safetensors");
    leit_buffer bytes = {0};
    const uint64_t length = length_bytes < 0 ? strlen(header) : (uint64_t)length_bytes;
    for (int i = 0; i < 8; i++)
        assert_ok(
            leit_buffer_append(&bytes, &(unsigned char){(unsigned char)(length >> 8 * i)}, 1));
    assert_ok(leit_buffer_puts(&bytes, header));
    for (size_t i = 0; i < n; i++)
        assert_ok(leit_buffer_append(&bytes, &(unsigned char){(unsigned char)i}, 1));
    assert_ok(leit_file_write(path, bytes.data, bytes.size_bytes));
    leit_buffer_clear(&bytes);
    return path;
}

static const float matrix[2][3] = {{1, -2, NAN}, {INFINITY, -0.0F, 1e-40F}};

static const char *write_sample(void)
{
    const char *path = leit_test_scratch("sample.safetensors");
    const leit_tensor tensors[] = {
        {"b.weight", LEIT_F32, 2, {2, 3}, (void *)(uintptr_t)matrix},
        {"a.ids", LEIT_I64, 1, {2}, (int64_t[]){INT64_MIN, 7}},
        {"scalar", LEIT_F64, 0, {0}, &(double){2.5}},
        {"c.empty", LEIT_F32, 2, {0, 3}, NULL},
        {"a.\xc3\xa4\"", LEIT_BF16, 1, {3}, (uint16_t[]){0x3f80, 0xc000, 0x7fc0}},
        {"z", LEIT_U8, 4, {1, 1, 1, 3}, (unsigned char[]){1, 2, 3}},
    };
    assert_ok(leit_safetensors_write(path, tensors, 6));
    return path;
}

static void round_trip(void **state)
{
    (void)state;
    const char *path = write_sample();
    leit_safetensors *file = NULL;
    assert_ok(leit_safetensors_open(path, &file));
    assert_string_equal(leit_safetensors_path(file), path);
    assert_int_equal(leit_safetensors_count(file), 6);
    assert_string_equal(leit_safetensors_at(file, 0)->name, "a.ids"); /* sorted */
    const leit_safetensors_entry *entry = leit_safetensors_find(file, "b.weight");
    assert_non_null(entry);
    assert_int_equal(entry->rank, 2);
    assert_int_equal(entry->shape[1], 3);
    assert_int_equal(entry->dtype, LEIT_SAFETENSORS_F32);
    assert_memory_equal(entry->data, matrix, sizeof matrix);
    float read[6];
    assert_ok(leit_safetensors_read_f32(file, entry, 0, 6, read));
    assert_memory_equal(read, matrix, sizeof matrix);
    assert_ok(leit_safetensors_read_f32(file, entry, 1, 1, read));
    assert_true(read[0] == -2);
    assert_fails(leit_safetensors_read_f32(file, entry, 1, 6, read), LEIT_DATA, "has 6 elements");
    assert_fails(leit_safetensors_read_f32(file, entry, -1, 1, read), LEIT_DATA, "were asked");
    entry = leit_safetensors_find(file, "a.\xc3\xa4\"");
    assert_ok(leit_safetensors_read_f32(file, entry, 0, 3, read));
    assert_true(read[0] == 1 && read[1] == -2 && isnan(read[2]));
    entry = leit_safetensors_find(file, "a.ids");
    assert_fails(leit_safetensors_read_f32(file, entry, 0, 1, read), LEIT_DATA, "expected F32");
    assert_int_equal(leit_safetensors_find(file, "c.empty")->count, 0);
    assert_int_equal(leit_safetensors_find(file, "scalar")->rank, 0);
    assert_null(leit_safetensors_find(file, "b"));
    leit_safetensors_close(file);

    assert_ok(leit_safetensors_write(leit_test_scratch("none.safetensors"), NULL, 0));
    assert_ok(leit_safetensors_open(leit_test_scratch("none.safetensors"), &file));
    assert_int_equal(leit_safetensors_count(file), 0);
    leit_safetensors_close(file);
    const leit_tensor twins[] = {{"a", LEIT_F32, 0, {0}, &(float){0}},
                                 {"a", LEIT_F32, 0, {0}, &(float){0}}};
    assert_fails(leit_safetensors_write(leit_test_scratch("x"), twins, 2), LEIT_DATA,
                 "two tensors");
    if (getenv("LEIT_KEEP") != NULL) print_message("kept: %s\n", path);
}

/* Every half against the definition of the format. */
static void halves(void **state)
{
    (void)state;
    enum { ALL = 65536 };
    char header[128];
    snprintf(header, sizeof header,
             "{\"h\":{\"dtype\":\"F16\",\"shape\":[%d],\"data_offsets\":[0,%d]}}", ALL, 2 * ALL);
    leit_buffer bytes = {0};
    const size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        assert_ok(
            leit_buffer_append(&bytes, &(unsigned char){(unsigned char)(length >> 8 * i)}, 1));
    assert_ok(leit_buffer_puts(&bytes, header));
    for (int i = 0; i < ALL; i++) {
        const unsigned char half[2] = {(unsigned char)(i & 255), (unsigned char)(i >> 8)};
        assert_ok(leit_buffer_append(&bytes, half, 2));
    }
    assert_ok(leit_file_write(leit_test_scratch("half"), bytes.data, bytes.size_bytes));
    leit_buffer_clear(&bytes);
    leit_safetensors *file = NULL;
    float *values = NULL;
    assert_ok(LEIT_ALLOC(values, ALL));
    assert_ok(leit_safetensors_open(leit_test_scratch("half"), &file));
    assert_ok(leit_safetensors_read_f32(file, leit_safetensors_at(file, 0), 0, ALL, values));
    for (int i = 0; i < ALL; i++) {
        const int exponent = i >> 10 & 31, mantissa = i & 1023;
        double expected = exponent == 31  ? (mantissa == 0 ? INFINITY : NAN)
                          : exponent == 0 ? ldexp(mantissa, -24)
                                          : ldexp(1024 + mantissa, exponent - 25);
        if (i >= 32768) expected = -expected;
        if (isnan(expected))
            assert_true(isnan(values[i]));
        else
            assert_true((double)values[i] == expected && (signbit(values[i]) != 0) == (i >= 32768));
    }
    leit_free(values);
    leit_safetensors_close(file);
}

#define ONE(dtype, shape, offsets)                                                                 \
    "{\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                                                         \
    "{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" first "},"                         \
    "\"u\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" second "}}"

static void malformed(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int64_t length_bytes;
        size_t n;
        const char *sentence;
    } cases[] = {
        {"{}", 3, 0, "may be truncated"},
        {"{}", INT64_MAX, 0, "expected at most"},
        {"{}", 100000001, 0, "expected at most"},
        {"", 0, 0, "header, byte"},
        {"{\"t\":", -1, 0, "header, byte"},
        {"[]", -1, 0, "no JSON object"},
        {"{} x", -1, 0, "end of file expected"},
        {"{}", -1, 4, "the last 4 bytes"},
        {"{\"t\":{},\"t\":{}}", -1, 0, "duplicate object key"},
        {"{\"t\":[]}", -1, 0, "t has no dtype"},
        {ONE("F31", "[1]", "[0,4]"), -1, 4, "has dtype F31"},
        {ONE("F32", "7", "[0,4]"), -1, 4, "rank 0 to 4"},
        {ONE("F32", "[1,1,1,1,1]", "[0,4]"), -1, 4, "has rank 5"},
        {ONE("F32", "[-1]", "[0,4]"), -1, 4, "impossible length on axis 0"},
        {ONE("F32", "[1,1.0]", "[0,4]"), -1, 4, "impossible length on axis 1"},
        {ONE("F32", "[4294967296,4294967296]", "[0,4]"), -1, 4, "impossible length"},
        {ONE("F32", "[4611686018427387905]", "[0,4]"), -1, 4, "not those of"},
        {ONE("F32", "[99999999999999999999]", "[0,4]"), -1, 4, "header, byte"},
        {ONE("F32", "[1]", "[0]"), -1, 4, "no two data_offsets"},
        {ONE("F32", "[1]", "[0,4,8]"), -1, 4, "no two data_offsets"},
        {ONE("F32", "[1]", "[0,4.0]"), -1, 4, "no two data_offsets"},
        {ONE("F32", "[1]", "[-4,0]"), -1, 4, "lies at -4"},
        {ONE("F32", "[1]", "[4,0]"), -1, 4, "lies at 4 to 0"},
        {ONE("F32", "[1]", "[0,8]"), -1, 4, "may be truncated"},
        {ONE("F32", "[2]", "[0,4]"), -1, 4, "not those of 2 elements of F32"},
        {ONE("F64", "[1]", "[0,4]"), -1, 4, "not those of 1 elements of F64"},
        {ONE("F32", "[1]", "[4,8]"), -1, 8, "4 bytes before t"},
        {TWO("[0,4]", "[0,4]"), -1, 8, "u overlaps t"},
        {TWO("[0,4]", "[2,6]"), -1, 8, "u overlaps t"},
        {TWO("[0,4]", "[8,12]"), -1, 12, "4 bytes before u"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_raw(cases[i].header, cases[i].length_bytes, cases[i].n);
        leit_safetensors *file = NULL;
        assert_fails(leit_safetensors_open(path, &file), LEIT_DATA, cases[i].sentence);
        assert_non_null(strstr(leit_error_message(), path));
        assert_null(file);
    }
    leit_safetensors *file = NULL;
    assert_fails(leit_safetensors_open(leit_test_scratch("nowhere"), &file), LEIT_DATA,
                 "cannot open");
    assert_fails(leit_safetensors_open(leit_test_directory(), &file), LEIT_DATA, "is no file");
    leit_safetensors_close(NULL);
}

/* A file that ends early never opens. */
static void truncated(void **state)
{
    (void)state;
    leit_buffer good = {0};
    assert_ok(leit_file_read(write_sample(), 1 << 20, &good));
    const char *path = leit_test_scratch("cut.safetensors");
    for (size_t n = 0; n < good.size_bytes; n++) {
        leit_safetensors *file = NULL;
        assert_ok(leit_file_write(path, good.data, n));
        assert_fails(leit_safetensors_open(path, &file), LEIT_DATA, path);
    }
    leit_buffer_clear(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(halves),
                                       cmocka_unit_test(malformed), cmocka_unit_test(truncated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

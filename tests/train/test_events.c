/* An event file read back byte by byte, with a CRC-32C of its own. tests/oracle/events.py reads one
 * with TensorBoard's package. */
#include "train/events.h"

#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/file.h"
#include "support/testing.h"

/* Castagnoli's polynomial, most significant bit first on mirrored bytes: another way than ours. */
static uint32_t mirror(uint32_t value, int n_bits)
{
    uint32_t result = 0;
    for (int bit = 0; bit < n_bits; bit++)
        if (value >> bit & 1) result |= 1u << (n_bits - 1 - bit);
    return result;
}

static uint32_t crc32c(const void *bytes, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= mirror(((const unsigned char *)bytes)[i], 8) << 24;
        for (int bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc >> 31 ? 0x1EDC6F41u : 0u);
    }
    return ~mirror(crc, 32);
}

static void expect_masked(const unsigned char *at, const void *bytes, size_t n)
{
    uint32_t found, crc = crc32c(bytes, n);
    memcpy(&found, at, sizeof found);
    assert_int_equal(found, (uint32_t)((crc >> 15 | crc << 17) + 0xA282EAD8u));
}

/* One record; returns what lies behind it. */
static const unsigned char *take_record(const unsigned char *at, const unsigned char *end,
                                        const unsigned char **bytes, uint64_t *n)
{
    assert_true(end - at >= 16);
    memcpy(n, at, sizeof *n);
    assert_true(*n <= (uint64_t)(end - at) - 16);
    expect_masked(at + 8, at, 8);
    *bytes = at + 12;
    expect_masked(at + 12 + *n, at + 12, *n);
    return at + 16 + *n;
}

static void test_check_value(void **state)
{
    (void)state;
    assert_int_equal(crc32c("123456789", 9), 0xE3069283u);
}

static void test_records(void **state)
{
    (void)state;
    leit_events *events = NULL;
    leit_file_list list = {0};
    leit_arena arena = {0};
    leit_buffer content = {0};
    assert_ok(leit_events_open(leit_test_directory(), &events));
    assert_ok(leit_events_scalar(events, "text/loss", 300, 1.5));
    assert_ok(leit_events_flush(events));
    leit_events_close(events);
    assert_ok(leit_file_list_tree(leit_test_directory(), &list));
    assert_int_equal(list.count, 1);
    assert_non_null(strstr(list.paths[0], "tfevents"));
    assert_ok(leit_file_read(leit_path_join(&arena, leit_test_directory(), list.paths[0]), 4096,
                             &content));
    const unsigned char *at = (const unsigned char *)content.data, *end = at + content.size_bytes;
    const unsigned char *bytes;
    uint64_t n;
    at = take_record(at, end, &bytes, &n);
    assert_int_equal(n, 9 + 2 + 13);
    assert_memory_equal(bytes + 9,
                        "\x1a\x0d"
                        "brain.Event:2",
                        15); /* field 3, 13 bytes */
    at = take_record(at, end, &bytes, &n);
    assert_true(at == end);
    /* wall time; step 300 as a varint; summary { value { tag, simple_value 1.5 } } */
    static const unsigned char expected[] = {0x10, 0xAC, 0x02, 0x2A, 0x12, 0x0A, 0x10, 0x0A,
                                             9,    't',  'e',  'x',  't',  '/',  'l',  'o',
                                             's',  's',  0x15, 0x00, 0x00, 0xC0, 0x3F};
    assert_int_equal(bytes[0], 0x09);
    assert_int_equal(n, 9 + sizeof expected);
    assert_memory_equal(bytes + 9, expected, sizeof expected);
    leit_buffer_clear(&content);
    leit_arena_clear(&arena);
    leit_file_list_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_value),
        cmocka_unit_test(test_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "support/event_records.h"

#include <stdbool.h>
#include <string.h>

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

uint32_t leit_test_crc32c(const void *bytes, size_t n)
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
    uint32_t found, crc = leit_test_crc32c(bytes, n);
    memcpy(&found, at, sizeof found);
    assert_int_equal(found, (uint32_t)((crc >> 15 | crc << 17) + 0xA282EAD8u));
}

const unsigned char *leit_test_event_record(const unsigned char *at, const unsigned char *end,
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

/* A varint; *at moves behind it. */
static uint64_t take_varint(const unsigned char **at, const unsigned char *end)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(*at < end && shift < 64);
        const unsigned char byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
}

/* Steps over a key that must be this one. */
static void take_key(const unsigned char **at, const unsigned char *end, unsigned char key)
{
    assert_true(*at < end);
    assert_int_equal(*(*at)++, key);
}

/* A length that must reach just to the end. */
static void take_rest(const unsigned char **at, const unsigned char *end)
{
    const uint64_t length = take_varint(at, end);
    assert_int_equal(length, end - *at);
}

/* Event { 1: wall time, 2: step, 5: Summary { 1: Value { 1: tag, 2: simple_value } } } */
static void print_scalar(const unsigned char *at, const unsigned char *end, leit_buffer *lines)
{
    float value;
    take_key(&at, end, 0x09);
    at += 8;
    take_key(&at, end, 0x10);
    const uint64_t step = take_varint(&at, end);
    take_key(&at, end, 0x2A);
    take_rest(&at, end);
    take_key(&at, end, 0x0A);
    take_rest(&at, end);
    take_key(&at, end, 0x0A);
    const uint64_t length = take_varint(&at, end);
    assert_int_equal(length + 1 + sizeof value, end - at);
    const char *tag = (const char *)at;
    at += length;
    take_key(&at, end, 0x15);
    memcpy(&value, at, sizeof value);
    assert_ok(leit_buffer_printf(lines, "%.*s %llu %.9g\n", (int)length, tag,
                                 (unsigned long long)step, (double)value));
}

static void print_file(const char *path, leit_buffer *lines)
{
    leit_buffer content = {0};
    assert_ok(leit_file_read(path, 1 << 24, &content));
    const unsigned char *at = (const unsigned char *)content.data, *end = at + content.size_bytes;
    const unsigned char *bytes;
    uint64_t n;
    for (bool is_first = true; at < end; is_first = false) {
        at = leit_test_event_record(at, end, &bytes, &n);
        if (!is_first) print_scalar(bytes, bytes + n, lines);
    }
    leit_buffer_clear(&content);
}

void leit_test_event_scalars(const char *directory, leit_buffer *lines)
{
    leit_file_list list = {0};
    leit_arena arena = {0};
    assert_ok(leit_file_list_tree(directory, &list));
    for (size_t i = 0; i < list.count; i++)
        print_file(leit_path_join(&arena, directory, list.paths[i]), lines);
    leit_arena_clear(&arena);
    leit_file_list_clear(&list);
}

/* Every sequence that could matter, judged by utf8proc. */
#include <string.h>
#include <utf8proc.h>

#include "core/utf8.h"
#include "support/testing.h"

static void check(const unsigned char *bytes, size_t size_bytes)
{
    const char *text = (const char *)bytes;
    int32_t code_point = -1, expected = -1;
    const utf8proc_ssize_t used = utf8proc_iterate(bytes, (utf8proc_ssize_t)size_bytes, &expected);
    const size_t got = leit_utf8_read(text, text + size_bytes, &code_point);
    if (got != (used > 0 ? (size_t)used : 0) || (used > 0 && code_point != expected))
        fail_msg("%02x %02x %02x %02x of %zu bytes: %zu bytes, U+%04x; utf8proc: %d, U+%04x",
                 bytes[0], bytes[1], bytes[2], bytes[3], size_bytes, got, (unsigned)code_point,
                 (int)used, (unsigned)expected);
}

/* All pairs; behind each, bytes on both sides of every border. */
static void agrees_with_utf8proc(void **state)
{
    (void)state;
    static const unsigned char borders[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90,
                                            0x9F, 0xA0, 0xBF, 0xC0, 0xE0, 0xFF};
    enum { N_BORDERS = sizeof borders };
    for (unsigned pair = 0; pair < 1 << 16; pair++)
        for (unsigned i = 0; i < N_BORDERS * N_BORDERS; i++) {
            const unsigned char bytes[4] = {(unsigned char)(pair >> 8), (unsigned char)pair,
                                            borders[i / N_BORDERS], borders[i % N_BORDERS]};
            for (size_t size_bytes = 1; size_bytes <= 4; size_bytes++) check(bytes, size_bytes);
        }
}

/* The first bad byte is found wherever it lies beside the eights that are looked at together. */
static void spans_end_at_the_first_fault(void **state)
{
    (void)state;
    static const char *const faults[] = {"\xFF", "\xC3(", "\xC3", "\xED\xA0\x80", "\x80", "\xF5"};
    char text[64];
    for (size_t before = 0; before < 40; before++) {
        memset(text, 'a', sizeof text);
        assert_true(leit_is_utf8(text, before));
        text[before] = '\0';
        assert_int_equal(leit_utf8_span(text, sizeof text), before);
        for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
            memcpy(text + before, faults[f], strlen(faults[f]));
            const size_t size_bytes = before + strlen(faults[f]);
            assert_int_equal(leit_utf8_span(text, size_bytes), before);
            assert_false(leit_is_utf8(text, size_bytes));
        }
    }
    assert_true(leit_is_utf8("na\xC3\xAFve \xF0\x9F\x8E\xB5 music", 17));
    assert_true(leit_is_utf8("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_utf8proc),
        cmocka_unit_test(spans_end_at_the_first_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

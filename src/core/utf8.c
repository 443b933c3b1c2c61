#include "core/utf8.h"

#include <string.h>

size_t leit_utf8_read(const char *text, const char *end, int32_t *code_point)
{
    const unsigned char *byte = (const unsigned char *)text;
    const unsigned lead = byte[0];
    if (lead < 0x80) {
        *code_point = (int32_t)lead;
        return 1;
    }
    const ptrdiff_t more = lead >= 0xC2 && lead <= 0xDF   ? 1
                           : lead >= 0xE0 && lead <= 0xEF ? 2
                           : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                          : 0;
    if (more == 0 || end - text <= more) return 0;
    /* The second byte keeps out overlong forms, surrogates and what lies above U+10FFFF. */
    const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte[1] < low || byte[1] > high) return 0;
    uint32_t code = lead & (0x3FU >> more);
    for (ptrdiff_t i = 1; i <= more; i++) {
        if ((byte[i] & 0xC0) != 0x80) return 0;
        code = code << 6 | (byte[i] & 0x3FU);
    }
    *code_point = (int32_t)code;
    return (size_t)more + 1;
}

/* Eight ASCII characters, none of them NUL: subtracting 1 borrows into the top bit of a zero. */
static bool is_plain8(const char *bytes)
{
    uint64_t eight;
    memcpy(&eight, bytes, sizeof eight);
    return ((eight | (eight - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0;
}

size_t leit_utf8_span(const char *bytes, size_t size_bytes)
{
    const char *at = bytes, *end = bytes + size_bytes;
    while (at < end) {
        while (end - at >= 8 && is_plain8(at)) at += 8;
        if (at == end) break;
        int32_t code_point = 0;
        const size_t used = leit_utf8_read(at, end, &code_point);
        if (used == 0 || code_point == 0) break;
        at += used;
    }
    return (size_t)(at - bytes);
}

bool leit_is_utf8(const char *bytes, size_t size_bytes)
{
    return leit_utf8_span(bytes, size_bytes) == size_bytes;
}

#include "text/unicode.h"

#include <utf8proc.h>

#include "core/utf8.h"

size_t leit_utf8_decode(const char *text, const char *end, int32_t *code_point)
{
    const size_t used = leit_utf8_read(text, end, code_point);
    if (used > 0) return used;
    *code_point = LEIT_REPLACEMENT_CHARACTER;
    return 1;
}

size_t leit_utf8_encode(int32_t code_point, char bytes[4])
{
    return (size_t)utf8proc_encode_char(code_point, (utf8proc_uint8_t *)bytes);
}

bool leit_unicode_is_space(int32_t code_point)
{
    if (code_point < 0x80)
        return code_point == ' ' || (code_point >= 0x09 && code_point <= 0x0D) ||
               (code_point >= 0x1C && code_point <= 0x1F);
    return code_point == 0x85 || code_point == 0x2028 || code_point == 0x2029 ||
           utf8proc_category(code_point) == UTF8PROC_CATEGORY_ZS;
}

bool leit_unicode_is_upper(int32_t code_point)
{
    if (code_point < 0x80) return code_point >= 'A' && code_point <= 'Z';
    utf8proc_category_t category = utf8proc_category(code_point);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
}

bool leit_unicode_is_lower(int32_t code_point)
{
    if (code_point < 0x80) return code_point >= 'a' && code_point <= 'z';
    return utf8proc_category(code_point) == UTF8PROC_CATEGORY_LL;
}

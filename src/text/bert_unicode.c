#include "text/bert_unicode.h"

#include <utf8proc.h>

#include "core/memory.h"
#include "text/unicode.h"

static bool in_ranges(int32_t code_point, const int32_t (*ranges)[2], size_t n_ranges)
{
    for (size_t i = 0; i < n_ranges; i++)
        if (code_point >= ranges[i][0] && code_point <= ranges[i][1]) return true;
    return false;
}
#define IN_RANGES(code_point, ranges)                                                              \
    in_ranges(code_point, ranges, sizeof(ranges) / sizeof *(ranges))

bool leit_bert_is_cjk(int32_t code_point)
{
    static const int32_t ranges[][2] = {
        {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
        {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0x2F800, 0x2FA1F},
    };
    return code_point >= 0x3400 && IN_RANGES(code_point, ranges);
}

bool leit_bert_drops(int32_t code_point)
{
    if (code_point == LEIT_REPLACEMENT_CHARACTER) return true;
    utf8proc_category_t category = utf8proc_category(code_point);
    return category == UTF8PROC_CATEGORY_CN || category >= UTF8PROC_CATEGORY_CC;
}

bool leit_bert_is_punctuation(int32_t code_point)
{
    if (code_point < 0x80)
        return code_point > ' ' && code_point < 0x7F && !(code_point >= '0' && code_point <= '9') &&
               !((code_point | 0x20) >= 'a' && (code_point | 0x20) <= 'z');
    utf8proc_category_t category = utf8proc_category(code_point);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/* Unicode's Cased: Lu, Ll, Lt, Other_Uppercase and Other_Lowercase. */
static bool is_cased(int32_t code_point)
{
    static const int32_t other[][2] = {
        {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},
        {0x2E0, 0x2E4},     {0x345, 0x345},     {0x37A, 0x37A},     {0x1D2C, 0x1D6A},
        {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},   {0x207F, 0x207F},
        {0x2090, 0x209C},   {0x2160, 0x217F},   {0x24B6, 0x24E9},   {0x2C7C, 0x2C7D},
        {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},
        {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA},
        {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189},
    };
    utf8proc_category_t category = utf8proc_category(code_point);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT || IN_RANGES(code_point, other);
}

/* Unicode's Case_Ignorable: Mn, Me, Cf, Lm, Sk and the marks that stand inside words. */
static bool is_case_ignorable(int32_t code_point)
{
    switch (code_point) {
    case '\'':
    case '.':
    case ':':
    case 0xB7:
    case 0x387:
    case 0x55F:
    case 0x5F4:
    case 0x2018:
    case 0x2019:
    case 0x2024:
    case 0x2027:
    case 0xFE13:
    case 0xFE52:
    case 0xFE55:
    case 0xFF07:
    case 0xFF0E:
    case 0xFF1A: return true;
    default: break;
    }
    utf8proc_category_t category = utf8proc_category(code_point);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
           category == UTF8PROC_CATEGORY_SK;
}

/* Sigma at `at` of a word ends it when a cased letter stands before and none after. */
static int32_t lower_sigma(const int32_t *word, size_t n, size_t at)
{
    size_t i = at;
    while (i > 0 && is_case_ignorable(word[i - 1])) i--;
    if (i == 0 || !is_cased(word[i - 1])) return 0x3C3;
    i = at + 1;
    while (i < n && is_case_ignorable(word[i])) i++;
    return i < n && is_cased(word[i]) ? 0x3C3 : 0x3C2;
}

static int combining_class(int32_t code_point)
{
    return utf8proc_get_property(code_point)->combining_class;
}

/* Stable sort of each run of combining marks by combining class: Unicode's canonical order. A run
 * longer than a word may be is [UNK] in any order, so no mark needs to move further: linear time.
 */
static void order_marks(int32_t *text, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        int32_t moved = text[i];
        int class = combining_class(moved);
        if (class == 0) continue;
        size_t j = i;
        for (; j > 0 && i - j <= LEIT_BERT_MAX_WORD; j--) {
            if (combining_class(text[j - 1]) <= class) break;
            text[j] = text[j - 1];
        }
        text[j] = moved;
    }
}

bool leit_bert_is_mark(int32_t code_point)
{
    return utf8proc_category(code_point) == UTF8PROC_CATEGORY_MN;
}

leit_status leit_code_points_append(leit_code_points *text, int32_t code_point)
{
    LEIT_TRY(LEIT_GROW(text->list, text->count, text->capacity));
    text->list[text->count++] = code_point;
    return LEIT_OK;
}

leit_status leit_bert_lower(const leit_code_points *word, leit_code_points *lowered)
{
    const int32_t *list = word->list;
    lowered->count = 0;
    for (size_t i = 0; i < word->count; i++) {
        int32_t lower =
            list[i] == 0x3A3 ? lower_sigma(list, word->count, i) : utf8proc_tolower(list[i]);
        utf8proc_int32_t parts[8];
        int boundary = 0;
        utf8proc_ssize_t n_parts =
            utf8proc_decompose_char(lower, parts, 8, UTF8PROC_DECOMPOSE, &boundary);
        LEIT_FAIL_IF(n_parts < 1 || n_parts > 8, LEIT_INTERNAL, "U+%04X decomposes into %d parts",
                     (unsigned)lower, (int)n_parts);
        for (utf8proc_ssize_t k = 0; k < n_parts; k++)
            if (combining_class(parts[k]) == 0 || !leit_bert_is_mark(parts[k]))
                LEIT_TRY(leit_code_points_append(lowered, parts[k]));
    }
    order_marks(lowered->list, lowered->count);
    return LEIT_OK;
}

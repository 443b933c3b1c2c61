/* WordPiece against the ids of Hugging Face's slow BertTokenizer: tests/golden/wordpiece.tsv, made
 * by tests/oracle/wordpiece.py, one line per case: max_tokens, text (bytes outside printable ASCII
 * as \xNN), ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "support/testing.h"
#include "text/unicode.h"
#include "text/wordpiece.h"

enum { MAX_IDS = 2048 };

static leit_wordpiece *small_tokenizer(void)
{
    leit_buffer text = {0};
    leit_wordpiece *tokenizer = NULL;
    assert_ok(leit_file_read(leit_test_source("tests/golden/wordpiece_vocab.txt"), 1 << 20, &text));
    assert_ok(leit_wordpiece_create(text.data, text.size_bytes, "wordpiece_vocab.txt", &tokenizer));
    leit_buffer_clear(&text);
    return tokenizer;
}

/* Undoes \xNN in place and returns the number of bytes. */
static size_t unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] == 'x') {
            char digits[3] = {from[2], from[3], '\0'};
            *to = (char)strtol(digits, NULL, 16);
            from += 4;
        } else {
            *to = *from++;
        }
    }
    return (size_t)(to - text);
}

static void check_case(leit_wordpiece *tokenizer, char *line, int line_number)
{
    char *save = NULL;
    int max_tokens = atoi(line);
    char *text = strchr(line, '\t') + 1;
    char *ids_text = strchr(text, '\t');
    *ids_text++ = '\0';
    size_t size_bytes = unescape(text);
    int32_t expected[MAX_IDS], got[MAX_IDS];
    int n_expected = 0, n_got = 0;
    for (char *id = strtok_r(ids_text, " ", &save); id != NULL; id = strtok_r(NULL, " ", &save))
        expected[n_expected++] = (int32_t)strtol(id, NULL, 10);
    assert_ok(leit_wordpiece_encode(tokenizer, text, size_bytes, max_tokens, got, &n_got));
    bool equal = n_got == n_expected;
    for (int i = 0; equal && i < n_got; i++) equal = got[i] == expected[i];
    if (equal) return;
    for (int i = 0; i < n_expected; i++) print_error(" %d", expected[i]);
    print_error(" expected, got");
    for (int i = 0; i < n_got; i++) print_error(" %d", got[i]);
    fail_msg("wordpiece.tsv, line %d: ids differ", line_number);
}

/* Twice with one tokenizer: the second pass answers from the cache. */
static void same_ids_as_hugging_face(void **state)
{
    (void)state;
    leit_wordpiece *tokenizer = small_tokenizer();
    for (int pass = 0; pass < 2; pass++) {
        leit_buffer golden = {0};
        assert_ok(leit_file_read(leit_test_source("tests/golden/wordpiece.tsv"), 1 << 20, &golden));
        int line_number = 0, n_cases = 0;
        char *save = NULL;
        for (char *line = strtok_r(golden.data, "\n", &save); line != NULL;
             line = strtok_r(NULL, "\n", &save)) {
            line_number++;
            if (line[0] == '#') continue;
            check_case(tokenizer, line, line_number);
            n_cases++;
        }
        assert_true(n_cases >= 300);
        leit_buffer_clear(&golden);
    }
    leit_wordpiece_free(tokenizer);
}

typedef struct range_list {
    int32_t first[1024], last[1024];
    int count;
} range_list;

/* Every character of the ranges as c and ##c, as unicode_golden() of the oracle has it. */
static leit_wordpiece *character_tokenizer(const range_list *ranges)
{
    leit_buffer text = {0};
    leit_wordpiece *tokenizer = NULL;
    assert_ok(leit_buffer_puts(&text, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"));
    for (int r = 0; r < ranges->count; r++)
        for (int32_t c = ranges->first[r]; c <= ranges->last[r]; c++) {
            char bytes[4];
            int n = (int)leit_utf8_encode(c, bytes);
            if (leit_unicode_is_space(c)) continue;
            assert_ok(leit_buffer_printf(&text, "%.*s\n##%.*s\n", n, bytes, n, bytes));
        }
    assert_ok(leit_wordpiece_create(text.data, text.size_bytes, "characters", &tokenizer));
    leit_buffer_clear(&text);
    return tokenizer;
}

/* The XXH3 sum of the ids of `context` with each character in the place of every {}. */
static uint64_t digest_of(leit_wordpiece *tokenizer, const char *context, const range_list *ranges)
{
    XXH3_state_t *state = XXH3_createState();
    assert_non_null(state);
    XXH3_64bits_reset(state);
    for (int r = 0; r < ranges->count; r++)
        for (int32_t c = ranges->first[r]; c <= ranges->last[r]; c++) {
            char text[64];
            size_t size_bytes = 0;
            for (const char *at = context; *at != '\0'; at++) {
                if (at[0] == '{' && at[1] == '}') {
                    size_bytes += leit_utf8_encode(c, text + size_bytes);
                    at++;
                } else {
                    text[size_bytes++] = *at;
                }
            }
            int32_t ids[64];
            int n = 0;
            assert_ok(leit_wordpiece_encode(tokenizer, text, size_bytes, 64, ids, &n));
            XXH3_64bits_update(state, ids, (size_t)n * sizeof *ids);
        }
    uint64_t digest = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return digest;
}

/* All characters of Unicode 14 but for the large uniform scripts, each in eight contexts. Where a
 * later utf8proc disagrees, Unicode has changed the class of a character: write the golden anew
 * with a Python of that version and compare. */
static void every_character(void **state)
{
    (void)state;
    enum { MAX_CONTEXTS = 16 };
    leit_buffer golden = {0};
    assert_ok(
        leit_file_read(leit_test_source("tests/golden/wordpiece_unicode.tsv"), 1 << 20, &golden));
    static range_list ranges;
    char *contexts[MAX_CONTEXTS];
    uint64_t digests[MAX_CONTEXTS];
    int n_contexts = 0;
    char *save = NULL;
    ranges.count = 0;
    for (char *line = strtok_r(golden.data, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *first = strchr(line, '\t'), *second = first == NULL ? NULL : strchr(first + 1, '\t');
        if (line[0] == '#') continue;
        assert_non_null(second);
        *second++ = '\0';
        if (line[0] == 'r') {
            assert_in_range(ranges.count, 0, 1023);
            ranges.first[ranges.count] = (int32_t)strtol(first + 1, NULL, 16);
            ranges.last[ranges.count++] = (int32_t)strtol(second, NULL, 16);
        } else {
            assert_in_range(n_contexts, 0, MAX_CONTEXTS - 1);
            contexts[n_contexts] = first + 1;
            contexts[n_contexts][unescape(first + 1)] = '\0';
            digests[n_contexts++] = strtoull(second, NULL, 16);
        }
    }
    assert_true(ranges.count > 600 && n_contexts == 8);
    leit_wordpiece *tokenizer = character_tokenizer(&ranges);
    for (int i = 0; i < n_contexts; i++)
        if (digest_of(tokenizer, contexts[i], &ranges) != digests[i])
            fail_msg("context %d of wordpiece_unicode.tsv: ids differ", i + 1);
    leit_wordpiece_free(tokenizer);
    leit_buffer_clear(&golden);
}

static leit_status try_vocabulary(const char *text, size_t size_bytes)
{
    leit_wordpiece *tokenizer = NULL;
    leit_status status = leit_wordpiece_create(text, size_bytes, "v.txt", &tokenizer);
    if (status != LEIT_OK) assert_null(tokenizer);
    leit_wordpiece_free(tokenizer);
    return status;
}

static void bad_vocabularies(void **state)
{
    (void)state;
#define TRY(text) try_vocabulary(text, sizeof(text) - 1)
    assert_fails(TRY(""), LEIT_DATA, "v.txt: empty");
    assert_fails(TRY("[PAD]\n\n[UNK]\n"), LEIT_DATA, "v.txt, line 2: empty");
    assert_fails(TRY("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\na\n"), LEIT_DATA, "line 7: the token 'a'");
    assert_fails(TRY("[UNK]\n[CLS]\n[SEP]\na\n"), LEIT_DATA, "no [PAD] among its 4 tokens");
    assert_fails(TRY("[PAD]\n[CLS]\n[SEP]\na\n"), LEIT_DATA, "no [UNK]");
    assert_fails(TRY("[PAD]\n[UNK]\n[SEP]\na\n"), LEIT_DATA, "no [CLS]");
    assert_fails(TRY("[PAD]\n[UNK]\n[CLS]\na\n"), LEIT_DATA, "no [SEP]");
    assert_fails(TRY("[PAD]\n[UNK]\n[CLS]\n[SEP]\n\xff\n"), LEIT_DATA, "line 5: not UTF-8");
    assert_fails(TRY("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\0b\n"), LEIT_DATA, "line 5: not UTF-8");
    assert_ok(TRY("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\na"));
#undef TRY
    char *large = NULL;
    size_t size_bytes = LEIT_WORDPIECE_MAX_VOCABULARY_BYTES + 1;
    assert_ok(LEIT_ALLOC(large, size_bytes));
    memset(large, 'a', size_bytes);
    assert_fails(try_vocabulary(large, size_bytes), LEIT_DATA, "expected a vocabulary of at most");
    leit_free(large);
}

static void reads_back(void **state)
{
    (void)state;
    static const char text[] = "a\n[PAD]\n[SEP]\n[CLS]\n[UNK]\n##b\n";
    leit_wordpiece *tokenizer = NULL;
    assert_ok(leit_wordpiece_create(text, sizeof text - 1, "v.txt", &tokenizer));
    leit_wordpiece_special special = leit_wordpiece_special_ids(tokenizer);
    assert_int_equal(special.padding, 1);
    assert_int_equal(special.separator, 2);
    assert_int_equal(special.classification, 3);
    assert_int_equal(special.unknown, 4);
    assert_int_equal(special.mask, -1);
    assert_int_equal(leit_wordpiece_size(tokenizer), 6);
    size_t size_bytes = 0;
    assert_string_equal(leit_wordpiece_vocabulary(tokenizer, &size_bytes), text);
    assert_int_equal(size_bytes, sizeof text - 1);

    int32_t ids[16];
    int n = 0;
    assert_ok(leit_wordpiece_encode(tokenizer, "Ab [MASK]", 9, 16, ids, &n));
    static const int32_t expected[] = {3, 0, 5, 4, 4, 4, 2}; /* without [MASK] it is plain text */
    assert_int_equal(n, 7);
    assert_memory_equal(ids, expected, sizeof expected);
    assert_ok(leit_wordpiece_encode(tokenizer, NULL, 0, 2, ids, &n));
    assert_int_equal(n, 2);
    assert_fails(leit_wordpiece_encode(tokenizer, "a", 1, 1, ids, &n), LEIT_USAGE,
                 "max_tokens is 1");
    leit_wordpiece_free(tokenizer);
    leit_wordpiece_free(NULL);
}

/* Random bytes, half of them from an alphabet that likes trouble: never outside the buffer, always
 * [CLS] ... [SEP], at most size + 2 ids, and the prefix of the full answer when cut. */
static void random_bytes(void **state)
{
    (void)state;
    static const char trouble[] =
        "ab [MASK]'.\xCC\x81\xE2\x80\x99\xCE\xA3\xE6\xB0\xB4\xF0\x9F\x98\x80\xED\xA0\x80\x00\n";
    enum { MAX_BYTES = 96 };
    leit_wordpiece *tokenizer = small_tokenizer();
    leit_wordpiece_special special = leit_wordpiece_special_ids(tokenizer);
    leit_rng rng = leit_rng_start(11, LEIT_STREAM_BATCH, 0, 0);
    for (int round = 0; round < 20000; round++) {
        uint32_t size_bytes = leit_rng_below(&rng, MAX_BYTES);
        char *text = malloc(size_bytes + 1); /* exact, so that a sanitizer sees one byte too far */
        text = realloc(text, size_bytes > 0 ? size_bytes : 1);
        assert_non_null(text);
        for (uint32_t i = 0; i < size_bytes; i++)
            text[i] = leit_rng_below(&rng, 2) ? (char)leit_rng_below(&rng, 256)
                                              : trouble[leit_rng_below(&rng, sizeof trouble)];
        int32_t full[MAX_BYTES + 2], cut[MAX_BYTES + 2];
        int n_full = 0, n_cut = 0, limit = 2 + (int)leit_rng_below(&rng, 12);
        assert_ok(leit_wordpiece_encode(tokenizer, text, size_bytes, MAX_BYTES + 2, full, &n_full));
        assert_ok(leit_wordpiece_encode(tokenizer, text, size_bytes, limit, cut, &n_cut));
        assert_true(n_full >= 2 && n_full <= (int)size_bytes + 2);
        assert_int_equal(full[0], special.classification);
        assert_int_equal(full[n_full - 1], special.separator);
        assert_int_equal(n_cut, n_full < limit ? n_full : limit);
        assert_memory_equal(full, cut, (size_t)(n_cut - 1) * sizeof *cut);
        assert_int_equal(cut[n_cut - 1], special.separator);
        free(text);
    }
    leit_wordpiece_free(tokenizer);
}

/* Texts that would be slow if any step were quadratic. */
static void long_words_are_linear(void **state)
{
    (void)state;
    static const char *const units[] = {
        "a", "\xCC\x81", "\xE3\x80\xAE\xF0\x9D\x85\xA5", "[", "\xE6\xB0\xB4", "a\x01", ".\xCE\xA3"};
    leit_wordpiece *tokenizer = small_tokenizer();
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t unit_bytes = strlen(units[u]), count = 1 << 19;
        char *text = NULL;
        int32_t *ids = NULL;
        int n = 0;
        assert_ok(LEIT_ALLOC(text, unit_bytes * count));
        assert_ok(LEIT_ALLOC(ids, unit_bytes * count + 2));
        for (size_t i = 0; i < count; i++) memcpy(text + i * unit_bytes, units[u], unit_bytes);
        assert_ok(leit_wordpiece_encode(tokenizer, text, unit_bytes * count,
                                        (int)(unit_bytes * count + 2), ids, &n));
        leit_free(text);
        leit_free(ids);
    }
    leit_wordpiece_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_ids_as_hugging_face),
        cmocka_unit_test(every_character),
        cmocka_unit_test(bad_vocabularies),
        cmocka_unit_test(reads_back),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(long_words_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

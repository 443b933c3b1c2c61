/* WordPiece on real text: every sentence of Alm and ISEAR with BERT's own vocabulary, against
 * counts and XXH3 sums of the ids Hugging Face gives (tests/golden/wordpiece_data.tsv). Skipped
 * unless LEIT_DATA names a directory with alm/, isear/ and bert_vocab/vocab.txt. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "core/file.h"
#include "core/memory.h"
#include "support/testing.h"
#include "text/wordpiece.h"

enum { MAX_TOKENS = 512, SIT_COLUMN = 40 };

typedef struct totals {
    int n_texts, n_ids;
    XXH3_state_t *state;
} totals;

/* Field `field` (from 0) of a line; the last field wanted takes the rest when `rest`. */
static bool find_field(const char *line, const char *end, char mark, int field, bool rest,
                       const char **start, const char **stop)
{
    for (; field > 0; field--) {
        line = memchr(line, mark, (size_t)(end - line));
        if (line == NULL) return false;
        line++;
    }
    const char *next = rest ? NULL : memchr(line, mark, (size_t)(end - line));
    *start = line;
    *stop = next == NULL ? end : next;
    return true;
}

static void encode_file(leit_wordpiece *tokenizer, const char *path, totals *sums)
{
    leit_buffer content = {0};
    assert_ok(leit_file_read(path, 64 << 20, &content));
    bool isear = strstr(path, "isear") != NULL;
    const char *at = content.data, *end = at + content.size_bytes;
    for (int line = 0; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline == NULL ? end : newline, *start = NULL, *stop = NULL;
        bool found =
            isear ? line > 0 && find_field(at, line_end, '|', SIT_COLUMN, false, &start, &stop)
                  : find_field(at, line_end, '@', 2, true, &start, &stop);
        at = line_end + 1;
        if (!found) continue;
        if (!isear)
            while (stop > start && stop[-1] == '\r') stop--;
        int32_t ids[MAX_TOKENS];
        int n = 0;
        assert_ok(
            leit_wordpiece_encode(tokenizer, start, (size_t)(stop - start), MAX_TOKENS, ids, &n));
        XXH3_64bits_update(sums->state, ids, (size_t)n * sizeof *ids);
        sums->n_texts++;
        sums->n_ids += n;
    }
    leit_buffer_clear(&content);
}

static void same_ids_on_real_text(void **state)
{
    (void)state;
    const char *directory = getenv("LEIT_DATA");
    leit_arena arena = {0};
    leit_buffer text = {0}, golden = {0};
    leit_wordpiece *tokenizer = NULL;
    assert_ok(
        leit_file_read(leit_path_join(&arena, directory, "bert_vocab/vocab.txt"), 8 << 20, &text));
    assert_ok(leit_wordpiece_create(text.data, text.size_bytes, "vocab.txt", &tokenizer));
    assert_ok(
        leit_file_read(leit_test_source("tests/golden/wordpiece_data.tsv"), 1 << 16, &golden));
    int n_files = 0;
    char *save = NULL;
    for (char *line = strtok_r(golden.data, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (line[0] == '#') continue;
        char name[128];
        int n_texts = 0, n_ids = 0;
        uint64_t digest = 0;
        assert_int_equal(sscanf(line, "%127s %d %d %" SCNx64, name, &n_texts, &n_ids, &digest), 4);
        totals sums = {.state = XXH3_createState()};
        assert_non_null(sums.state);
        XXH3_64bits_reset(sums.state);
        encode_file(tokenizer, leit_path_join(&arena, directory, name), &sums);
        assert_int_equal(sums.n_texts, n_texts);
        assert_int_equal(sums.n_ids, n_ids);
        assert_true(XXH3_64bits_digest(sums.state) == digest);
        XXH3_freeState(sums.state);
        n_files++;
    }
    assert_int_equal(n_files, 4);
    leit_wordpiece_free(tokenizer);
    leit_buffer_clear(&text);
    leit_buffer_clear(&golden);
    leit_arena_clear(&arena);
}

int main(void)
{
    if (leit_test_lacks("LEIT_DATA")) return LEIT_TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_ids_on_real_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

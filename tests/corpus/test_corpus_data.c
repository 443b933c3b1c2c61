/* The corpora of the paper, from the user's own copies: LEIT_DATA names the folder that holds alm/,
 * isear/, nrc_vad/, taffc/ and bert_vocab/. Without it every test here is skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "corpus/corpus.h"
#include "corpus/mapping.h"
#include "support/testing.h"

/* "key=$LEIT_DATA/relative" */
static const char *at(const char *key, const char *relative)
{
    static char words[16][1024];
    static int next;
    const char *data = getenv("LEIT_DATA");
    char *word = words[next++ % 16];
    snprintf(word, sizeof words[0], "%s=%s/%s", key, data, relative);
    return word;
}

static void build(const char *manifest, const char *output, const char *const *overrides, size_t n)
{
    assert_ok(leit_corpus_build(leit_test_source(manifest), output, overrides, n));
    assert_ok(leit_corpus_check(output));
    char *text = NULL;
    assert_ok(leit_corpus_stats(output, 0, &text));
    if (getenv("LEIT_KEEP") != NULL) print_message("%s\n%s\n", output, text);
    leit_corpus_text_free(text);
}

static int64_t count(const uint8_t *split, int64_t n, int mask)
{
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++) rows += (split[i] & mask) != 0;
    return rows;
}

static void alm(void **state)
{
    (void)state;
    const char *overrides[] = {at("source", "alm"), at("vocabulary", "bert_vocab/vocab.txt")};
    const char *path = leit_test_scratch("alm.h5");
    build("datasets/alm/alm.yaml", path, overrides, 2);
    leit_text_corpus *corpus = NULL;
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_texts, 1207);
    int64_t per_label[5] = {0}, n_potter = 0;
    for (int64_t i = 0; i < corpus->n_texts; i++) {
        bool is_potter = strncmp(corpus->ids[i], "Potter:", 7) == 0;
        n_potter += is_potter;
        assert_int_equal(corpus->split[i],
                         is_potter ? LEIT_SPLIT_VALID | LEIT_SPLIT_TEST : LEIT_SPLIT_TRAIN);
        per_label[corpus->label[i]]++;
    }
    assert_int_equal(n_potter, 167);
    assert_memory_equal(per_label, ((int64_t[]){218, 166, 445, 264, 114}), sizeof per_label);
    leit_text_corpus_close(corpus);
}

static void alm_strict(void **state)
{
    (void)state;
    const char *overrides[] = {at("source", "alm"), at("vocabulary", "bert_vocab/vocab.txt")};
    const char *path = leit_test_scratch("alm_strict.h5");
    build("datasets/alm/alm_strict.yaml", path, overrides, 2);
    leit_text_corpus *corpus = NULL;
    assert_ok(leit_text_corpus_open(path, &corpus));
    const int64_t n = corpus->n_texts, n_valid = count(corpus->split, n, LEIT_SPLIT_VALID);
    assert_int_equal(count(corpus->split, n, LEIT_SPLIT_TEST), 167);
    assert_in_range(n_valid, 140, 156);
    assert_int_equal(count(corpus->split, n, LEIT_SPLIT_TRAIN), 1040 - n_valid);
    /* No story is in two splits. */
    for (int64_t i = 1; i < n; i++) {
        size_t story = (size_t)(strrchr(corpus->ids[i], ':') - corpus->ids[i]) + 1;
        if (strncmp(corpus->ids[i], corpus->ids[i - 1], story) == 0)
            assert_int_equal(corpus->split[i], corpus->split[i - 1]);
    }
    leit_text_corpus_close(corpus);
}

static void isear(void **state)
{
    (void)state;
    const char *overrides[] = {at("source", "isear/isear.csv"),
                               at("vocabulary", "bert_vocab/vocab.txt")};
    const char *path = leit_test_scratch("isear.h5");
    build("datasets/isear/isear.yaml", path, overrides, 2);
    leit_text_corpus *corpus = NULL;
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_texts, 7666);
    int64_t n_altered = 0;
    for (int64_t i = 0; i < corpus->about.n_ledger; i++)
        n_altered += strstr(corpus->about.ledger[i], "stray line-break") != NULL;
    assert_int_equal(n_altered, 5337);
    for (int64_t i = 0; i < corpus->n_texts; i++) {
        assert_null(strstr(corpus->texts[i], "\xc3\xa1"));
        assert_null(strchr(corpus->texts[i], '|'));
    }
    const int64_t n_held = count(corpus->split, 7666, LEIT_SPLIT_TEST);
    assert_int_equal(n_held, 6 * 164 + 164); /* 15 % of 1093 to 1096 each, rounded */
    assert_int_equal(count(corpus->split, 7666, LEIT_SPLIT_VALID), n_held);
    leit_text_corpus_close(corpus);

    path = leit_test_scratch("isear_strict.h5");
    build("datasets/isear/isear_strict.yaml", path, overrides, 2);
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_texts, 7666 - 88);
    leit_text_corpus_close(corpus);
}

static void va_is_table_2(void **state)
{
    (void)state;
    static const char *const expected[][2] = {
        {"anger", "angry"}, {"disgust", "angry"}, {"fear", "angry"},        {"fearful", "sad"},
        {"guilt", "sad"},   {"happy", "happy"},   {"joy", "exciting"},      {"sad", "sad"},
        {"sadness", "sad"}, {"shame", "angry"},   {"surprised", "exciting"}};
    const char *overrides[] = {at("source", "nrc_vad/NRC-VAD-Lexicon.txt")};
    const char *path = leit_test_scratch("nrc_vad.h5");
    build("datasets/nrc_vad/nrc_vad.yaml", path, overrides, 1);
    leit_tag_corpus *tags = NULL;
    assert_ok(leit_tag_corpus_open(path, &tags));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        uint8_t row[7];
        assert_ok(leit_mapping_build(LEIT_MAPPING_VA, 1, &expected[i][0], 7, leit_taxonomy_music,
                                     tags, row));
        int nearest = -1;
        for (int j = 0; j < 7; j++)
            if (row[j] != 0) nearest = j;
        assert_string_equal(leit_taxonomy_music[nearest], expected[i][1]);
    }
    leit_tag_corpus_close(tags);
}

static void taffc(void **state)
{
    (void)state;
    const char *overrides[] = {at("source", "taffc/mood7.csv")};
    const char *path = leit_test_scratch("taffc.h5");
    build("datasets/taffc_mood7/taffc_mood7.yaml", path, overrides, 1);
    assert_ok(leit_file_remove(path)); /* 600 MB */
}

int main(void)
{
    if (leit_test_lacks("LEIT_DATA")) return LEIT_TEST_SKIPPED;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alm),           cmocka_unit_test(alm_strict), cmocka_unit_test(isear),
        cmocka_unit_test(va_is_table_2), cmocka_unit_test(taffc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

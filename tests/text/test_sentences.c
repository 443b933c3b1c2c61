/* Sentences of hand-made prose: in each case '|' marks where a sentence begins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "core/rng.h"
#include "support/testing.h"
#include "text/sentences.h"

static const char *const cases[] = {
    /* plain */
    "|The king slept. |The queen sang.",
    "|Why? |Because! |So it goes.",
    "|One line\nruns into the next. |Then it ends.",
    "|No stop at the end",
    "|Stop?! |Yes!! |Good.",
    "|A heading\n\n|The first sentence. |The second.",
    "|A heading\r\n \t\r\n|The first sentence.",
    "|He left.\n|She stayed.",
    "|Done.   \n\n\n   |Next.",
    /* titles, initials, abbreviations */
    "|Mr. Fox met Mrs. Bear. |Dr. Wolf came too.",
    "|St. John walked with Prof. Owl vs. the wind.",
    "|J. R. R. Hare wrote it. |I read it.",
    "|C. Crow and A. B. Wren sang.",
    "|It was I. |He knew.",
    "|We took plan B. |Then we ran.",
    "|Bring fruit, e.g. apples, i.e. Red ones. |Go.",
    "|Apples, pears, etc. |They ate them all.",
    "|Apples, pears, etc. were there.",
    "|He came from the U.S. |He was tall.",
    "|The U.S. Mail came at 5 p.m. |Everybody slept.",
    "|Fish Bros. Ltd. sold it to Hare Jr. |The rest is known.",
    "|She has a Ph.D. in songs.",
    "|\xE2\x80\x9CMr. Fox is here. |Mrs. Fox is not.\xE2\x80\x9D",
    /* numbers */
    "|It cost 3.14 crowns. |Not more.",
    "|Turn to No. 5 on p. 12. |Read.",
    "|No. |I will not.",
    "|He ate a fig. |The tree was bare.",
    "|1. Take the bread. |2. Eat it.",
    "|IV. The return. |They came home.",
    "|In 1914. |In 1918.",
    "|On Jan. 5 it snowed. |In Feb. |Nothing fell.",
    "|See example.org or a.b.c for more. |Yes.",
    /* dialogue */
    "|\"Go away!\" he said. |\"Now.\"",
    "|\"Who is there?\" asked the wolf. |Nobody spoke.",
    "|\"I am here. |Come in,\" she said.",
    "|\"Stop!\" |Everyone froze.",
    "|'Is it you?' the child cried. |'It is.'",
    "|\xE2\x80\x9CRun!\xE2\x80\x9D she cried. |\xE2\x80\x9CThe river!\xE2\x80\x9D",
    "|\xE2\x80\x98Run!\xE2\x80\x99 \xE2\x80\x94 said the hare. |He ran.",
    "|\"Well,\" said he, \"that is that.\" |(She nodded.) |So it was.",
    "|He said (it was late!) that he must go. |He went.",
    "|She left. |\"Come back,\" he called.",
    "|_No!_ he cried. |*Yes!* |Peace.",
    "|Alas! alas! the bird is gone.",
    /* ellipses and dashes */
    "|He waited... and waited. |Nothing.",
    "|He waited... |Nothing came.",
    "|He waited\xE2\x80\xA6 and slept\xE2\x80\xA6 |Morning.",
    "|And so . . . |The end.",
    "|And so . . . it went on.",
    "|\"No\xE2\x80\x94!\" |He fell.",
    "|What\xE2\x80\x94no!\xE2\x80\x94he fell.",
    /* other scripts */
    "|\xE6\xB0\xB4\xE5\xB1\xB1\xE3\x80\x82|\xE6\x84\x9B\xEF\xBC\x81|\xE4\xBA\xBA",
    "|\xC3\x89tait-il l\xC3\xA0? |\xC3\x89videmment. |\xC3\x87\x61 va",
    "|First.\xE2\x80\xA9|Second",
    "|A.\xC2\xA0|They left.",
    /* broken bytes */
    "|a\xFF b. |\xE2\x80 c. |\xC3",
    "|...",
    "|?",
    "|. . .",
};

/* Splits `marked` without its marks and compares the starts. */
static void check(const char *marked)
{
    char *text = malloc(strlen(marked) + 1);
    size_t starts[64], n_starts = 0, n = 0;
    assert_non_null(text);
    for (const char *at = marked; *at != '\0'; at++) {
        if (*at == '|')
            starts[n_starts++] = n;
        else
            text[n++] = *at;
    }
    leit_span_list list = {0};
    assert_ok(leit_sentences_split(text, n, &list));
    bool equal = list.count == n_starts;
    for (size_t i = 0; equal && i < n_starts; i++) equal = list.spans[i].start == starts[i];
    if (!equal) {
        for (size_t i = 0; i < list.count; i++)
            print_error("  <%.*s>\n", (int)(list.spans[i].end - list.spans[i].start),
                        text + list.spans[i].start);
        fail_msg("expected %s", marked);
    }
    leit_span_list_clear(&list);
    free(text);
}

static void hand_made(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(cases[i]);
}

static void nothing_to_split(void **state)
{
    (void)state;
    leit_span_list list = {0};
    assert_fails(leit_sentences_split("", 0, &list), LEIT_DATA, "the text is empty");
    assert_fails(leit_sentences_split(NULL, 0, &list), LEIT_DATA, "the text is empty");
    assert_fails(leit_sentences_split(" \n\t\xC2\xA0 ", 6, &list), LEIT_DATA, "only white space");
    assert_int_equal(list.count, 0);
}

/* Spans lie inside, in order, apart, without white space at their ends; between them is nothing but
 * white space. */
static void check_spans(const char *text, size_t size_bytes)
{
    leit_span_list list = {0};
    if (leit_text_is_blank(text, size_bytes)) return;
    assert_ok(leit_sentences_split(text, size_bytes, &list));
    assert_true(list.count >= 1);
    size_t at = 0;
    for (size_t i = 0; i < list.count; i++) {
        leit_span span = list.spans[i];
        assert_true(span.start >= at && span.end > span.start && span.end <= size_bytes);
        assert_true(leit_text_is_blank(text + at, span.start - at));
        assert_false(leit_text_is_blank(text + span.start, 1));
        assert_false(leit_text_is_blank(text + span.end - 1, 1));
        at = span.end;
    }
    assert_true(leit_text_is_blank(text + at, size_bytes - at));
    leit_span_list_clear(&list);
}

static void random_bytes(void **state)
{
    (void)state;
    static const char trouble[] =
        "aB1 .!?\"'()-\n\xE2\x80\xA6\xE3\x80\x82\xE2\x80\x9D\xC2\xA0\xFF\x00";
    leit_rng rng = leit_rng_start(12, LEIT_STREAM_BATCH, 0, 0);
    for (int round = 0; round < 20000; round++) {
        size_t size_bytes = 1 + leit_rng_below(&rng, 80);
        char *text = malloc(size_bytes);
        assert_non_null(text);
        for (size_t i = 0; i < size_bytes; i++)
            text[i] = leit_rng_below(&rng, 8) == 0 ? (char)leit_rng_below(&rng, 256)
                                                   : trouble[leit_rng_below(&rng, sizeof trouble)];
        check_spans(text, size_bytes);
        free(text);
    }
    /* Every prefix of a real case is fine too. */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t n = 1; n <= strlen(cases[i]); n++) {
            char *text = malloc(n);
            assert_non_null(text);
            memcpy(text, cases[i], n);
            check_spans(text, n);
            free(text);
        }
}

/* 10 MB of prose, and some of what a quadratic splitter would take hours over. The bound of five
 * seconds of processor time leaves room for sanitizers and slow machines. */
static void long_texts_are_linear(void **state)
{
    (void)state;
    static const char *const units[] = {
        "The king slept, and Mr. Fox sang to the moon. \"Who is there?\" asked the wolf.\n",
        "a",
        ". ",
        ".",
        "\n ",
        "Mr. ",
        "\"' ",
        "- .",
        "x. - ",
        "((. ",
        "\xE2\x80\xA6",
        "e.g.",
        "a.\" "};
    enum { PROSE_BYTES = 10000000, OTHER_BYTES = 2000000 };
    char *text = NULL;
    assert_ok(LEIT_ALLOC(text, PROSE_BYTES));
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t n = strlen(units[u]), size_bytes = u == 0 ? PROSE_BYTES : OTHER_BYTES;
        for (size_t i = 0; i < size_bytes; i++) text[i] = units[u][i % n];
        text[0] = 'X';
        leit_span_list list = {0};
        clock_t start = clock();
        assert_ok(leit_sentences_split(text, size_bytes, &list));
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        print_message("%8.3f s for %zu bytes of '%.10s'\n", seconds, size_bytes, units[u]);
        if (!(seconds < 5.0)) fail_msg("'%s' repeated took %.2f s", units[u], seconds);
        leit_span_list_clear(&list);
    }
    leit_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_made),
        cmocka_unit_test(nothing_to_split),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(long_texts_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

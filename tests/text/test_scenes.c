/* Scenes of hand-made texts: '|' marks where a scene's text begins, '^' where a heading does. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "support/testing.h"
#include "text/scenes.h"

typedef struct marked_case {
    int min_size, max_size; /* words */
    const char *text;
} marked_case;

static const marked_case cases[] = {
    /* paragraphs */
    {0, 100, "|One two.\n\n|Three four.\n\n\n\n|Five.\n"},
    {3, 100, "|One two.\n\nThree four.\n\n|Five six seven.\n\n|Eight nine ten.\n"},
    {3, 100, "|One two three.\n\nFour.\n"}, /* a small rest joins the scene before */
    {3, 100, "  |One\ntwo\nthree.  \n \t\n|Four five six.  \n\n"},
    {5, 100, "|One.\r\n\r\nTwo.\r\n\r\nThree.\r\n"},
    /* breaks */
    {50, 100, "|One.\n***\n|Two.\n* * *\n|Three.\n\n---\n\n|Four.\n#\n|Five.\n_____\n|Six."},
    {50, 100, "***\n\n|One.\n\n***\n\n***\n\n|Two.\n***\n"},
    {50, 100,
     "|One.\n\xE2\x81\x82\n|Two.\n\xE2\x80\x94 "
     "\xE2\x80\x94\n|Three.\n\xE2\x80\x94\nFour.\n--\nFive."},
    {50, 100, "|One - two.\n*stars* here\nfive * six\n#tag\n\nnext"},
    {3, 100, "|One two three.\n\n***\n\n|Four.\n"}, /* a rest never joins across a break */
    /* headings */
    {50, 100, "^Chapter 1\n\n|One.\n\n^Chapter 2: The Storm\n\n|Two.\n\n^CHAPTER III.\n|Three.\n"},
    {50, 100, "|Before.\n\n^PART ONE\n\n|Chapter the\n\n"},
    {50, 100, "^Part One\n\nChapter Seven\n\n|Text.\n\n^Epilogue\n\n|The end."},
    {50, 100, "^IV.\n\n|Text.\n\n^12\n\n|More.\n\n^# A title\n|Markdown.\n\n^## Two\n\n|More."},
    {50, 100,
     "|Chapter 3 was long.\n\nPart of him\nwanted Chapter 3\nto end.\n\nI\nam here.\n\nAct now!"},
    {50, 100, "|Chapter 1\n\n***\n\n|Text."}, /* a heading alone is a scene */
    {50, 100, "|Text.\n\n|Chapter 9"},
    {50, 50, "^# a\n\n# b\n\n|c"}, /* two headings with nothing between are one */
    {0, 16, "|# a b c d e f g h i j k l m n o |p q r s t"}, /* alone it is cut like any text */
    {50, 100, "^Prologue\n\n|Text"},
    /* long paragraphs */
    {0, 16,
     "|One two three four five six seven eight. Nine ten eleven twelve. |Thirteen fourteen fifteen "
     "sixteen seventeen. Eighteen."},
    {0, 16, "|a b c d e f g h i j k l m n o p |q r s t u v w x y z"},
    {0, 16, "|A b. C d e f g h i j k l m n o p |q r s t u v w x y z a b c d. E f."},
    {16, 16, "|One two.\n\nb c d e f g h i j k l m n o |p q r s t u v w x y z"},
};

/* The text as a reader has it, and where the marks stood. */
typedef struct unmarked {
    char text[256];
    size_t size_bytes, starts[64], headings[64], n_starts, n_headings;
} unmarked;

static unmarked take_marks(const char *marked)
{
    unmarked plain = {.size_bytes = 0};
    assert_true(strlen(marked) < sizeof plain.text);
    for (const char *at = marked; *at != '\0'; at++) {
        if (*at == '|')
            plain.starts[plain.n_starts++] = plain.size_bytes;
        else if (*at == '^')
            plain.headings[plain.n_headings++] = plain.size_bytes;
        else
            plain.text[plain.size_bytes++] = *at;
    }
    return plain;
}

static void check(const marked_case *marked)
{
    const unmarked plain = take_marks(marked->text);
    const char *text = plain.text;
    leit_scene_options options = {.min_size = marked->min_size, .max_size = marked->max_size};
    leit_scene_list list = {0};
    assert_ok(leit_scenes_split(text, plain.size_bytes, &options, &list));
    size_t heading = 0;
    bool equal = list.count == plain.n_starts;
    for (size_t i = 0; equal && i < plain.n_starts; i++) {
        leit_scene scene = list.scenes[i];
        equal = scene.text.start == plain.starts[i] && scene.size <= options.max_size;
        if (scene.heading.start == scene.heading.end) continue;
        equal =
            equal && heading < plain.n_headings && scene.heading.start == plain.headings[heading++];
    }
    if (!equal || heading != plain.n_headings) {
        for (size_t i = 0; i < list.count; i++)
            print_error("  (%.*s) <%.*s>\n",
                        (int)(list.scenes[i].heading.end - list.scenes[i].heading.start),
                        text + list.scenes[i].heading.start,
                        (int)(list.scenes[i].text.end - list.scenes[i].text.start),
                        text + list.scenes[i].text.start);
        fail_msg("expected %s", marked->text);
    }
    leit_scene_list_clear(&list);
}

static void hand_made(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void bad_input(void **state)
{
    (void)state;
    leit_scene_list list = {0};
    leit_scene_options options = {.min_size = 10, .max_size = 100};
    assert_fails(leit_scenes_split("", 0, &options, &list), LEIT_DATA, "the text is empty");
    assert_fails(leit_scenes_split(" \n\n", 3, &options, &list), LEIT_DATA, "only white space");
    assert_fails(leit_scenes_split("***\n---\n", 8, &options, &list), LEIT_DATA, "only breaks");
    options.max_size = 15;
    assert_fails(leit_scenes_split("a", 1, &options, &list), LEIT_USAGE, "scenes of 10 to 15");
    options = (leit_scene_options){.min_size = -1, .max_size = 100};
    assert_fails(leit_scenes_split("a", 1, &options, &list), LEIT_USAGE, "scenes of -1 to 100");
    options = (leit_scene_options){.min_size = 101, .max_size = 100};
    assert_fails(leit_scenes_split("a", 1, &options, &list), LEIT_USAGE, "scenes of 101 to 100");
    assert_int_equal(list.count, 0);
}

static leit_wordpiece *small_tokenizer(void)
{
    leit_buffer text = {0};
    leit_wordpiece *tokenizer = NULL;
    assert_ok(leit_file_read(leit_test_source("tests/golden/wordpiece_vocab.txt"), 1 << 20, &text));
    assert_ok(leit_wordpiece_create(text.data, text.size_bytes, "wordpiece_vocab.txt", &tokenizer));
    leit_buffer_clear(&text);
    return tokenizer;
}

/* Spans inside, in order, apart; what lies between them is white space and breaks; with a tokenizer
 * each scene fits max_size and has its size when it is encoded whole (at most, where a tokenizer that
 * drops broken bytes joins what stood apart). */
static void check_spans(const char *text, size_t size_bytes, bool is_clean,
                        const leit_scene_options *options)
{
    enum { MAX_IDS = 1024 };
    leit_scene_list list = {0};
    leit_status status = leit_scenes_split(text, size_bytes, options, &list);
    if (status != LEIT_OK) {
        assert_int_equal(status, LEIT_DATA);
        return;
    }
    assert_true(list.count >= 1);
    size_t at = 0;
    for (size_t i = 0; i < list.count; i++) {
        leit_scene scene = list.scenes[i];
        if (scene.heading.start != scene.heading.end) {
            assert_true(scene.heading.start >= at && scene.heading.end > scene.heading.start);
            at = scene.heading.end;
        }
        assert_true(scene.text.start >= at && scene.text.end > scene.text.start);
        at = scene.text.end;
        assert_true(at <= size_bytes);
        if (options->tokenizer == NULL) {
            assert_true(scene.size <= options->max_size);
            continue;
        }
        int32_t ids[MAX_IDS];
        int n = 0;
        assert_ok(leit_wordpiece_encode(options->tokenizer, text + scene.text.start,
                                        scene.text.end - scene.text.start, MAX_IDS, ids, &n));
        assert_true(n <= options->max_size);
        assert_true(is_clean ? scene.size == n : scene.size >= n);
    }
    leit_scene_list_clear(&list);
}

static void random_bytes(void **state)
{
    (void)state;
    static const char trouble[] =
        "aB1 .!*#-\n\n\n I\xE2\x80\xA6\xE3\x80\x82\xE6\xB0\xB4\xC2\xA0\xCE\xA3\xCC\x81\xFF\x00";
    leit_wordpiece *tokenizer = small_tokenizer();
    leit_rng rng = leit_rng_start(13, LEIT_STREAM_BATCH, 0, 0);
    for (int round = 0; round < 10000; round++) {
        size_t size_bytes = 1 + leit_rng_below(&rng, 200);
        char *text = malloc(size_bytes);
        assert_non_null(text);
        for (size_t i = 0; i < size_bytes; i++)
            text[i] = leit_rng_below(&rng, 8) == 0 ? (char)leit_rng_below(&rng, 256)
                                                   : trouble[leit_rng_below(&rng, sizeof trouble)];
        leit_scene_options options = {.min_size = (int)leit_rng_below(&rng, 16),
                                      .max_size = 16 + (int)leit_rng_below(&rng, 16),
                                      .tokenizer = leit_rng_below(&rng, 2) ? tokenizer : NULL};
        check_spans(text, size_bytes, false, &options);
        free(text);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unmarked plain = take_marks(cases[i].text);
        for (size_t n = 1; n <= plain.size_bytes; n++) {
            char *text = malloc(n);
            assert_non_null(text);
            memcpy(text, plain.text, n);
            check_spans(text, n, false, &(leit_scene_options){.min_size = 3, .max_size = 16});
            free(text);
        }
        leit_scene_options options = {.min_size = 3, .max_size = 16, .tokenizer = tokenizer};
        check_spans(plain.text, plain.size_bytes, true, &options);
    }
    leit_wordpiece_free(tokenizer);
}

/* A long word in two pieces, each of which the vocabulary knows better than the whole: 7 ids and 1
 * apart, 7 and 12 together. */
static void pieces_of_a_word(void **state)
{
    (void)state;
    static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\naa\n##aa\nb\n##b\nbbbbbbbbbbbb\n";
    static const char text[] = "aaaaaaaaaaaaaabbbbbbbbbbbb aa bbbbbbbbbbbb";
    leit_wordpiece *tokenizer = NULL;
    assert_ok(leit_wordpiece_create(vocabulary, sizeof vocabulary - 1, "vocabulary", &tokenizer));
    for (size_t size_bytes = 1; size_bytes < sizeof text; size_bytes++)
        for (int min_size = 0; min_size <= 16; min_size++)
            check_spans(text, size_bytes, true,
                        &(leit_scene_options){min_size, .max_size = 16, .tokenizer = tokenizer});
    leit_wordpiece_free(tokenizer);
}

/* A scene ends with the paragraph that brings it to min_size, [CLS] and [SEP] included. */
static void least_sizes_count_the_frame(void **state)
{
    (void)state;
    static const char text[] = "a b\n\nc d\n\ne f";
    leit_wordpiece *tokenizer = small_tokenizer();
    leit_scene_list list = {0};
    assert_ok(leit_scenes_split(
        text, sizeof text - 1,
        &(leit_scene_options){.min_size = 6, .max_size = 16, .tokenizer = tokenizer}, &list));
    assert_int_equal(list.count, 1); /* 6 ids, then a rest of 4 that joins */
    assert_int_equal(list.scenes[0].size, 8);
    list.count = 0;
    assert_ok(leit_scenes_split(
        text, sizeof text - 1,
        &(leit_scene_options){.min_size = 4, .max_size = 16, .tokenizer = tokenizer}, &list));
    assert_int_equal(list.count, 3);
    for (size_t i = 0; i < list.count; i++) assert_int_equal(list.scenes[i].size, 4);
    leit_scene_list_clear(&list);
    leit_wordpiece_free(tokenizer);
}

/* Nothing that is not white space or a break is lost: letters are counted. */
static bool is_letter(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static void every_letter_is_somewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unmarked plain = take_marks(cases[i].text);
        const char *text = plain.text;
        leit_scene_options options = {.min_size = 3, .max_size = 16};
        leit_scene_list list = {0};
        assert_ok(leit_scenes_split(text, plain.size_bytes, &options, &list));
        size_t expected = 0, got = 0;
        for (size_t at = 0; at < plain.size_bytes; at++) expected += is_letter(text[at]);
        for (size_t k = 0; k < list.count; k++) {
            leit_scene scene = list.scenes[k];
            for (size_t at = scene.heading.start; at < scene.heading.end; at++)
                got += is_letter(text[at]);
            for (size_t at = scene.text.start; at < scene.text.end; at++)
                got += is_letter(text[at]);
        }
        assert_int_equal(got, expected);
        leit_scene_list_clear(&list);
    }
}

static void long_texts_are_linear(void **state)
{
    (void)state;
    static const char *const units[] = {
        "The king slept, and Mr. Fox sang to the moon. \"Who is there?\" asked the wolf.\n\n",
        "The king slept, and the queen sang. ",
        "a",
        "a ",
        "\n",
        "*\n",
        "I\n\n",
        "Chapter 1\n",
        "a\n\n***\n",
        "\xE6\xB0\xB4"};
    enum { PROSE_BYTES = 10000000, OTHER_BYTES = 2000000 };
    leit_wordpiece *tokenizer = small_tokenizer();
    char *text = NULL;
    assert_ok(LEIT_ALLOC(text, PROSE_BYTES));
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t n = strlen(units[u]), size_bytes = u == 0 ? PROSE_BYTES : OTHER_BYTES;
        for (size_t i = 0; i < size_bytes; i++) text[i] = units[u][i % n];
        text[0] = 'X';
        for (int with_tokens = 0; with_tokens < 2; with_tokens++) {
            leit_scene_options options = {
                .min_size = 60, .max_size = 250, .tokenizer = with_tokens ? tokenizer : NULL};
            leit_scene_list list = {0};
            clock_t start = clock();
            assert_ok(leit_scenes_split(text, size_bytes, &options, &list));
            double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
            print_message("%8.3f s for %zu bytes of '%.10s' in %s\n", seconds, size_bytes, units[u],
                          with_tokens ? "tokens" : "words");
            if (!(seconds < 8.0)) fail_msg("'%s' repeated took %.2f s", units[u], seconds);
            leit_scene_list_clear(&list);
        }
    }
    leit_free(text);
    leit_wordpiece_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_made),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(pieces_of_a_word),
        cmocka_unit_test(least_sizes_count_the_frame),
        cmocka_unit_test(every_letter_is_somewhere),
        cmocka_unit_test(long_texts_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Corpora written and opened again; what an opened corpus refuses. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "container/container.h"
#include "core/file.h"
#include "corpus/corpus.h"
#include "support/testing.h"

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nwolf\nwood\n";

static leit_text_corpus text_sample(void)
{
    static const char *const labels[] = {"fearful", "happy"};
    static const char *const ids[] = {"a:1", "a:2", "b:1"};
    static const char *const texts[] = {"wolf", "wood wood", "na\xc3\xafve"};
    static const char *const sources[] = {"a.txt"}, *const sums[] = {"0123456789abcdef"};
    static const char *const ledger[] = {"took 3 rows", "skipped row 4: empty"};
    static const char *const expected[] = {"texts"};
    static const int64_t counts[] = {3};
    static const int32_t tokens[] = {2, 4, 3, 2, 5, 5, 3, 2, 1, 3}, label[] = {0, 1, 1};
    static const int64_t offsets[] = {0, 3, 7, 10};
    static const uint8_t split[] = {LEIT_SPLIT_TRAIN, LEIT_SPLIT_TRAIN,
                                    LEIT_SPLIT_VALID | LEIT_SPLIT_TEST};
    return (leit_text_corpus){.about = {.name = "sample",
                                        .split = "paper",
                                        .n_sources = 1,
                                        .sources = sources,
                                        .source_sums = sums,
                                        .n_ledger = 2,
                                        .ledger = ledger,
                                        .n_expected = 1,
                                        .expected_names = expected,
                                        .expected_counts = counts},
                              .n_texts = 3,
                              .n_labels = 2,
                              .labels = labels,
                              .tokens = tokens,
                              .offsets = offsets,
                              .label = label,
                              .split = split,
                              .ids = ids,
                              .texts = texts,
                              .vocabulary = vocabulary,
                              .vocabulary_bytes = sizeof vocabulary - 1,
                              .vocabulary_size = 6,
                              .max_tokens = 8};
}

/* The last bin of the lengths is open, and says so: 10,000 tokens are not below 8,192. */
static void long_texts_are_from_somewhere(void **state)
{
    (void)state;
    enum { LONG = 10000 };
    static int32_t tokens[3 * LONG];
    static const int64_t offsets[] = {0, 5, 5 + 3000, 5 + 3000 + LONG};
    const char *path = leit_test_scratch("long.h5");
    leit_text_corpus sample = text_sample();
    for (int i = 0; i < 3 * LONG; i++) tokens[i] = 4;
    for (int i = 0; i < 3; i++) {
        tokens[offsets[i]] = 2;
        tokens[offsets[i + 1] - 1] = 3;
    }
    sample.tokens = tokens;
    sample.offsets = offsets;
    sample.max_tokens = LONG;
    char *text = NULL;
    assert_ok(leit_text_corpus_write(&sample, path));
    assert_ok(leit_corpus_stats(path, 0, &text));
    assert_non_null(strstr(text, "  below 4             0\n"));
    assert_non_null(strstr(text, "  below 8             1\n"));
    assert_non_null(strstr(text, "  below 4096          1\n"));
    assert_non_null(strstr(text, "  from  4096          1\n"));
    assert_null(strstr(text, "8192"));
    leit_corpus_text_free(text);
    assert_ok(leit_corpus_stats(path, 1, &text));
    assert_non_null(strstr(text, "\"from\": 4096"));
    leit_corpus_text_free(text);
}

static leit_music_corpus music_sample(void)
{
    static const char *const labels[] = {"angry", "sad"};
    static const char *const paths[] = {"x.wav", "y.wav"}, *const groups[] = {"Band", ""};
    static const int16_t pcm[] = {1, -2, 3, 32767, -32768};
    static const int64_t offsets[] = {0, 2, 5};
    static const int32_t label[] = {1, 0};
    static const uint8_t split[] = {LEIT_SPLIT_TRAIN, LEIT_SPLIT_TEST};
    static const double duration_s[] = {2.0 / 16000, 3.0 / 16000};
    return (leit_music_corpus){.about.name = "clips",
                               .n_clips = 2,
                               .n_labels = 2,
                               .labels = labels,
                               .pcm = pcm,
                               .offsets = offsets,
                               .label = label,
                               .split = split,
                               .paths = paths,
                               .groups = groups,
                               .duration_s = duration_s,
                               .sample_rate_hz = 16000};
}

static leit_tag_corpus tag_sample(void)
{
    static const char *const names[] = {"happy", "happy", "sad"};
    static const uint8_t modality[] = {LEIT_MODALITY_TEXT, LEIT_MODALITY_MUSIC,
                                       LEIT_MODALITY_MUSIC};
    static const float valence[] = {1, 1, 0.25F}, arousal[] = {0.5F, 0.75F, 0};
    static const float vectors[] = {1, 0, 0, 1, -1, 0.5F};
    return (leit_tag_corpus){.about.name = "tags",
                             .n_tags = 3,
                             .names = names,
                             .modality = modality,
                             .valence = valence,
                             .arousal = arousal,
                             .range_low = 0,
                             .range_high = 1,
                             .vector_width = 2,
                             .vectors = vectors};
}

static void text_round_trip(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("text.h5"), *kind = NULL;
    leit_text_corpus sample = text_sample(), *corpus = NULL;
    assert_ok(leit_text_corpus_write(&sample, path));
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_texts, 3);
    assert_int_equal(corpus->n_labels, 2);
    assert_string_equal(corpus->labels[1], "happy");
    assert_memory_equal(corpus->tokens, sample.tokens, 10 * sizeof(int32_t));
    assert_memory_equal(corpus->offsets, sample.offsets, 4 * sizeof(int64_t));
    assert_int_equal(corpus->label[2], 1);
    assert_int_equal(corpus->split[2], LEIT_SPLIT_VALID | LEIT_SPLIT_TEST);
    assert_string_equal(corpus->texts[2], "na\xc3\xafve");
    assert_string_equal(corpus->ids[2], "b:1");
    assert_string_equal(corpus->vocabulary, vocabulary);
    assert_string_equal(corpus->about.split, "paper");
    assert_string_equal(corpus->about.ledger[1], "skipped row 4: empty");
    assert_string_equal(corpus->about.expected_names[0], "texts");
    assert_int_equal(corpus->about.expected_counts[0], 3);
    int64_t rows[3];
    assert_int_equal(leit_split_rows(corpus->split, 3, LEIT_SPLIT_TEST, rows), 1);
    assert_int_equal(rows[0], 2);
    leit_text_corpus_close(corpus);
    assert_ok(leit_corpus_kind(path, &kind));
    assert_string_equal(kind, "text");
    leit_music_corpus *music = NULL;
    assert_fails(leit_music_corpus_open(path, &music), LEIT_DATA,
                 "holds a leitmotif text corpus, expected a leitmotif music corpus");
    assert_null(music);
}

static void music_round_trip(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("music.h5"), *kind = NULL;
    leit_music_corpus sample = music_sample(), *corpus = NULL;
    assert_ok(leit_music_corpus_write(&sample, path));
    assert_ok(leit_music_corpus_open(path, &corpus));
    assert_memory_equal(corpus->pcm, sample.pcm, 5 * sizeof(int16_t));
    assert_memory_equal(corpus->offsets, sample.offsets, 3 * sizeof(int64_t));
    assert_null(corpus->tags);
    assert_int_equal(corpus->label[0], 1);
    assert_string_equal(corpus->groups[0], "Band");
    assert_string_equal(corpus->about.split, "given");
    leit_music_corpus_close(corpus);

    static const uint8_t tags[] = {1, 1, 0, 0};
    sample.label = NULL;
    sample.tags = tags;
    assert_ok(leit_music_corpus_write(&sample, path));
    assert_ok(leit_music_corpus_open(path, &corpus));
    assert_null(corpus->label);
    assert_memory_equal(corpus->tags, tags, 4);
    leit_music_corpus_close(corpus);
    assert_ok(leit_corpus_kind(path, &kind));
    assert_string_equal(kind, "music");
}

static void tag_round_trip(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("tags.h5"), *kind = NULL;
    leit_tag_corpus sample = tag_sample(), *corpus = NULL;
    assert_ok(leit_tag_corpus_write(&sample, path));
    assert_ok(leit_tag_corpus_open(path, &corpus));
    assert_int_equal(leit_tag_corpus_find(corpus, LEIT_MODALITY_MUSIC, "happy"), 1);
    assert_int_equal(leit_tag_corpus_find(corpus, LEIT_MODALITY_TEXT, "sad"), -1);
    assert_true(corpus->arousal[1] == 0.75F);
    assert_int_equal(corpus->vector_width, 2);
    assert_memory_equal(corpus->vectors, sample.vectors, 6 * sizeof(float));
    leit_tag_corpus_close(corpus);

    sample.valence = sample.arousal = sample.vectors = NULL;
    sample.vector_width = 0;
    assert_ok(leit_tag_corpus_write(&sample, path));
    assert_ok(leit_tag_corpus_open(path, &corpus));
    assert_null(corpus->valence);
    assert_null(corpus->vectors);
    leit_tag_corpus_close(corpus);
    assert_ok(leit_corpus_kind(path, &kind));
    assert_string_equal(kind, "tags");
}

static void nonsense_is_not_written(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("never.h5");
#define REFUSED(kind, change, fragment)                                                            \
    do {                                                                                           \
        leit_##kind##_corpus sample = kind##_sample();                                             \
        change;                                                                                    \
        assert_fails(leit_##kind##_corpus_write(&sample, path), LEIT_DATA, fragment);              \
        assert_false(leit_file_exists(path));                                                      \
    } while (0)
    REFUSED(text, sample.n_labels = 1, "row 1 has class 1, expected 0 to 0");
    REFUSED(text, sample.vocabulary_size = 5, "token 4 is 5, expected 0 to 4");
    REFUSED(text, sample.max_tokens = 3, "row 1 has length 4, expected 2 to 3");
    REFUSED(text, sample.offsets = ((const int64_t[]){1, 3, 7, 10}), "offsets run from 1");
    REFUSED(text, sample.offsets = ((const int64_t[]){0, 7, 3, 10}), "row 1 has length -1");
    REFUSED(text, sample.split = ((const uint8_t[]){1, 0, 1}), "row 1 has split 0");
    REFUSED(text, sample.split = ((const uint8_t[]){1, 8, 1}), "row 1 has split 8");
    REFUSED(text, sample.labels = ((const char *const[]){"x", "x"}), "label 'x' twice");
    REFUSED(text, sample.texts = ((const char *const[]){"a", "\xff", "b"}), "is not UTF-8");
    REFUSED(text, sample.n_texts = 0, "no texts");
    REFUSED(music, sample.sample_rate_hz = 44100, "sample rate 44100 Hz");
    REFUSED(music, sample.tags = (const uint8_t *)"\0\1\0\1", "either one label per clip or tags");
    REFUSED(music, sample.duration_s = ((const double[]){1, 1}), "clip 0 is said to last 1 s");
    REFUSED(music, sample.offsets = ((const int64_t[]){0, 0, 5}), "row 0 has length 0");
    REFUSED(tag, sample.valence = ((const float[]){0, 2, 0}), "tag 'happy' has valence 2");
    REFUSED(tag, sample.valence = ((const float[]){0, 0, NAN}), "tag 'sad' has valence nan");
    REFUSED(tag, sample.modality = ((const uint8_t[]){0, 0, 1}), "tag 'happy' twice");
    REFUSED(tag, sample.vectors = ((const float[]){1, 1, 0, 0, 1, 1}), "tag 'happy' has length 0");
    REFUSED(tag, sample.vectors = ((const float[]){1, 1, INFINITY, 0, 1, 1}), "has length inf");
    REFUSED(tag, sample.range_high = 0, "the range is 0 to 0");
#undef REFUSED
}

static void damage_is_found(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("damaged.h5"), *kind = NULL;
    leit_text_corpus sample = text_sample(), *corpus = NULL;
    assert_ok(leit_text_corpus_write(&sample, path));
    leit_container *file = NULL;
    int64_t offset_bytes = 0;
    assert_ok(leit_container_open(path, NULL, 0, &file));
    assert_ok(leit_container_dataset_offset(file, "label", &offset_bytes));
    leit_container_close(file);
    FILE *raw = fopen(path, "r+b");
    assert_int_equal(fseek(raw, (long)offset_bytes, SEEK_SET), 0);
    fputc(1, raw);
    fclose(raw);
    assert_fails(leit_text_corpus_open(path, &corpus), LEIT_DATA, "label is damaged");
    assert_null(corpus);
    assert_ok(leit_file_write(path, "garbage", 7));
    assert_fails(leit_text_corpus_open(path, &corpus), LEIT_DATA, "is not an HDF5 file");
    assert_fails(leit_corpus_kind(path, &kind), LEIT_DATA, "damaged.h5");

    leit_container_writer *writer = NULL;
    assert_ok(leit_container_create(path, "leitmotif text corpus", 2, &writer));
    assert_ok(leit_container_commit(writer));
    assert_fails(leit_text_corpus_open(path, &corpus), LEIT_DATA,
                 "a leitmotif text corpus of version 2, this program reads version 1");
    assert_ok(leit_container_create(path, "leitmotif text corpus", 1, &writer));
    assert_ok(leit_container_commit(writer));
    assert_fails(leit_text_corpus_open(path, &corpus), LEIT_DATA, "has no attribute name");
    assert_ok(leit_container_create(path, "leitmotif checkpoint", 1, &writer));
    assert_ok(leit_container_commit(writer));
    assert_fails(leit_corpus_kind(path, &kind), LEIT_DATA,
                 "holds a leitmotif checkpoint, expected a corpus");
}

/* ---- bit flips and cuts ---- */

/* Opens a corpus as training does, samples compared too, and writes what was read. */
static leit_status rewrite_text(const char *from, const char *to)
{
    leit_text_corpus *corpus = NULL;
    LEIT_TRY(leit_text_corpus_open(from, &corpus));
    assert_ok(leit_text_corpus_write(corpus, to));
    leit_text_corpus_close(corpus);
    return LEIT_OK;
}

static leit_status rewrite_music(const char *from, const char *to)
{
    leit_music_corpus *corpus = NULL;
    LEIT_TRY(leit_music_corpus_open(from, &corpus));
    const leit_status status = leit_music_corpus_verify(corpus);
    if (status == LEIT_OK) assert_ok(leit_music_corpus_write(corpus, to));
    leit_music_corpus_close(corpus);
    return status;
}

static leit_status rewrite_tags(const char *from, const char *to)
{
    leit_tag_corpus *corpus = NULL;
    LEIT_TRY(leit_tag_corpus_open(from, &corpus));
    assert_ok(leit_tag_corpus_write(corpus, to));
    leit_tag_corpus_close(corpus);
    return LEIT_OK;
}

static void overwrite(const char *path, const char *bytes, size_t size_bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    fclose(file);
}

static void assert_refused(leit_status status)
{
    assert_int_equal(status, LEIT_DATA);
    assert_non_null(strstr(leit_error_message(), "flipped.h5"));
    assert_non_null(strstr(leit_error_message(), "leitmotif corpus build"));
}

/* Flipped bits all over the file, and cuts: refused with the cure, or the byte is one that nobody
 * reads, and then the corpus that was read writes the same bytes as the whole one. (The container's
 * own test flips every byte.) */
static void flip_bits(const char *whole, leit_status (*rewrite)(const char *, const char *))
{
    enum { STEP_BYTES = 23 };
    const char *flipped = leit_test_scratch("flipped.h5"), *again = leit_test_scratch("again.h5");
    leit_buffer raw = {0}, written = {0};
    size_t n_refused = 0;
    assert_ok(leit_file_read(whole, 1 << 20, &raw));
    for (size_t i = 0; i < raw.size_bytes; i += STEP_BYTES) {
        raw.data[i] = (char)(raw.data[i] ^ (1 << (i % 8)));
        overwrite(flipped, raw.data, raw.size_bytes);
        raw.data[i] = (char)(raw.data[i] ^ (1 << (i % 8)));
        const leit_status status = rewrite(flipped, again);
        if (status != LEIT_OK) {
            assert_refused(status);
            n_refused++;
        } else {
            assert_ok(leit_file_read(again, 1 << 20, &written));
            assert_int_equal(written.size_bytes, raw.size_bytes);
            assert_memory_equal(written.data, raw.data, raw.size_bytes);
        }
    }
    assert_true(n_refused > raw.size_bytes / STEP_BYTES / 4);
    for (size_t size = 0; size < raw.size_bytes; size += 10 * STEP_BYTES) {
        overwrite(flipped, raw.data, size);
        assert_refused(rewrite(flipped, again));
    }
    leit_buffer_clear(&raw);
    leit_buffer_clear(&written);
}

static void flips_in_a_text_corpus(void **state)
{
    (void)state;
    const leit_text_corpus text = text_sample();
    assert_ok(leit_text_corpus_write(&text, leit_test_scratch("whole_text.h5")));
    flip_bits(leit_test_scratch("whole_text.h5"), rewrite_text);
}

static void flips_in_a_music_corpus(void **state)
{
    (void)state;
    const leit_music_corpus music = music_sample();
    assert_ok(leit_music_corpus_write(&music, leit_test_scratch("whole_music.h5")));
    flip_bits(leit_test_scratch("whole_music.h5"), rewrite_music);
}

static void flips_in_a_tag_corpus(void **state)
{
    (void)state;
    const leit_tag_corpus tags = tag_sample();
    assert_ok(leit_tag_corpus_write(&tags, leit_test_scratch("whole_tags.h5")));
    flip_bits(leit_test_scratch("whole_tags.h5"), rewrite_tags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_round_trip),         cmocka_unit_test(long_texts_are_from_somewhere),
        cmocka_unit_test(music_round_trip),        cmocka_unit_test(tag_round_trip),
        cmocka_unit_test(nonsense_is_not_written), cmocka_unit_test(damage_is_found),
        cmocka_unit_test(flips_in_a_text_corpus),  cmocka_unit_test(flips_in_a_music_corpus),
        cmocka_unit_test(flips_in_a_tag_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

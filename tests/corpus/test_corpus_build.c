/* Sources in their original layouts become corpora; broken ones are refused by name. The rows in
 * fixtures/ are made up. */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/decode.h"
#include "core/file.h"
#include "core/memory.h"
#include "corpus/corpus.h"
#include "corpus/mapping.h"
#include "leitmotif/etude.h"
#include "support/comma_locale.h"
#include "support/testing.h"

static const char *fixture(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "tests/corpus/fixtures/%s", name);
    return leit_test_source(path);
}

static const char *file(const char *name, const char *content)
{
    const char *path = leit_test_scratch(name);
    assert_ok(leit_file_write(path, content, strlen(content)));
    return path;
}

/* Writes a manifest in the scratch folder and builds it. */
static leit_status build(const char *manifest, const char *output, const char *override)
{
    return leit_corpus_build(file("manifest.yaml", manifest), output, &override, override != NULL);
}

/* `head` followed by the sources of the fixtures. */
static const char *manifest(const char *head, const char *source)
{
    static char text[4096];
    snprintf(text, sizeof text, "%s\nsource: %s\nvocabulary: %s\n", head, fixture(source),
             fixture("vocabulary.txt"));
    return text;
}

static const char alm_head[] = "kind: text\nname: tiny\nformat: alm\n"
                               "expect: {texts: 14, train: 11, valid: 3, test: 3, happy: 4}";

static void alm_as_in_the_paper(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("alm.h5");
    leit_text_corpus *corpus = NULL;
    assert_ok(build(manifest(alm_head, "alm"), path, NULL));
    assert_ok(leit_corpus_check(path));
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_texts, 14);
    assert_int_equal(corpus->n_labels, 5);
    assert_string_equal(corpus->labels[4], "surprised");
    assert_string_equal(corpus->ids[0], "Grimm:101_the_glass_boat:0");
    assert_string_equal(corpus->texts[2], "\"My boat!\"");
    assert_int_equal(corpus->label[2], 0);
    assert_string_equal(corpus->ids[6], "Andersen:lamp:4");
    assert_string_equal(corpus->ids[11], "Potter:first:0");
    assert_int_equal(corpus->split[11], LEIT_SPLIT_VALID | LEIT_SPLIT_TEST);
    assert_int_equal(corpus->split[0], LEIT_SPLIT_TRAIN);
    /* [CLS] the wolf sang . [SEP] */
    assert_int_equal(corpus->offsets[1], 6);
    assert_memory_equal(corpus->tokens, ((int32_t[]){2, 4, 5, 6, 17, 3}), 6 * sizeof(int32_t));
    assert_int_equal(corpus->max_tokens, 512);
    assert_string_equal(corpus->about.split, "paper");
    assert_int_equal(corpus->about.n_sources, 4);
    leit_text_corpus_close(corpus);
}

static void alm_strict_holds_out_stories(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("strict.h5"), *again = leit_test_scratch("again.h5");
    leit_text_corpus *corpus = NULL;
    assert_ok(build(manifest(alm_head, "alm"), path, "split=strict"));
    assert_fails(leit_corpus_check(path), LEIT_DATA, "train: got 10, the manifest expects 11");
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_string_equal(corpus->about.split, "strict");
    int64_t rows[14];
    assert_int_equal(leit_split_rows(corpus->split, 14, LEIT_SPLIT_VALID, rows), 1);
    assert_true(rows[0] < 11);
    assert_int_equal(leit_split_rows(corpus->split, 14, LEIT_SPLIT_TEST, rows), 3);
    assert_int_equal(rows[0], 11);
    leit_text_corpus_close(corpus);

    leit_buffer first = {0}, second = {0};
    assert_ok(build(manifest(alm_head, "alm"), again, "split=strict"));
    assert_ok(leit_file_read(path, 1 << 20, &first));
    assert_ok(leit_file_read(again, 1 << 20, &second));
    assert_int_equal(first.size_bytes, second.size_bytes);
    assert_memory_equal(first.data, second.data, first.size_bytes);
    leit_buffer_clear(&first);
    leit_buffer_clear(&second);
}

static const char isear_head[] =
    "kind: text\nname: tiny\nformat: isear\nlabels: [anger, fear, joy]";

static void isear_cleaned_and_stratified(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("isear.h5");
    leit_text_corpus *corpus = NULL;
    assert_ok(build(manifest(isear_head, "isear/isear.csv"), path, NULL));
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_texts, 59); /* one of 60 is empty */
    assert_string_equal(corpus->texts[1], "The wood was dark.");
    assert_string_equal(corpus->texts[3], "[ No response.]");
    assert_string_equal(corpus->texts[7], "The wolf was in the wood, and the boat was lost.");
    assert_string_equal(corpus->ids[7], "isear:9:k007");
    int held[3][8] = {{0}};
    for (int i = 0; i < 59; i++) held[corpus->label[i]][corpus->split[i]]++;
    for (int label = 0; label < 3; label++) {
        assert_int_equal(held[label][LEIT_SPLIT_VALID], 3);
        assert_int_equal(held[label][LEIT_SPLIT_TEST], 3);
    }
    bool has_skipped = false, has_joined = false, has_stripped = false;
    for (int64_t i = 0; i < corpus->about.n_ledger; i++) {
        const char *line = corpus->about.ledger[i];
        has_skipped = has_skipped || strcmp(line, "skipped isear:11:k009: empty text") == 0;
        has_joined = has_joined || strncmp(line, "altered isear:9:k007: pieces", 28) == 0;
        has_stripped = has_stripped || strncmp(line, "altered isear:3:k001: stray", 27) == 0;
    }
    assert_true(has_skipped && has_joined && has_stripped);
    leit_text_corpus_close(corpus);

    assert_ok(build(manifest(isear_head, "isear/isear.csv"), path, "split=strict"));
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_texts, 57);
    leit_text_corpus_close(corpus);
}

static void etude_text_and_its_cuts(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("etude.h5");
    leit_text_corpus *corpus = NULL;
    char text[2048];
    const char *table = file("texts.tsv", "\xef\xbb\xbfx-1\thappy\ttrain\tThe wolf sang.\r\n"
                                          "x-2\tsad\tvalid+test\tI lost my boat in the wood.\n");
    snprintf(text, sizeof text,
             "kind: text\nname: tiny\nformat: etude_text\nsource: %s\nvocabulary: %s\n"
             "max_tokens: 6\n",
             table, fixture("vocabulary.txt"));
    assert_ok(build(text, path, NULL));
    assert_ok(leit_text_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_labels, 2);
    assert_string_equal(corpus->labels[0], "happy");
    assert_int_equal(corpus->split[1], LEIT_SPLIT_VALID | LEIT_SPLIT_TEST);
    assert_int_equal(corpus->offsets[1], 6);
    assert_int_equal(corpus->offsets[2], 12);
    assert_int_equal(corpus->tokens[11], 3); /* [SEP] survives the cut */
    assert_string_equal(corpus->about.ledger[0], "altered x-2: cut at max_tokens");
    leit_text_corpus_close(corpus);
}

static void bad_texts_are_named(void **state)
{
    (void)state;
    static const char *const tables[][2] = {
        {"a\thappy\ttrain\n", "texts.tsv:1: 3 columns"},
        {"a\thappy\ttrain\tx\ty\n", "texts.tsv:1: 5 columns"},
        {"a\thappy\ttrain\tx\nb\thappy\tdev\tx\n", "texts.tsv:2: split 'dev'"},
        {"a\thappy\ttrain\tx\n\nb\tbored\ttest\tx\n",
         "label 'bored' of b is outside the taxonomy: happy, sad"},
        {"a\thappy\ttrain\t\xff\n", "texts.tsv:1: not UTF-8"},
        {"a\thappy\ttrain\t \n", "no texts"},
        {"", "texts.tsv is empty"},
    };
    const char *path = leit_test_scratch("never.h5");
    char text[2048];
    snprintf(text, sizeof text,
             "kind: text\nname: tiny\nformat: etude_text\nsource: texts.tsv\nvocabulary: %s\n"
             "labels: [happy, sad]\n",
             fixture("vocabulary.txt"));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        file("texts.tsv", tables[i][0]);
        assert_fails(build(text, path, NULL), LEIT_DATA, tables[i][1]);
        assert_false(leit_file_exists(path));
    }
    static const char *const alm[][2] = {
        {"x.agree\n1@4The wolf\n", "GrimmsAll4labsagree.txt:2: expected SentID@code@text"},
        {"x.agree\n1@5@The wolf\n", "GrimmsAll4labsagree.txt:2: code '5' is outside the taxonomy"},
        {"x.agree\n1@44@The wolf\n", "GrimmsAll4labsagree.txt:2: expected SentID@code@text"},
        {"garbage\n", "GrimmsAll4labsagree.txt:1: expected SentID@code@text"},
    };
    snprintf(text, sizeof text, "kind: text\nname: tiny\nformat: alm\nsource: .\nvocabulary: %s\n",
             fixture("vocabulary.txt"));
    for (size_t i = 0; i < sizeof alm / sizeof *alm; i++) {
        file("GrimmsAll4labsagree.txt", alm[i][0]);
        assert_fails(build(text, path, NULL), LEIT_DATA, alm[i][1]);
    }
    file("GrimmsAll4labsagree.txt", "x.agree\n1@4@The wolf\n");
    assert_fails(build(text, path, NULL), LEIT_DATA, "hcand460All4labsagree.txt: No such file");
    static const char *const isear[][2] = {
        {"a|b|c\n", "isear.csv:1: expected a header"},
        {"Field1|MYKEY|SIT|\njoy|1|x|\njoy|2\n", "isear.csv:3: 2 fields, the header has 4"},
        {"Field1|MYKEY|SIT|\njoy|1|x|\nenvy|2|x|\n", "label 'envy' of isear:3:2"},
    };
    snprintf(text, sizeof text,
             "kind: text\nname: tiny\nformat: isear\nsource: isear.csv\nvocabulary: %s\n",
             fixture("vocabulary.txt"));
    for (size_t i = 0; i < sizeof isear / sizeof *isear; i++) {
        file("isear.csv", isear[i][0]);
        assert_fails(build(text, path, NULL), LEIT_DATA, isear[i][1]);
    }
}

static void bad_manifests_are_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"kind: text\n", "manifest.yaml: format is missing"},
        {"name: x\n", "manifest.yaml: kind is missing"},
        {"kind: film\n", "manifest.yaml:1:7: kind: 'film', expected one of text, music, tags"},
        {"kind: text\nfromat: alm\n", "manifest.yaml:2:9: fromat: unknown key, expected one of"},
        {"kind: text\nformat: csv\n", "format: 'csv', expected one of etude_text, alm, isear"},
        {"kind: text\nformat: alm\nname: x\n", "vocabulary is missing"},
        {"kind: text\nformat: alm\nname: x\nmax_tokens: 1\n", "expected a whole number from 3"},
        {"kind: text\nformat: alm\nname: x\nexpect: {texts: many}\n", "texts: 'many', expected"},
        {"[1, 2]\n", "expected a manifest"},
        {"kind: [text\n", "manifest.yaml:2:1"},
        {"kind: music\nformat: clips_csv\nname: x\n", "source is missing"},
        {"kind: tags\nformat: nrc_vad\nname: x\nsource: y\n", "text_labels is missing"},
        {"kind: tags\nformat: nrc_vad\nname: x\nrange: 3\n", "range: expected [low, high]"},
    };
    const char *path = leit_test_scratch("never.h5");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(build(cases[i][0], path, NULL), LEIT_USAGE, cases[i][1]);
    assert_fails(build(alm_head, path, "split"), LEIT_USAGE,
                 "override 'split', expected key=value");
    assert_fails(build(alm_head, path, "splitt=x"), LEIT_USAGE,
                 "override 'splitt=x':1:9: splitt: unknown key");
    assert_fails(build(manifest(alm_head, "alm"), path, "split=half"), LEIT_USAGE,
                 "split: 'half', expected one of paper, strict");
    assert_fails(leit_corpus_build("/nonexistent.yaml", path, NULL, 0), LEIT_USAGE,
                 "/nonexistent.yaml");
}

/* ---- Tags ----------------------------------------------------------------------------------- */

static const char tag_lists[] = "text_labels: [anger, fear, joy]\n"
                                "music_labels: [angry, happy, scary, tender]";

static void expect_mapping(const leit_tag_corpus *tags, enum leit_mapping mapping,
                           const char *const expected[3])
{
    static const char *const text[] = {"anger", "fear", "joy"};
    static const char *const music[] = {"angry", "happy", "scary", "tender"};
    uint8_t matrix[12];
    assert_ok(leit_mapping_build(mapping, 3, text, 4, music, tags, matrix));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            assert_int_equal(matrix[4 * i + j], strcmp(music[j], expected[i]) == 0);
}

static void tags_from_lexicon_and_vectors(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("tags.h5");
    char text[2048];
    leit_tag_corpus *tags = NULL;
    static const char *const files[] = {"word_vectors/vectors.txt", "word_vectors/vectors.bin"};
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text,
                 "kind: tags\nname: tiny\nformat: nrc_vad\nsource: %s\nvectors: %s\n%s\n",
                 fixture("nrc_vad/lexicon.txt"), fixture(files[i]), tag_lists);
        assert_ok(build(text, path, NULL));
        assert_ok(leit_tag_corpus_open(path, &tags));
        assert_int_equal(tags->n_tags, 7);
        assert_int_equal(tags->vector_width, 3);
        assert_true(tags->valence[2] == 0.9F);
        assert_true(tags->vectors[3 * 6] == -0.5F);
        assert_int_equal(tags->modality[2], LEIT_MODALITY_TEXT);
        assert_int_equal(tags->modality[3], LEIT_MODALITY_MUSIC);
        expect_mapping(tags, LEIT_MAPPING_VA, (const char *const[]){"angry", "angry", "happy"});
        expect_mapping(tags, LEIT_MAPPING_W2V_VECTORS,
                       (const char *const[]){"angry", "scary", "happy"});
        leit_tag_corpus_close(tags);
    }
    snprintf(text, sizeof text, "kind: tags\nname: tiny\nformat: word_vectors\nsource: %s\n%s\n",
             fixture("word_vectors/vectors.bin"), tag_lists);
    assert_ok(build(text, path, NULL));
    assert_ok(leit_tag_corpus_open(path, &tags));
    assert_null(tags->valence);
    assert_int_equal(tags->vector_width, 3);
    leit_tag_corpus_close(tags);
    snprintf(text, sizeof text, "kind: tags\nname: tiny\nformat: etude_tags\nsource: %s\n",
             file("tags.tsv", "joy\ttext\t0.9\t0.8\nhappy\tmusic\t1\t0.5\n"));
    assert_ok(build(text, path, NULL));
    assert_ok(leit_tag_corpus_open(path, &tags));
    assert_int_equal(tags->n_tags, 2);
    assert_true(tags->arousal[1] == 0.5F);
    leit_tag_corpus_close(tags);
}

static void bad_tags_are_named(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("never.h5");
    char text[2048];
    static const char *const lexicons[][2] = {
        {"joy\t0.9\t0.8\t0.7\n", "lexicon.txt has no entry for the tag 'happy'"},
        {"joy\t0.9\t0.8\nhappy\t1\t1\t1\n", "lexicon.txt:1: 3 columns"},
        {"joy\tx\t0.8\t0.7\nhappy\t1\t1\t1\n", "lexicon.txt:1: 'x' is no number"},
        {"joy\tnan\t0.8\t0.7\nhappy\t1\t1\t1\n", "lexicon.txt:1: 'nan' is no number"},
        {"joy\t0.9\t1.8\t0.7\nhappy\t1\t1\t1\n", "tag 'joy' has valence 0.9 and arousal 1.8"},
        {"joy\t0.9\t0.8\t0.7\njoy\t1\t1\t1\nhappy\t1\t1\t1\n", "lexicon.txt:2: 'joy' twice"},
        {"joy \xfe\t0.9\t0.8\t0.7\n", "lexicon.txt:1: not UTF-8"},
    };
    for (size_t i = 0; i < sizeof lexicons / sizeof *lexicons; i++) {
        file("lexicon.txt", lexicons[i][0]);
        snprintf(text, sizeof text,
                 "kind: tags\nname: tiny\nformat: nrc_vad\nsource: lexicon.txt\n"
                 "text_labels: [joy]\nmusic_labels: [happy]\n");
        assert_fails(build(text, path, NULL), LEIT_DATA, lexicons[i][1]);
        assert_false(leit_file_exists(path));
    }
    snprintf(text, sizeof text,
             "kind: tags\nname: tiny\nformat: word_vectors\nsource: vectors.txt\n"
             "text_labels: [joy]\nmusic_labels: [happy]\n");
    static const char *const vectors[][2] = {
        {"2 2\njoy 1 2\nsad 1 2\n", "vectors.txt has no vector for the tag 'happy'"},
        {"2 3\njoy 1 2\nhappy 1 2\n", "vectors.txt:2: 'joy' has 2 numbers, the header says 3"},
        {"2 1\njoy 1 2\nhappy 1 2\n", "vectors.txt:2: 'joy' has more than 1 numbers"},
        {"3 2\njoy 1 2\nhappy 1 2\n", "vectors.txt:4: no word here, the header says 3 words"},
        {"1 2\njoy 1 2\nhappy 1 2\n", "vectors.txt goes on after the 1 words"},
        {"2 2\njoy 1 x\nhappy 1 2\n", "vectors.txt:2: 'joy': 'x' is no finite number"},
        {"2 2\njoy 1 inf\nhappy 1 2\n", "vectors.txt:2: 'joy': 'inf' is no finite number"},
        {"2 2\njoy 0 0\nhappy 1 2\n", "the vector of tag 'joy' has length 0"},
        {"joy 1 2\nhappy 1 2\n", "vectors.txt:1: expected a word2vec header"},
        {"2 99999999999\njoy 1\n", "vectors.txt:1: 2 words 99999999999 wide"},
        {"-1 2\njoy 1 2\n", "vectors.txt:1: -1 words"},
        {"", "vectors.txt:1: expected a word2vec header"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        file("vectors.txt", vectors[i][0]);
        assert_fails(build(text, path, NULL), LEIT_DATA, vectors[i][1]);
    }
    leit_buffer raw = {0};
    assert_ok(leit_file_read(fixture("word_vectors/vectors.bin"), 1 << 16, &raw));
    snprintf(text, sizeof text,
             "kind: tags\nname: tiny\nformat: word_vectors\nsource: cut.bin\n%s\n", tag_lists);
    for (size_t size = 0; size + 1 < raw.size_bytes; size++) {
        assert_ok(leit_file_write(leit_test_scratch("cut.bin"), raw.data, size));
        assert_fails(build(text, leit_test_scratch("never.h5"), NULL), LEIT_DATA, "cut.bin");
    }
    assert_ok(leit_buffer_puts(&raw, "more"));
    assert_ok(leit_file_write(leit_test_scratch("cut.bin"), raw.data, raw.size_bytes));
    assert_fails(build(text, leit_test_scratch("never.h5"), NULL), LEIT_DATA,
                 "cut.bin goes on after the 8 words");
    leit_buffer_clear(&raw);
}

/* ---- Music ---------------------------------------------------------------------------------- */

/* A mono 16-bit wav; a tone, or silence. */
static void write_wav(const char *name, int rate_hz, int n_samples, double level)
{
    unsigned char header[44] = "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0";
    uint32_t data_bytes = (uint32_t)n_samples * 2, riff_bytes = data_bytes + 36;
    uint32_t rates[2] = {(uint32_t)rate_hz, (uint32_t)rate_hz * 2};
    memcpy(header + 4, &riff_bytes, 4);
    memcpy(header + 24, rates, 8);
    memcpy(header + 32, "\2\0\20\0data", 8);
    memcpy(header + 40, &data_bytes, 4);
    FILE *out = fopen(leit_test_scratch(name), "wb");
    assert_non_null(out);
    fwrite(header, 1, sizeof header, out);
    for (int i = 0; i < n_samples; i++) {
        int16_t sample = (int16_t)lrint(level * 32767 * sin(0.2 * i));
        fwrite(&sample, sizeof sample, 1, out);
    }
    fclose(out);
}

static const char music_manifest[] = "kind: music\nname: tiny\nformat: clips_csv\n"
                                     "source: clips.csv\nlabels: [angry, sad]\n"
                                     "min_seconds: 0.1\nskip_share: 0.6\n";

static void clips_become_pcm(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("music.h5");
    write_wav("loud.wav", 16000, 4000, 0.5);
    write_wav("slow.wav", 8000, 4000, 0.25);
    write_wav("silent.wav", 16000, 4000, 0);
    write_wav("short.wav", 16000, 400, 0.5);
    file("noise.wav", "this is no audio at all");
    file("clips.csv", "label,path,split,group\r\n"
                      "sad,loud.wav,train,\"A, \"\"B\"\"\"\r\n"
                      "\"angry\",silent.wav,train,C\n"
                      "angry,slow.wav,valid+test,\"A, \"\"B\"\"\"\n\n"
                      "angry,short.wav,test,\n"
                      "sad,noise.wav,test,\n");
    leit_music_corpus *corpus = NULL;
    assert_ok(build(music_manifest, path, NULL));
    assert_false(leit_file_exists(leit_test_scratch("music.h5.pcm.writing")));
    assert_ok(leit_corpus_check(path));
    assert_ok(leit_music_corpus_open(path, &corpus));
    assert_int_equal(corpus->n_clips, 2);
    assert_int_equal(corpus->offsets[1], 4000);
    assert_int_equal(corpus->offsets[2], 12000);
    assert_int_equal(corpus->label[0], 1);
    assert_int_equal(corpus->label[1], 0);
    assert_int_equal(corpus->split[1], LEIT_SPLIT_VALID | LEIT_SPLIT_TEST);
    assert_string_equal(corpus->paths[1], "slow.wav");
    assert_string_equal(corpus->groups[0], "A, \"B\"");
    assert_true(fabs(corpus->duration_s[1] - 0.5) < 1e-9);
    assert_int_equal(corpus->pcm[0], 0);
    for (int i = 0; i < 4000; i++) {
        int expected = (int)lrint(0.5 * 32767 * sin(0.2 * i));
        assert_in_range(corpus->pcm[i] - expected + 1, 0, 2);
    }
    const char *const *ledger = corpus->about.ledger;
    assert_int_equal(corpus->about.n_ledger, 5);
    assert_string_equal(ledger[0], "warned about A, \"B\": group in more than one split");
    assert_string_equal(ledger[1], "skipped silent.wav: silent");
    assert_string_equal(ledger[2], "skipped short.wav: shorter than 0.1 s");
    assert_memory_equal(ledger[3], "skipped noise.wav: unreadable: ", 31);
    assert_int_equal(corpus->about.n_sources, 3);
    leit_music_corpus_close(corpus);

    assert_fails(build(music_manifest, leit_test_scratch("never.h5"), "skip_share=0.5"), LEIT_DATA,
                 "3 of 5 clips cannot be used, more than skip_share: 0.5 allows; mend them, take "
                 "them out of the table or raise it; the first: skipped silent.wav: silent");
    assert_false(leit_file_exists(leit_test_scratch("never.h5")));
    assert_false(leit_file_exists(leit_test_scratch("never.h5.pcm.writing")));
}

static int64_t ledger_count(const char *stats_json, const char *what)
{
    json_t *root = json_loads(stats_json, 0, NULL);
    assert_non_null(root);
    const int64_t count =
        json_integer_value(json_object_get(json_object_get(root, "ledger_counts"), what));
    json_decref(root);
    return count;
}

/* Names with colons are counted by their reason; the ledger holds no folder of the machine, and all
 * of a long sentence. */
static void the_ledger_names_what_it_says(void **state)
{
    (void)state;
    enum { LONG = 200 };
    const char *path = leit_test_scratch("ledger.h5");
    char folder[2 * LONG + 2], table[4096];
    char *text = NULL;
    memset(folder, 'x', sizeof folder);
    folder[LONG] = '/';
    folder[sizeof folder - 1] = '\0';
    assert_ok(leit_file_make_directory(leit_test_scratch(folder)));
    snprintf(table, sizeof table, "%s/noise.wav", folder);
    file(table, "this is no audio at all");
    write_wav("loud.wav", 16000, 4000, 0.5);
    write_wav("Part 1: calm.wav", 16000, 4000, 0);
    write_wav("\"Storm\": calm.wav", 16000, 4000, 0);
    write_wav("calm.wav", 16000, 4000, 0);
    snprintf(table, sizeof table,
             "path,label,split,group\nloud.wav,sad,train,Band\nPart 1: calm.wav,sad,train,X: Y\n"
             "\"\"\"Storm\"\": calm.wav\",sad,test,X: Y\ncalm.wav,sad,test,Z\n"
             "%s/noise.wav,sad,test,Z\n",
             folder);
    file("clips.csv", table);
    leit_music_corpus *corpus = NULL;
    assert_ok(build(music_manifest, path, "skip_share=0.9"));
    assert_ok(leit_music_corpus_open(path, &corpus));
    const char *const *ledger = corpus->about.ledger;
    assert_int_equal(corpus->about.n_ledger, 6);
    assert_string_equal(ledger[0], "warned about \"X: Y\": group in more than one split");
    assert_string_equal(ledger[1], "skipped \"Part 1: calm.wav\": silent");
    assert_string_equal(ledger[2], "skipped \"\"\"Storm\"\": calm.wav\": silent");
    assert_string_equal(ledger[3], "skipped calm.wav: silent");
    assert_null(strstr(ledger[4], leit_test_directory()));
    /* The decoder says the same of the file, under its whole name. */
    leit_audio audio = {0};
    snprintf(table, sizeof table, "%s/noise.wav", folder);
    assert_int_equal(leit_audio_decode(leit_test_scratch(table), 16000, 10, &audio), LEIT_DATA);
    const char *behind = strstr(leit_error_message(), "noise.wav") + strlen("noise.wav");
    assert_true(strlen(behind) > 10);
    assert_string_equal(ledger[4] + strlen(ledger[4]) - strlen(behind), behind);
    leit_music_corpus_close(corpus);

    assert_ok(leit_corpus_stats(path, 1, &text));
    assert_int_equal(ledger_count(text, "skipped: silent"), 3);
    assert_int_equal(ledger_count(text, "skipped: unreadable"), 1);
    assert_int_equal(ledger_count(text, "warned: group in more than one split"), 1);
    leit_corpus_text_free(text);
    assert_fails(build(music_manifest, path, "min_seconds=601"), LEIT_USAGE,
                 "min_seconds is 601, max_seconds 600");
}

static void clips_with_several_tags(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("tagging.h5");
    write_wav("loud.wav", 16000, 4000, 0.5);
    write_wav("soft.wav", 16000, 3000, 0.1);
    file("clips.csv", "path,label,split\nloud.wav,sad|angry,train\nsoft.wav,sad,test\n");
    leit_music_corpus *corpus = NULL;
    assert_ok(build(music_manifest, path, "multi_label=true"));
    assert_ok(leit_music_corpus_open(path, &corpus));
    assert_null(corpus->label);
    assert_memory_equal(corpus->tags, ((uint8_t[]){1, 1, 0, 1}), 4);
    leit_music_corpus_close(corpus);
    assert_fails(build(music_manifest, path, NULL), LEIT_DATA,
                 "clips.csv:2: label 'sad|angry' is outside the taxonomy");
}

static void bad_clip_tables_are_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"path,label\nx,sad\n", "clips.csv:1: expected a header with path, label and split"},
        {"path,label,split\nx,sad\n", "clips.csv:2: 2 columns, the header has 3"},
        {"path,label,split\nx,sad,train\nx,angry,test\n", "clips.csv:3: 'x' is in line 2 already"},
        {"path,label,split\nx,boring,train\n", "clips.csv:2: label 'boring' is outside"},
        {"path,label,split\nx,sad,later\n", "clips.csv:2: split 'later'"},
        {"path,label,split\n,sad,train\n", "clips.csv:2: no path"},
        {"path,label,split\n\"x,sad,train\n", "clips.csv:2: a quote is not closed"},
        {"path,label,split\n\"x\"y,sad,train\n", "clips.csv:2: text behind a closing quote"},
        {"path,label,split\n", "no clips"},
        {"path,label,split\nnone.wav,sad,train\n", "1 of 1 clips cannot be used"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file("clips.csv", cases[i][0]);
        assert_fails(build(music_manifest, leit_test_scratch("never.h5"), NULL), LEIT_DATA,
                     cases[i][1]);
    }
    file("clips.csv", "path,label,split\nx,sad,train\n");
    assert_fails(build(music_manifest, leit_test_scratch("never.h5"), "group=artist"), LEIT_DATA,
                 "no column 'artist'");
}

/* ---- The rest ------------------------------------------------------------------------------- */

/* What etude generates is built by its own manifests. */
static void the_built_in_corpus(void **state)
{
    (void)state;
    struct leit_etude_options options = LEIT_ETUDE_OPTIONS_INIT;
    options.n_texts_per_label = 5;
    options.n_clips_per_mood = 5;
    options.clip_seconds = 1;
    options.n_library = 0;
    assert_ok(leit_etude_generate(leit_test_scratch("etude"), &options));
    static const char *const names[] = {"etude_alm", "etude_isear", "etude_tags"};
    for (int i = 0; i < 3; i++) {
        char manifest_path[1100], corpus_path[1100];
        snprintf(manifest_path, sizeof manifest_path, "%s/%s.yaml", leit_test_scratch("etude"),
                 names[i]);
        snprintf(corpus_path, sizeof corpus_path, "%s/%s.h5", leit_test_scratch("etude"), names[i]);
        assert_ok(leit_corpus_build(manifest_path, corpus_path, NULL, 0));
        assert_ok(leit_corpus_check(corpus_path));
    }
}

/* A host program may have set a locale that writes 0,5: files say 0.5 all the same. */
static void numbers_under_a_comma(void **state)
{
    (void)state;
    static const char manifest[] = "kind: tags\nname: t\nformat: etude_tags\nsource: tags.tsv\n"
                                   "vectors: vectors.txt\nrange: [0.0, 1.5]\n";
    const char *path = leit_test_scratch("comma.h5");
    leit_tag_corpus *corpus = NULL;
    char *text = NULL;
    file("tags.tsv", "happy\ttext\t0.9\t0.75\nsad\tmusic\t0.25\t1.5\n");
    file("vectors.txt", "2 2\nhappy 0.5 -1.25\nsad 1e-1 2\n");
    if (!leit_test_comma_locale(true)) skip();
    leit_status status = build(manifest, path, NULL);
    if (status == LEIT_OK) status = leit_corpus_stats(path, 0, &text);
    leit_test_comma_locale(false);
    assert_ok(status);
    assert_non_null(strstr(text, "0.250    1.500"));
    leit_corpus_text_free(text);
    assert_ok(leit_tag_corpus_open(path, &corpus));
    assert_true(corpus->valence[1] == 0.25f && corpus->arousal[1] == 1.5f);
    assert_true(corpus->range_high == 1.5);
    assert_true(corpus->vectors[1] == -1.25f && corpus->vectors[2] == 0.1f);
    leit_tag_corpus_close(corpus);
}

/* An output that is something else is refused before any work and stays as it was; a corpus of the
 * same kind and a damaged one are replaced. */
static void nothing_else_is_overwritten(void **state)
{
    (void)state;
    static const char tags[] = "kind: tags\nname: t\nformat: etude_tags\nsource: tags.tsv\n";
    static const char texts[] = "kind: text\nname: t\nformat: etude_text\nsource: t.tsv\n";
    file("tags.tsv", "happy\ttext\t0.9\t0.7\n");
    assert_ok(build(tags, leit_test_scratch("mine.h5"), NULL));
    assert_ok(build(tags, leit_test_scratch("mine.h5"), NULL));
    assert_fails(build(texts, leit_test_scratch("mine.h5"), NULL), LEIT_USAGE,
                 "mine.h5 is a leitmotif tag corpus: it is not overwritten");
    assert_ok(leit_corpus_check(leit_test_scratch("mine.h5")));
    assert_fails(build(tags, file("song.wav", "RIFF and so on"), NULL), LEIT_USAGE,
                 "song.wav is there and no file of Leitmotif: it is not overwritten");
    leit_buffer content = {0};
    assert_ok(leit_file_read(leit_test_scratch("song.wav"), 100, &content));
    assert_string_equal(leit_buffer_text(&content), "RIFF and so on");
    assert_ok(leit_file_read(leit_test_scratch("mine.h5"), 1 << 20, &content));
    assert_ok(leit_file_write(leit_test_scratch("mine.h5"), content.data, content.size_bytes / 2));
    leit_buffer_clear(&content);
    assert_ok(build(tags, leit_test_scratch("mine.h5"), NULL));
    assert_ok(build(tags, file("nothing.h5", ""), NULL));
    assert_fails(build(tags, leit_test_directory(), NULL), LEIT_DATA, "is a directory");
    assert_fails(build(tags, leit_test_scratch("no/such/x.h5"), NULL), LEIT_DATA,
                 "x.h5: No such file or directory; check the path");
    assert_ok(leit_file_remove(leit_test_scratch("link.h5")));
    assert_int_equal(symlink(leit_test_scratch("mine.h5"), leit_test_scratch("link.h5")), 0);
    assert_fails(build(tags, leit_test_scratch("link.h5"), NULL), LEIT_DATA, "link.h5 is a link");
    assert_ok(leit_file_remove(leit_test_scratch("pipe.h5")));
    assert_int_equal(mkfifo(leit_test_scratch("pipe.h5"), 0600), 0);
    assert_fails(build(tags, leit_test_scratch("pipe.h5"), NULL), LEIT_DATA,
                 "pipe.h5 is a device or pipe");
    assert_false(leit_file_exists(leit_test_scratch("song.wav.writing")));
}

static void a_full_disk_is_reported(void **state)
{
    (void)state;
    write_wav("long.wav", 16000, 40000, 0.5);
    file("clips.csv", "path,label,split\nlong.wav,sad,train\n");
    file("manifest.yaml", music_manifest);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    for (rlim_t limit = 20000; limit <= 80000; limit += 60000) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = limit, .rlim_max = old.rlim_max});
        leit_status status = leit_corpus_build(leit_test_scratch("manifest.yaml"),
                                               leit_test_scratch("full.h5"), NULL, 0);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(status, LEIT_DATA);
        assert_non_null(strstr(leit_error_message(), "File too large"));
        assert_false(leit_file_exists(leit_test_scratch("full.h5")));
        assert_false(leit_file_exists(leit_test_scratch("full.h5.writing")));
        assert_false(leit_file_exists(leit_test_scratch("full.h5.pcm.writing")));
    }
}

static void stats_in_words_and_json(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("stats.h5");
    char *text = NULL;
    assert_ok(build(manifest(alm_head, "alm"), path, NULL));
    assert_ok(leit_corpus_stats(path, 0, &text));
    assert_non_null(strstr(text, "tiny: text corpus, 14 texts, split paper, 4 source files"));
    assert_non_null(strstr(text, "happy                       3        1        1        4"));
    assert_non_null(strstr(text, "took: as they are"));
    leit_corpus_text_free(text);
    assert_ok(leit_corpus_stats(path, 1, &text));
    assert_non_null(strstr(text, "\"texts\": 14"));
    assert_non_null(strstr(text, "\"label\": \"happy\""));
    leit_corpus_text_free(text);
    assert_fails(leit_corpus_stats(file("junk.h5", "junk"), 0, &text), LEIT_DATA, "junk.h5");
    assert_null(text);
    assert_fails(leit_corpus_check("/nonexistent.h5"), LEIT_DATA, "/nonexistent.h5");

    assert_ok(build(manifest(alm_head, "alm"), path, "expect={texts: 15}"));
    assert_fails(leit_corpus_check(path), LEIT_DATA, "texts: got 14, the manifest expects 15");
    assert_ok(build(manifest(alm_head, "alm"), path, "expect={wolves: 1}"));
    assert_fails(leit_corpus_check(path), LEIT_DATA, "expects a count of 'wolves'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alm_as_in_the_paper),
        cmocka_unit_test(alm_strict_holds_out_stories),
        cmocka_unit_test(isear_cleaned_and_stratified),
        cmocka_unit_test(etude_text_and_its_cuts),
        cmocka_unit_test(bad_texts_are_named),
        cmocka_unit_test(bad_manifests_are_named),
        cmocka_unit_test(tags_from_lexicon_and_vectors),
        cmocka_unit_test(bad_tags_are_named),
        cmocka_unit_test(clips_become_pcm),
        cmocka_unit_test(the_ledger_names_what_it_says),
        cmocka_unit_test(clips_with_several_tags),
        cmocka_unit_test(bad_clip_tables_are_named),
        cmocka_unit_test(the_built_in_corpus),
        cmocka_unit_test(numbers_under_a_comma),
        cmocka_unit_test(nothing_else_is_overwritten),
        cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(stats_in_words_and_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

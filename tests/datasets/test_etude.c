#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/memory.h"
#include "leitmotif/etude.h"
#include "support/testing.h"

/* Small enough for a second or two, large enough that every split and label is there. */
static const struct leit_etude_options SMALL = {.seed = 7,
                                                .n_texts_per_label = 20,
                                                .n_clips_per_mood = 5,
                                                .clip_seconds = 2,
                                                .n_library = 3,
                                                .library_seconds = 3,
                                                .sample_rate_hz = 16000,
                                                .n_workers = 2};

enum { LIMIT_BYTES = 1 << 24, MAX_FIELDS = 8 };

static const char *const ALM[] = {"anger", "fearful", "happy", "sad", "surprised", NULL};
static const char *const ISEAR[] = {"anger", "disgust", "fear",  "guilt",
                                    "joy",   "sadness", "shame", NULL};
/* A word that begins with one of these names a label: none may stand in a story. */
static const char *const STEMS[] = {"anger",   "angr",  "fear", "happi", "happy", "sad", "surpris",
                                    "disgust", "guilt", "joy",  "sham",  "asham", NULL};

static const char *const MOODS[] = {"angry", "exciting", "funny",  "happy",
                                    "sad",   "scary",    "tender", NULL};

static leit_arena arena;

static const char *path_in(const char *folder, const char *name)
{
    char *path = leit_path_join(&arena, folder, name);
    assert_non_null(path);
    return path;
}

/* Generates into a folder of this test; the same name generates once. */
static const char *corpus(const char *name, const struct leit_etude_options *options)
{
    const char *folder = path_in(leit_test_directory(), name);
    if (!leit_file_exists(folder)) assert_ok(leit_etude_generate(folder, options));
    return folder;
}

static char *content_of(const char *folder, const char *name)
{
    leit_buffer content = {0};
    assert_ok(leit_file_read(path_in(folder, name), LIMIT_BYTES, &content));
    char *copy = leit_arena_strndup(&arena, leit_buffer_text(&content), content.size_bytes);
    assert_non_null(copy);
    leit_buffer_clear(&content);
    return copy;
}

/* Cuts the next line off a text; NULL at the end. */
static char *next_line(char **text)
{
    if (**text == '\0') return NULL;
    char *line = *text, *end = strchr(line, '\n');
    assert_non_null(end);
    *end = '\0';
    *text = end + 1;
    return line;
}

static int split_fields(char *line, char separator, char *fields[MAX_FIELDS])
{
    int n = 0;
    for (char *field = line; field != NULL && n < MAX_FIELDS; n++) {
        fields[n] = field;
        field = strchr(field, separator);
        if (field != NULL) *field++ = '\0';
    }
    return n;
}

static int place_in(const char *const *list, const char *word)
{
    for (int i = 0; list[i] != NULL; i++)
        if (strcmp(list[i], word) == 0) return i;
    fail_msg("\"%s\" is not in the list", word);
    return -1;
}

static int split_number(const char *split)
{
    static const char *const SPLITS[] = {"train", "valid", "test", NULL};
    return place_in(SPLITS, split);
}

static void check_story(const char *story)
{
    static const char *const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    int sentences = 0;
    assert_true(strlen(story) > 20 && strlen(story) < 600);
    assert_null(strpbrk(story, "<>@#~\t"));
    for (const char *at = story; *at != '\0'; at++)
        sentences += strchr(".!?", *at) != NULL && (at[1] == '\0' || at[1] == ' ' || at[1] == '"');
    assert_in_range(sentences, 1, 8); /* counted with those inside quotation marks */
    for (const char *word = story; *word != '\0'; word += strcspn(word, LETTERS)) {
        for (int i = 0; STEMS[i] != NULL; i++)
            if (strncasecmp(word, STEMS[i], strlen(STEMS[i])) == 0)
                fail_msg("\"%s\" names a label in: %s", STEMS[i], story);
        word += strspn(word, LETTERS);
        if (*word == '\0') break;
    }
}

static void check_texts(const char *name, const char *const *labels, int n_labels)
{
    char *text = content_of(corpus("small", &SMALL), name);
    int counts[8][3] = {{0}}, n = 0;
    char *stories[256];
    for (char *line; (line = next_line(&text)) != NULL; n++) {
        char *fields[MAX_FIELDS];
        assert_int_equal(split_fields(line, '\t', fields), 4);
        assert_true(n < 256);
        counts[place_in(labels, fields[1])][split_number(fields[2])]++;
        check_story(fields[3]);
        for (int i = 0; i < n; i++)
            if (strcmp(stories[i], fields[3]) == 0) fail_msg("told twice: %s", fields[3]);
        stories[n] = fields[3];
    }
    assert_int_equal(n, n_labels * SMALL.n_texts_per_label);
    for (int label = 0; label < n_labels; label++) {
        assert_int_equal(counts[label][0], 12);
        assert_int_equal(counts[label][1], 4);
        assert_int_equal(counts[label][2], 4);
    }
}

static void stories_are_complete_and_name_no_label(void **state)
{
    (void)state;
    check_texts("texts_alm.tsv", ALM, 5);
    check_texts("texts_isear.tsv", ISEAR, 7);
}

struct tag {
    const char *name;
    bool music;
    double valence, arousal, vector[16];
};

static void read_vector(char *vectors, const char *word, double vector[16])
{
    leit_buffer key = {0};
    assert_ok(leit_buffer_printf(&key, "\n%s ", word));
    const char *at = strstr(vectors, leit_buffer_text(&key));
    if (at == NULL) fail_msg("no vector for %s", word);
    char *end = (char *)(uintptr_t)at + key.size_bytes;
    for (int i = 0; i < 16; i++) vector[i] = strtod(end, &end);
    assert_true(*end == '\n');
    leit_buffer_clear(&key);
}

static int read_tags(struct tag tags[32])
{
    const char *folder = corpus("small", &SMALL);
    char *text = content_of(folder, "tags.tsv"), *vectors = content_of(folder, "vectors.txt");
    int n = 0;
    for (char *line; (line = next_line(&text)) != NULL; n++) {
        char *fields[MAX_FIELDS];
        assert_int_equal(split_fields(line, '\t', fields), 4);
        assert_true(n < 32);
        assert_true(strcmp(fields[1], "music") == 0 || strcmp(fields[1], "text") == 0);
        tags[n] = (struct tag){.name = fields[0],
                               .music = strcmp(fields[1], "music") == 0,
                               .valence = strtod(fields[2], NULL),
                               .arousal = strtod(fields[3], NULL)};
        assert_true(tags[n].valence >= 0 && tags[n].valence <= 1);
        assert_true(tags[n].arousal >= 0 && tags[n].arousal <= 1);
        read_vector(vectors, fields[0], tags[n].vector);
    }
    return n;
}

static double distance(const struct tag *a, const struct tag *b)
{
    double v = a->valence - b->valence, w = a->arousal - b->arousal;
    return v * v + w * w;
}

/* The order of cosines: squared, with its sign, and without the length of `a`. */
static double cosine(const struct tag *a, const struct tag *b)
{
    double product = 0, square = 0;
    for (int i = 0; i < 16; i++) {
        product += a->vector[i] * b->vector[i];
        square += b->vector[i] * b->vector[i];
    }
    return product * fabs(product) / square;
}

/* The music mood each text emotion maps to, in valence and arousal and in word vectors, must be one
 * of those a listener would call right (the paper's manual mapping). */
static void nearest_moods_are_sensible(void **state)
{
    (void)state;
    static const char *const RIGHT[][2] = {
        {"anger", "angry"},     {"disgust", "angry scary"},      {"fear", "scary"},
        {"fearful", "scary"},   {"guilt", "angry sad"},          {"happy", "exciting funny happy"},
        {"sad", "sad"},         {"joy", "exciting funny happy"}, {"sadness", "sad"},
        {"shame", "angry sad"}, {"surprised", "exciting"}};
    struct tag tags[32];
    int n = read_tags(tags), n_text = 0;
    for (int i = 0; i < n; i++) {
        if (tags[i].music) continue;
        int by_place = -1, by_vector = -1;
        for (int j = 0; j < n; j++) {
            if (!tags[j].music) continue;
            if (by_place < 0 || distance(&tags[i], &tags[j]) < distance(&tags[i], &tags[by_place]))
                by_place = j;
            if (by_vector < 0 || cosine(&tags[i], &tags[j]) > cosine(&tags[i], &tags[by_vector]))
                by_vector = j;
        }
        for (size_t r = 0; r < sizeof RIGHT / sizeof *RIGHT; r++) {
            if (strcmp(RIGHT[r][0], tags[i].name) != 0) continue;
            n_text++;
            if (strstr(RIGHT[r][1], tags[by_place].name) == NULL)
                fail_msg("%s lies next to %s", tags[i].name, tags[by_place].name);
            if (strstr(RIGHT[r][1], tags[by_vector].name) == NULL)
                fail_msg("the vector of %s points to %s", tags[i].name, tags[by_vector].name);
        }
    }
    assert_int_equal(n_text, 11);
    assert_int_equal(n, 18);
}

static bool has_line(const char *text, const char *word, size_t length)
{
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        if ((at == text || at[-1] == '\n') && at[length] == '\n') return true;
    return false;
}

/* Every story can be spelled, and all words of the example story are known whole. */
static void vocabulary_covers_the_stories(void **state)
{
    (void)state;
    char *vocabulary = content_of(corpus("small", &SMALL), "vocabulary.txt");
    assert_true(strncmp(vocabulary, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", 31) == 0);
    int lines = 0;
    for (const char *at = vocabulary; *at != '\0'; at++) lines += *at == '\n';
    assert_in_range(lines, 1000, 2000);
    for (const char *at = "abcdefghijklmnopqrstuvwxyz"; *at != '\0'; at++) {
        const char letter = *at;
        assert_true(has_line(vocabulary, (char[]){letter, '\0'}, 1));
        assert_true(has_line(vocabulary, (char[]){'#', '#', letter, '\0'}, 3));
    }
    leit_buffer story = {0};
    assert_ok(leit_file_read(leit_test_source("docs/examples/story.txt"), LIMIT_BYTES, &story));
    int n = 0;
    char word[64];
    size_t length = 0;
    for (const char *at = leit_buffer_text(&story);; at++) {
        char letter = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
        if (letter >= 'a' && letter <= 'z' && length + 1 < sizeof word) {
            word[length++] = letter;
            continue;
        }
        word[length] = '\0';
        n += length > 0;
        if (length > 0 && !has_line(vocabulary, word, length)) fail_msg("%s is not known", word);
        length = 0;
        if (*at == '\0') break;
    }
    leit_buffer_clear(&story);
    assert_in_range(n, 350, 520);
}

struct sound {
    double *samples; /* (n) */
    int n;
};

static struct sound decode(const char *folder, const char *name, int sample_rate_hz)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path_in(folder, name), SFM_READ, &info);
    if (file == NULL) fail_msg("cannot read %s: %s", name, sf_strerror(NULL));
    assert_int_equal(info.channels, 1);
    assert_int_equal(info.samplerate, sample_rate_hz);
    struct sound sound = {.n = (int)info.frames};
    assert_ok(LEIT_ALLOC(sound.samples, sound.n));
    assert_int_equal(sf_read_double(file, sound.samples, sound.n), sound.n);
    sf_close(file);
    return sound;
}

static double level_db(const double *samples, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += samples[i] * samples[i];
    return 10 * log10(sum / n + 1e-20);
}

/* Share of the energy that lies high: the power of the first difference over that of the signal. */
static double brightness(const struct sound *sound)
{
    double low = 0, high = 0;
    for (int i = 1; i < sound->n; i++) {
        double step = sound->samples[i] - sound->samples[i - 1];
        low += sound->samples[i] * sound->samples[i];
        high += step * step;
    }
    return high / low;
}

/* The peak of the signal oversampled four times with a Hann-windowed sinc of 32 samples. */
static double true_peak_db(const struct sound *sound)
{
    enum { HALF = 16 };
    double peak = 0;
    for (int phase = 0; phase < 4; phase++) {
        double kernel[2 * HALF];
        for (int k = 0; k < 2 * HALF; k++) {
            double x = phase / 4.0 - (k - HALF + 1), pi = 3.141592653589793;
            kernel[k] = (x == 0 ? 1 : sin(pi * x) / (pi * x)) * (0.5 + 0.5 * cos(pi * x / HALF));
        }
        for (int i = HALF; i + HALF < sound->n; i++) {
            double sum = 0;
            for (int k = 0; k < 2 * HALF; k++) sum += kernel[k] * sound->samples[i + k - HALF + 1];
            if (fabs(sum) > peak) peak = fabs(sum);
        }
    }
    return 20 * log10(peak);
}

/* Sounds throughout, never clips, starts and ends at rest. */
static void check_levels(const struct sound *sound, const char *name, int sample_rate_hz)
{
    double level = level_db(sound->samples, sound->n), peak = true_peak_db(sound);
    if (!(level > -35 && level < -8)) fail_msg("%s: level is %.1f dBFS", name, level);
    if (!(peak < -1)) fail_msg("%s: true peak is %.2f dBFS", name, peak);
    for (int at = 0; at + sample_rate_hz <= sound->n; at += sample_rate_hz / 2) {
        double second = level_db(sound->samples + at, sample_rate_hz);
        if (!(second > -55)) fail_msg("%s: %.1f dBFS from sample %d on", name, second, at);
    }
    assert_true(fabs(sound->samples[0]) < 0.01 && fabs(sound->samples[sound->n - 1]) < 0.01);
    double mean = 0;
    for (int i = 0; i < sound->n; i++) mean += sound->samples[i] / sound->n;
    if (!(fabs(mean) < 0.01)) fail_msg("%s: the mean is %g", name, mean);
}

/* Every clip is there, sounds, and belongs to an ensemble that plays in one split only; the
 * plainest cues come out as they went in: anger is louder and brighter than sadness and tenderness.
 */
static void clips_are_music(void **state)
{
    (void)state;
    const char *folder = corpus("small", &SMALL);
    char *text = content_of(folder, "clips.csv");
    assert_string_equal(next_line(&text), "path,label,split,group");
    int counts[8][3] = {{0}}, n = 0;
    double loudness[8] = {0}, high[8] = {0};
    const char *groups[64];
    int group_split[64];
    for (char *line; (line = next_line(&text)) != NULL; n++) {
        char *fields[MAX_FIELDS];
        assert_int_equal(split_fields(line, ',', fields), 4);
        assert_true(n < 64);
        int mood = place_in(MOODS, fields[1]), split = split_number(fields[2]);
        counts[mood][split]++;
        groups[n] = fields[3];
        group_split[n] = split;
        for (int i = 0; i < n; i++)
            if (strcmp(groups[i], groups[n]) == 0) assert_int_equal(group_split[i], split);
        struct sound sound = decode(folder, fields[0], 16000);
        assert_int_equal(sound.n, 32000);
        check_levels(&sound, fields[0], 16000);
        loudness[mood] += level_db(sound.samples, sound.n) / SMALL.n_clips_per_mood;
        high[mood] += brightness(&sound) / SMALL.n_clips_per_mood;
        leit_free(sound.samples);
    }
    for (int mood = 0; mood < 7; mood++) {
        assert_int_equal(counts[mood][0], 3);
        assert_int_equal(counts[mood][1], 1);
        assert_int_equal(counts[mood][2], 1);
    }
    int angry = place_in(MOODS, "angry"), sad = place_in(MOODS, "sad");
    int tender = place_in(MOODS, "tender");
    assert_true(loudness[angry] > loudness[sad] + 4 && loudness[angry] > loudness[tender] + 4);
    assert_true(high[angry] > 2 * high[sad] && high[angry] > high[tender]);
}

static bool has_tag(const char *tags, const char *tag)
{
    const size_t length = strlen(tag);
    for (const char *at = tags;; at++) {
        if (strncmp(at, tag, length) == 0 && (at[length] == '|' || at[length] == '\0')) return true;
        at = strchr(at, '|');
        if (at == NULL) return false;
    }
}

/* Means over the clips with a tag of what is measured in their sound. */
struct heard {
    double loudness, high;
    int n;
};

static void hear(struct heard *heard, const char *tags, const char *tag, const struct sound *sound)
{
    if (!has_tag(tags, tag)) return;
    heard->loudness += level_db(sound->samples, sound->n);
    heard->high += brightness(sound);
    heard->n++;
}

/* clip_tags.csv has the clips of clips.csv in their order; nothing is both slow and fast; what is
 * called loud or bright measures so. */
static void clip_tags_are_heard(void **state)
{
    (void)state;
    static const char *const opposites[][2] = {
        {"major", "minor"},     {"slow", "fast"},    {"low", "high"},
        {"soft", "loud"},       {"dark", "bright"},  {"sparse", "busy"},
        {"staccato", "legato"}, {"smooth", "rough"}, {"swelling", "percussive"}};
    const char *folder = corpus("small", &SMALL);
    char *text = content_of(folder, "clip_tags.csv"), *moods = content_of(folder, "clips.csv");
    struct heard loud = {0}, soft = {0}, bright = {0}, dark = {0};
    assert_string_equal(next_line(&text), next_line(&moods));
    for (char *line; (line = next_line(&text)) != NULL;) {
        char *fields[MAX_FIELDS], *of_mood[MAX_FIELDS];
        assert_int_equal(split_fields(line, ',', fields), 4);
        assert_int_equal(split_fields(next_line(&moods), ',', of_mood), 4);
        for (int i = 0; i < 4; i++)
            if (i != 1) assert_string_equal(fields[i], of_mood[i]);
        for (size_t i = 0; i < sizeof opposites / sizeof *opposites; i++)
            assert_false(has_tag(fields[1], opposites[i][0]) &&
                         has_tag(fields[1], opposites[i][1]));
        assert_true(has_tag(fields[1], "major") || has_tag(fields[1], "minor"));
        struct sound sound = decode(folder, fields[0], 16000);
        hear(&loud, fields[1], "loud", &sound);
        hear(&soft, fields[1], "soft", &sound);
        hear(&bright, fields[1], "bright", &sound);
        hear(&dark, fields[1], "dark", &sound);
        leit_free(sound.samples);
    }
    assert_null(next_line(&moods));
    assert_true(loud.n > 3 && soft.n > 3 && bright.n > 3 && dark.n > 3);
    /* the ends of the cue lie 5 dB apart */
    assert_true(loud.loudness / loud.n > soft.loudness / soft.n + 4);
    assert_true(bright.high / bright.n > 2 * dark.high / dark.n);
}

static void library_has_neutral_titles(void **state)
{
    (void)state;
    const char *folder = corpus("small", &SMALL);
    char *text = content_of(folder, "library.csv");
    assert_string_equal(next_line(&text), "path,label,group");
    int n = 0;
    for (char *line; (line = next_line(&text)) != NULL; n++) {
        char *fields[MAX_FIELDS];
        assert_int_equal(split_fields(line, ',', fields), 3);
        place_in(MOODS, fields[1]);
        for (int i = 0; i < 7; i++) assert_null(strcasestr(fields[0], MOODS[i]));
        struct sound sound = decode(folder, fields[0], 16000);
        assert_in_range(sound.n, 48000, 72000);
        check_levels(&sound, fields[0], 16000);
        leit_free(sound.samples);
    }
    assert_int_equal(n, SMALL.n_library);
}

/* Pieces of every sampling rate are whole: no instrument writes behind its end. */
static void other_sampling_rates_work(void **state)
{
    (void)state;
    static const int RATES[] = {8000, 48000};
    for (size_t i = 0; i < sizeof RATES / sizeof *RATES; i++) {
        struct leit_etude_options options = SMALL;
        options.sample_rate_hz = RATES[i];
        options.clip_seconds = 1;
        options.n_library = 0;
        const char *folder = corpus(RATES[i] == 8000 ? "slow" : "fast", &options);
        struct sound sound = decode(folder, "clips/happy/happy-0002.flac", RATES[i]);
        assert_int_equal(sound.n, RATES[i]);
        check_levels(&sound, "happy-0002.flac", RATES[i]);
        leit_free(sound.samples);
    }
}

/* What fails inside a thread is reported with its path. */
static void unwritable_clip_is_named(void **state)
{
    (void)state;
    const char *folder = path_in(leit_test_directory(), "blocked");
    assert_ok(leit_file_make_directory(path_in(folder, "clips/funny/funny-0003.flac")));
    assert_fails(leit_etude_generate(folder, &SMALL), LEIT_DATA, "clips/funny/funny-0003.flac");
}

/* The example story is not in the training texts: none of its sentences is one of theirs. Its
 * scenes are separated by a line of three stars. */
static void example_story_is_unseen(void **state)
{
    (void)state;
    struct leit_etude_options many_texts = SMALL;
    many_texts.n_texts_per_label = 200;
    many_texts.clip_seconds = 1;
    many_texts.n_library = 0;
    const char *folder = corpus("many_texts", &many_texts);
    const char *texts[] = {content_of(folder, "texts_alm.tsv"),
                           content_of(folder, "texts_isear.tsv")};
    leit_buffer story = {0};
    assert_ok(leit_file_read(leit_test_source("docs/examples/story.txt"), LIMIT_BYTES, &story));
    int breaks = 0, sentences = 0;
    for (char *at = story.data; (at = strstr(at, "\n\n* * *\n\n")) != NULL; at += 9) breaks++;
    assert_int_equal(breaks, 5);
    for (char *at = story.data; *at != '\0'; at++)
        if (*at == '\n') *at = ' ';
    for (char *sentence = strtok(story.data, ".!?*\""); sentence != NULL;
         sentence = strtok(NULL, ".!?*\"")) {
        sentence += strspn(sentence, " ");
        if (strlen(sentence) < 12) continue;
        sentences++;
        for (int i = 0; i < 2; i++)
            if (strstr(texts[i], sentence) != NULL) fail_msg("in the corpus: %s", sentence);
    }
    assert_in_range(sentences, 30, 80);
    leit_buffer_clear(&story);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    const char *folder = path_in(leit_test_directory(), "refused");
    struct leit_etude_options options = SMALL;
    options.n_texts_per_label = 4;
    assert_fails(leit_etude_generate(folder, &options), LEIT_USAGE, "n_texts_per_label is 4");
    options = SMALL;
    options.clip_seconds = strtod("nan", NULL);
    assert_fails(leit_etude_generate(folder, &options), LEIT_USAGE, "clip_seconds");
    options = SMALL;
    options.sample_rate_hz = 0;
    assert_fails(leit_etude_generate(folder, &options), LEIT_USAGE, "sample_rate_hz is 0");
    assert_fails(leit_etude_generate("", &SMALL), LEIT_USAGE, "expected a path");
    assert_false(leit_file_exists(folder));
    assert_ok(leit_file_write(folder, "in the way", 10));
    assert_fails(leit_etude_generate(folder, &SMALL), LEIT_DATA, "expected a directory");
}

/* Two corpora must agree in every file and byte. */
static void assert_same_files(const char *left, const char *right)
{
    leit_file_list files = {0}, others = {0};
    assert_ok(leit_file_list_tree(left, &files));
    assert_ok(leit_file_list_tree(right, &others));
    assert_int_equal(files.count, others.count);
    assert_int_equal(files.count, 13 + 35 + 3);
    for (size_t i = 0; i < files.count; i++) {
        assert_string_equal(files.paths[i], others.paths[i]);
        leit_buffer a = {0}, b = {0};
        assert_ok(leit_file_read(path_in(left, files.paths[i]), LIMIT_BYTES, &a));
        assert_ok(leit_file_read(path_in(right, files.paths[i]), LIMIT_BYTES, &b));
        assert_int_equal(a.size_bytes, b.size_bytes);
        if (memcmp(a.data, b.data, a.size_bytes) != 0) fail_msg("%s differs", files.paths[i]);
        leit_buffer_clear(&a);
        leit_buffer_clear(&b);
    }
    leit_file_list_clear(&files);
    leit_file_list_clear(&others);
}

static void same_options_same_bytes(void **state)
{
    (void)state;
    struct leit_etude_options one_thread = SMALL, another_seed = SMALL;
    one_thread.n_workers = 1;
    another_seed.seed++;
    const char *folder = corpus("small", &SMALL);
    assert_same_files(folder, corpus("one_thread", &one_thread));
    const char *other = corpus("another_seed", &another_seed);
    assert_string_not_equal(content_of(folder, "texts_alm.tsv"),
                            content_of(other, "texts_alm.tsv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stories_are_complete_and_name_no_label),
        cmocka_unit_test(nearest_moods_are_sensible),
        cmocka_unit_test(vocabulary_covers_the_stories),
        cmocka_unit_test(example_story_is_unseen),
        cmocka_unit_test(clips_are_music),
        cmocka_unit_test(clip_tags_are_heard),
        cmocka_unit_test(library_has_neutral_titles),
        cmocka_unit_test(other_sampling_rates_work),
        cmocka_unit_test(unwritable_clip_is_named),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(same_options_same_bytes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    leit_arena_clear(&arena);
    return failed;
}

/* The match of a story: the ranking against plain loops in double for every rule, cue sheets
 * against index and towers, and every way a text or a model can be wrong. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "core/stop.h"
#include "leitmotif/log.h"
#include "search/cue_sheet.h"
#include "search/index_file.h"
#include "search/track_ranking.h"
#include "support/testing.h"
#include "support/tiny_matcher.h"
#include "text/wordpiece.h"

/* ---- the ranking ---- */

enum { N_ROWS = 10000, N_SCENES = 5, MAX_WIDTH = 64, MAX_K = 200 };

typedef struct judged {
    int32_t track;
    double score;
} judged;

static int by_score(const void *a, const void *b)
{
    const judged *left = a, *right = b;
    if (left->score != right->score) return left->score > right->score ? -1 : 1;
    return left->track < right->track ? -1 : left->track > right->track;
}

/* The definition: every score in double, all sorted, ties by the row. */
static void judge(const leit_track_ranking *ranking, int64_t scene, judged *all)
{
    const int64_t width = ranking->width;
    for (int32_t i = 0; i < ranking->n_tracks; i++) {
        const float *row = ranking->tracks + i * width, *query = ranking->scenes + scene * width;
        double score = 0;
        for (int64_t j = 0; j < width; j++) {
            const double x = row[j], q = query[j];
            score += ranking->rule == LEIT_RULE_COSINE ? q * x : -(q - x) * (q - x);
        }
        if (ranking->rule == LEIT_RULE_EUCLIDEAN) score = -sqrt(-score);
        if (leit_rule_has_moods(ranking->rule)) score = row[ranking->mood[scene]];
        all[i] = (judged){i, score};
    }
    qsort(all, (size_t)ranking->n_tracks, sizeof *all, by_score);
}

static void check_ranking(const leit_track_ranking *ranking)
{
    static judged all[N_ROWS];
    static leit_ranked_track ranked[N_SCENES * MAX_K], again[N_SCENES * MAX_K];
    int64_t counts[N_SCENES];
    leit_threads *threads = NULL;
    assert_ok(leit_threads_create(3, &threads));
    assert_ok(leit_track_ranking_run(ranking, NULL, ranked, counts));
    assert_ok(leit_track_ranking_run(ranking, threads, again, counts));
    leit_threads_free(threads);
    for (int64_t s = 0; s < ranking->n_scenes; s++) {
        const int64_t expected = ranking->k < ranking->n_tracks ? ranking->k : ranking->n_tracks;
        assert_int_equal(counts[s], expected);
        judge(ranking, s, all);
        for (int64_t i = 0; i < counts[s]; i++) {
            const leit_ranked_track *got = &ranked[s * ranking->k + i];
            const double score =
                ranking->rule == LEIT_RULE_EUCLIDEAN ? -all[i].score : all[i].score;
            assert_int_equal(got->track, all[i].track);
            assert_true(got->score == score);
            assert_int_equal(again[s * ranking->k + i].track, got->track);
        }
    }
}

/* Rows of length 1 where the rule is the cosine; with `step` > 0 elements are multiples of it, so
 * that many scores tie exactly. */
static void draw_rows(float *rows, int64_t n, int64_t width, bool normalised, float step,
                      uint32_t sample)
{
    leit_rng rng = leit_rng_start(5, LEIT_STREAM_BOOTSTRAP, 0, sample);
    for (int64_t i = 0; i < n; i++) {
        double squares = 0;
        for (int64_t j = 0; j < width; j++) {
            float *x = &rows[i * width + j];
            *x = leit_rng_normal(&rng);
            if (step > 0) *x = step * roundf(*x / step);
            squares += (double)*x * *x;
        }
        for (int64_t j = 0; normalised && squares > 0 && j < width; j++)
            rows[i * width + j] = (float)(rows[i * width + j] / sqrt(squares));
    }
}

static void ranks_exactly(void **state)
{
    (void)state;
    static float tracks[N_ROWS * MAX_WIDTH], scenes[N_SCENES * MAX_WIDTH];
    static const int32_t mood[N_SCENES] = {0, 1, 2, 1, 0};
    static const int64_t widths[] = {2, 7, 64}, ks[] = {1, 5, MAX_K};
    static const float steps[] = {0, 1};
    static const leit_match_rule rules[] = {LEIT_RULE_COSINE, LEIT_RULE_EUCLIDEAN,
                                            LEIT_RULE_MUSIC_MOOD, LEIT_RULE_SAME_MOOD};
    for (int r = 0; r < 4; r++)
        for (int w = 0; w < 3; w++)
            for (int k = 0; k < 3; k++) {
                const bool cosine = rules[r] == LEIT_RULE_COSINE;
                const int64_t width = w == 0 && r > 1 ? 3 : widths[w];
                draw_rows(tracks, N_ROWS, width, cosine, steps[k % 2], (uint32_t)(w + 1));
                draw_rows(scenes, N_SCENES, width, cosine, steps[k % 2], (uint32_t)(w + 100));
                for (int64_t i = 0; i < 40; i++) /* equal rows near and far */
                    memcpy(tracks + (N_ROWS - 1 - 97 * i) * width, tracks + 7 * width,
                           (size_t)width * sizeof *tracks);
                memcpy(scenes, tracks + 7 * width, (size_t)width * sizeof *scenes);
                const leit_track_ranking ranking = {rules[r], N_SCENES, N_ROWS, width,
                                                    scenes,   mood,     tracks, ks[k]};
                check_ranking(&ranking);
            }
}

/* Rows that differ by less than the kernel's rounding, more than it has spare candidates. */
static void ranks_what_single_precision_cannot_tell(void **state)
{
    (void)state;
    enum { WIDTH = 48, N = 3000 };
    static float tracks[N * WIDTH], scenes[WIDTH];
    leit_rng rng = leit_rng_start(6, LEIT_STREAM_BOOTSTRAP, 0, 0);
    draw_rows(scenes, 1, WIDTH, true, 0, 1);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < WIDTH; j++) {
            float x = scenes[j];
            for (uint32_t ulps = leit_rng_below(&rng, 3); ulps > 0; ulps--) x = nextafterf(x, 2);
            tracks[i * WIDTH + j] = x;
        }
    check_ranking(&(leit_track_ranking){LEIT_RULE_COSINE, 1, N, WIDTH, scenes, NULL, tracks, 50});
}

static void ranks_nothing(void **state)
{
    (void)state;
    const float tracks[6] = {-1, -2, -3, -3, -2, -1}, scenes[3] = {0, 0, 0};
    const int32_t mood[1] = {-1};
    leit_ranked_track ranked[4];
    int64_t count = 9;
    leit_track_ranking ranking = {LEIT_RULE_SAME_MOOD, 1, 2, 3, scenes, mood, tracks, 4};
    assert_ok(leit_track_ranking_run(&ranking, NULL, ranked, &count));
    assert_int_equal(count, 0);
    ranking.rule = LEIT_RULE_COSINE; /* length 0: all tie at 0 */
    assert_ok(leit_track_ranking_run(&ranking, NULL, ranked, &count));
    assert_int_equal(count, 2);
    assert_true(ranked[0].track == 0 && ranked[1].track == 1 && ranked[0].score == 0);
    ranking.n_tracks = 0;
    assert_ok(leit_track_ranking_run(&ranking, NULL, ranked, &count));
    assert_int_equal(count, 0);
}

/* ---- the cue sheet ---- */

static const char story[] =
    "Chapter One\n\nThe wolf sang in the dark forest and he wept alone, alone, alone in the dark. "
    "He ran fast! The wolf ran and ran in the dark forest, alone.\n\n"
    "The sun shone and the children danced. The sun shone and shone!\n\n"
    "***\n\nHe wept alone.\n";

static char *match_text(const char *index, const char *model, const char *text, size_t size_bytes,
                        leit_match_format format)
{
    const leit_match_options options = {.index = index,
                                        .model = model,
                                        .text = text,
                                        .size_bytes = size_bytes,
                                        .top = 3,
                                        .scenes = LEIT_SCENES_PARAGRAPHS,
                                        .max_tokens = 512,
                                        .format = format,
                                        .threads = 2};
    char *cues = NULL;
    assert_ok(leit_match(&options, &cues));
    return cues;
}

static const char *make_index(const char *strategy, const char **model)
{
    char name[64];
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "music/tone %02d \xC3\xA9.wav", i);
        assert_ok(leit_file_make_directory(leit_test_scratch("music")));
        leit_tiny_wav(leit_test_scratch(name), 5000 + 1500 * i, 120 + 150 * i, 0.2 + 0.06 * i);
    }
    snprintf(name, sizeof name, "%s.h5", strategy);
    *model = leit_tiny_matcher(strategy, strategy, 4);
    const char *output = leit_test_scratch(name);
    const leit_index_options options = {
        .folder = leit_test_scratch("music"), .model = *model, .output = output, .threads = 2};
    assert_ok(leit_index_build(&options, NULL));
    return output;
}

/* The answer to a short text, straight from the tower. */
static void answer_to(leit_loaded_matcher *loaded, const char *text, size_t size_bytes,
                      float *answer)
{
    leit_wordpiece *tokenizer = NULL;
    int32_t ids[64];
    int n = 0;
    assert_ok(
        leit_wordpiece_create(loaded->vocabulary, strlen(loaded->vocabulary), "tiny", &tokenizer));
    assert_ok(leit_wordpiece_encode(tokenizer, text, size_bytes, 64, ids, &n));
    assert_true(n <= 16);
    assert_ok(leit_tower_texts(&loaded->text, &(leit_tokens){ids, n}, 1, answer));
    leit_wordpiece_free(tokenizer);
}

static double plain_score(const leit_matcher *matcher, const leit_index *index, int64_t i,
                          const float *answer, int32_t mood)
{
    const int64_t width = index->space.width;
    const float *row = index->answers + i * width;
    double dot = 0, squares = 0, distance = 0;
    for (int64_t j = 0; j < width; j++) {
        dot += (double)row[j] * answer[j];
        squares += (double)answer[j] * answer[j];
        distance += ((double)row[j] - answer[j]) * ((double)row[j] - answer[j]);
    }
    if (matcher->strategy->rule == LEIT_RULE_COSINE) return dot / sqrt(squares);
    if (matcher->strategy->rule == LEIT_RULE_EUCLIDEAN) return sqrt(distance);
    return row[mood];
}

static int64_t row_of(const leit_index *index, const char *path)
{
    for (int64_t i = 0; i < index->n_tracks; i++)
        if (strcmp(index->paths[i], path) == 0) return i;
    fail_msg("%s is not in the index", path);
    return -1;
}

/* The tracks of one scene are the best by plain loops, in order. */
static void check_scene(json_t *scene, leit_loaded_matcher *loaded, const leit_index *index)
{
    float answer[16];
    const size_t start = (size_t)json_integer_value(json_object_get(scene, "start_byte"));
    const size_t end = (size_t)json_integer_value(json_object_get(scene, "end_byte"));
    answer_to(loaded, story + start, end - start, answer);
    const leit_match_rule rule = loaded->matcher->strategy->rule;
    int32_t mood = -1;
    if (leit_rule_has_moods(rule)) mood = leit_matcher_music_class(loaded->matcher, answer);
    json_t *tracks = json_object_get(scene, "tracks");
    if (leit_rule_has_moods(rule) && mood < 0) {
        assert_int_equal(json_array_size(tracks), 0);
        assert_non_null(strstr(json_string_value(json_object_get(scene, "note")), "has no mood"));
        return;
    }
    assert_int_equal(json_array_size(tracks), 3);
    const double sign = rule == LEIT_RULE_EUCLIDEAN ? -1 : 1;
    int n_better = 0;
    double last = 0;
    for (size_t t = 0; t < 3; t++) {
        json_t *track = json_array_get(tracks, t);
        const int64_t row = row_of(index, json_string_value(json_object_get(track, "path")));
        last = plain_score(loaded->matcher, index, row, answer, mood);
        /* Nine digits are printed; the query is rounded to f32 once when it is normalised. */
        assert_true(fabs(json_real_value(json_object_get(track, "score")) - last) <= 1e-6);
    }
    for (int64_t i = 0; i < index->n_tracks; i++)
        n_better +=
            sign * plain_score(loaded->matcher, index, i, answer, mood) > sign * last + 1e-6;
    assert_true(n_better <= 2);
}

static void answers_by_every_rule(void **state)
{
    (void)state;
    static const char *const strategies[] = {"classification", "multihead", "va_regression",
                                             "w2v_regression", "metric2",   "metric3"};
    for (size_t s = 0; s < sizeof strategies / sizeof *strategies; s++) {
        const char *model, *path = make_index(strategies[s], &model);
        leit_loaded_matcher loaded;
        leit_index *index = NULL;
        assert_ok(leit_matcher_open(model, leit_backend_cpu(), NULL, NULL, 0, &loaded));
        assert_ok(leit_index_open(path, &index));
        char *cues = match_text(path, NULL, story, sizeof story - 1, LEIT_MATCH_JSON);
        json_t *root = json_loads(cues, 0, NULL);
        assert_non_null(root);
        json_t *scenes = json_object_get(root, "scenes");
        assert_int_equal(json_array_size(scenes), 3);
        json_t *first = json_array_get(scenes, 0), *emotion = json_object_get(first, "emotion");
        assert_string_equal(json_string_value(json_object_get(first, "heading")), "Chapter One");
        static const char *const measures[] = {"probability", "probability", "distance",
                                               "similarity",  "similarity",  "similarity"};
        assert_non_null(json_string_value(json_object_get(emotion, "mood")));
        assert_true(json_is_real(json_object_get(emotion, measures[s])));
        assert_int_equal(json_object_get(emotion, "valence") != NULL, s == 2);
        for (size_t i = 1; i < 3; i++) check_scene(json_array_get(scenes, i), &loaded, index);
        json_decref(root);
        leit_match_text_free(cues);
        leit_index_close(index);
        leit_matcher_close(&loaded);
    }
}

/* The first scene has more tokens than the model takes: its answer is the mean over its windows,
 * which are its sentences (the first cut at 16 tokens). */
static void averages_the_windows_of_long_scenes(void **state)
{
    (void)state;
    static const char text[] =
        "The wolf ran in the dark forest and he wept. The sun shone and the children danced!";
    static const char *const windows[] = {"The wolf ran in the dark forest and he wept.",
                                          "The sun shone and the children danced!"};
    const char *model, *path = make_index("va_regression", &model);
    leit_loaded_matcher loaded;
    assert_ok(leit_matcher_open(model, leit_backend_cpu(), NULL, NULL, 0, &loaded));
    float first[2], second[2];
    answer_to(&loaded, windows[0], strlen(windows[0]), first);
    answer_to(&loaded, windows[1], strlen(windows[1]), second);
    char *cues = match_text(path, model, text, sizeof text - 1, LEIT_MATCH_JSON);
    json_t *root = json_loads(cues, 0, NULL);
    json_t *scene = json_array_get(json_object_get(root, "scenes"), 0);
    json_t *emotion = json_object_get(scene, "emotion");
    assert_true(fabs(json_real_value(json_object_get(emotion, "valence")) -
                     0.5 * ((double)first[0] + second[0])) <= 1e-6);
    assert_true(fabs(json_real_value(json_object_get(emotion, "arousal")) -
                     0.5 * ((double)first[1] + second[1])) <= 1e-6);
    json_decref(root);
    leit_match_text_free(cues);
    leit_matcher_close(&loaded);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part)) count++;
    return count;
}

static void speaks_three_forms(void **state)
{
    (void)state;
    const char *model, *path = make_index("multihead", &model);
    char *table = match_text(path, model, story, sizeof story - 1, LEIT_MATCH_TABLE);
    char *again = match_text(path, NULL, story, sizeof story - 1, LEIT_MATCH_TABLE);
    assert_string_equal(table, again);
    assert_non_null(strstr(table, "Scene 1 of 3, Chapter One\n  \"The wolf sang in the dark"));
    assert_non_null(strstr(table, "\xE2\x80\xA6\"\n")); /* the first words are cut */
    assert_int_equal(count_of(table, "with probability"), 9);
    assert_int_equal(count_of(table, " \xC3\xA9.wav"), 9);
    char *m3u = match_text(path, model, story, sizeof story - 1, LEIT_MATCH_M3U);
    assert_int_equal(strncmp(m3u, "#EXTM3U\n", 8), 0);
    assert_int_equal(count_of(m3u, "#EXTINF:"), 9);
    assert_int_equal(count_of(m3u, "\ntone "), 9);
    assert_ok(leit_match_save(m3u, leit_test_scratch("cues.m3u")));
    assert_fails(leit_match_save(m3u, leit_test_scratch("none/cues.m3u")), LEIT_DATA, "cues.m3u");
    leit_match_text_free(table);
    leit_match_text_free(again);
    leit_match_text_free(m3u);
}

static void cuts_lines_between_characters(void **state)
{
    (void)state;
    leit_arena arena = {0};
    static const struct {
        const char *text;
        size_t size_bytes;
        int width;
        const char *line;
    } cases[] = {
        {"abc", 3, 3, "abc"},
        {"abcd", 4, 3, "ab\xE2\x80\xA6"},
        {"  a \n\t b  ", 10, 9, "a b"},
        {"\xC3\xA9\xC3\xA9\xC3\xA9", 6, 2, "\xC3\xA9\xE2\x80\xA6"},
        {"a\0b", 3, 5, "a b"},
        {"a\xFF\xFE", 3, 5, "a\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"ab cd", 5, 3, "ab\xE2\x80\xA6"},
        {"ab cd", 5, 4, "ab\xE2\x80\xA6"},
        {"", 0, 4, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(
            leit_cue_sheet_line(&arena, cases[i].text, cases[i].size_bytes, cases[i].width),
            cases[i].line);
    leit_arena_clear(&arena);
}

/* ---- what can be wrong ---- */

static leit_status try_match(const char *index, const char *model, const char *text,
                             size_t size_bytes)
{
    const leit_match_options options = {
        .index = index, .model = model, .text = text, .size_bytes = size_bytes};
    char *cues = NULL;
    const leit_status status = leit_match(&options, &cues);
    assert_int_equal(cues == NULL, status != LEIT_OK);
    leit_match_text_free(cues);
    return status;
}

/* The index's model, saved again with another size or tokens added to its vocabulary. */
static void refuse_saved(const char *index, const char *name, int64_t vocabulary_size,
                         const char *added, const char *fragment)
{
    leit_loaded_matcher loaded;
    leit_buffer vocabulary = {0};
    leit_checkpoint_writer *writer = NULL;
    assert_ok(leit_matcher_open(leit_tiny_matcher("base", "metric2", 4), leit_backend_cpu(), NULL,
                                NULL, 0, &loaded));
    assert_ok(leit_buffer_printf(&vocabulary, "%s%s", loaded.vocabulary, added));
    loaded.matcher->names.vocabulary_size = vocabulary_size;
    assert_ok(leit_checkpoint_create(leit_test_directory(), name, &writer));
    assert_ok(leit_matcher_save(loaded.matcher, leit_buffer_text(&vocabulary), writer));
    assert_ok(leit_checkpoint_commit(writer, false));
    leit_matcher_close(&loaded);
    leit_buffer_clear(&vocabulary);
    assert_fails(try_match(index, leit_test_scratch(name), "the sun", 7), LEIT_CHECKPOINT,
                 fragment);
}

static void refuses_other_models(void **state)
{
    (void)state;
    const char *model, *path = make_index("metric2", &model), text[] = "He wept alone.";
    assert_ok(try_match(path, model, text, strlen(text)));
    assert_fails(try_match(path, leit_tiny_matcher("a", "metric2", 9), text, strlen(text)),
                 LEIT_CHECKPOINT, "fingerprint");
    assert_fails(try_match(path, leit_tiny_matcher("b", "va_regression", 4), text, strlen(text)),
                 LEIT_CHECKPOINT, "strategy metric2, the model");
    assert_fails(try_match(path, leit_tiny_matcher("c", "tagging", 4), text, strlen(text)),
                 LEIT_USAGE, "tagging");
    assert_fails(try_match(path, leit_test_scratch("none"), text, strlen(text)), LEIT_CHECKPOINT,
                 "none");
    assert_fails(try_match(leit_test_scratch("none.h5"), NULL, text, strlen(text)), LEIT_CHECKPOINT,
                 "index again");
    assert_ok(leit_file_remove(model));
    assert_fails(try_match(path, NULL, text, strlen(text)), LEIT_CHECKPOINT, "--model");
    /* A vocabulary that says more tokens than there are embeddings, and sizes that cannot be. */
    refuse_saved(path, "more", 27, "more\n", "vocabulary has 28 tokens, its text encoder knows 27");
    refuse_saved(path, "less", -5, "", "a vocabulary of -5 tokens and word vectors 5 wide cannot");
    refuse_saved(path, "other", 26, "", "word_embeddings");
}

static int n_warnings;
static void count_warnings(void *context, leit_log_level level, const char *message)
{
    (void)context;
    if (level == LEIT_LOG_WARNING && strstr(message, "UTF-8") != NULL) n_warnings++;
}

static void takes_any_text_but_none(void **state)
{
    (void)state;
    const char *model, *path = make_index("metric2", &model);
    assert_fails(try_match(path, model, "", 0), LEIT_DATA, "empty or blank");
    assert_fails(try_match(path, model, " \n\t \n", 5), LEIT_DATA, "empty or blank");
    assert_fails(try_match(path, model, "***\n", 4), LEIT_DATA, "");
    assert_fails(try_match(path, model, "x", LEIT_MATCH_MAX_BYTES + 1), LEIT_DATA, "in parts");
    leit_log_set_sink(count_warnings, NULL);
    n_warnings = 0;
    assert_ok(try_match(path, model, "The wolf \xFF\xFE\x80 sang\0 alone.", 22));
    assert_int_equal(n_warnings, 1);
    assert_ok(try_match(path, model, "\xFF", 1));
    assert_ok(try_match(path, model, "\0", 1));
    assert_int_equal(n_warnings, 2);
    leit_log_set_sink(NULL, NULL);

    enum { LONG_BYTES = 10 << 20 };
    char *text = leit_allocate(LONG_BYTES, 1);
    assert_non_null(text);
    memset(text, 'x', LONG_BYTES);
    for (size_t i = 0; i < LONG_BYTES; i += 120) text[i] = ' '; /* words that are too long: [UNK] */
    assert_ok(try_match(path, model, text, LONG_BYTES));
    leit_stop_set(true);
    assert_fails(try_match(path, model, text, LONG_BYTES), LEIT_AGAIN, "asked to stop");
    leit_stop_set(false);
    leit_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_exactly),
        cmocka_unit_test(ranks_what_single_precision_cannot_tell),
        cmocka_unit_test(ranks_nothing),
        cmocka_unit_test(answers_by_every_rule),
        cmocka_unit_test(averages_the_windows_of_long_scenes),
        cmocka_unit_test(speaks_three_forms),
        cmocka_unit_test(cuts_lines_between_characters),
        cmocka_unit_test(refuses_other_models),
        cmocka_unit_test(takes_any_text_but_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

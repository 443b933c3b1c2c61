/* The index of a music library: what is taken and skipped, what is kept the second time, and every
 * way the file or the folder can be wrong. */
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/decode.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/stop.h"
#include "leitmotif/log.h"
#include "search/index_build.h"
#include "search/index_file.h"
#include "support/testing.h"
#include "support/tiny_matcher.h"

/* A fresh folder of n tones of different lengths: t00.wav, sub/t01.WAV, t02.wav, ... */
static const char *make_library(const char *name, int n)
{
    char path[256];
    const char *folder = leit_test_scratch(name);
    assert_ok(leit_file_remove(folder));
    snprintf(path, sizeof path, "%s/sub", name);
    assert_ok(leit_file_make_directory(leit_test_scratch(path)));
    for (int i = 0; i < n; i++) {
        if (i % 2 == 0)
            snprintf(path, sizeof path, "%s/t%02d.wav", name, i);
        else
            snprintf(path, sizeof path, "%s/sub/t%02d.WAV", name, i);
        leit_tiny_wav(leit_test_scratch(path), 6000 + 900 * i, 200 + 37 * i, 0.5);
    }
    return folder;
}

static leit_status build(const char *folder, const char *model, const char *output,
                         leit_index_summary *summary)
{
    const leit_index_options options = {
        .folder = folder, .model = model, .output = output, .threads = 2};
    return leit_index_build(&options, summary);
}

static void build_expecting(const char *folder, const char *model, const char *output,
                            int64_t n_new, int64_t n_kept, int64_t n_removed, int64_t n_skipped)
{
    leit_index_summary summary;
    assert_ok(build(folder, model, output, &summary));
    assert_int_equal(summary.n_new, n_new);
    assert_int_equal(summary.n_kept, n_kept);
    assert_int_equal(summary.n_removed, n_removed);
    assert_int_equal(summary.n_skipped, n_skipped);
    assert_int_equal(summary.n_tracks, n_new + n_kept);
    assert_int_equal(summary.n_pending, 0);
    leit_index_summary_clear(&summary);
}

static void assert_same_file(const char *a, const char *b)
{
    leit_buffer left = {0}, right = {0};
    assert_ok(leit_file_read(a, 64 << 20, &left));
    assert_ok(leit_file_read(b, 64 << 20, &right));
    assert_int_equal(left.size_bytes, right.size_bytes);
    assert_memory_equal(left.data, right.data, left.size_bytes);
    leit_buffer_clear(&left);
    leit_buffer_clear(&right);
}

/* ---- what is in it ---- */

static void check_row(const leit_index *index, leit_match_rule rule, int64_t row,
                      const float *answer)
{
    const int64_t width = index->space.width;
    double squares = 0, sum = 0;
    for (int64_t j = 0; j < width; j++) {
        squares += (double)answer[j] * answer[j];
        sum += exp((double)answer[j]);
    }
    for (int64_t j = 0; j < width; j++) {
        double expected = answer[j];
        if (rule == LEIT_RULE_COSINE) expected /= sqrt(squares);
        if (leit_rule_has_moods(rule)) expected -= log(sum);
        /* One rounding to f32 of values of at most 16. */
        assert_true(fabs(index->answers[row * width + j] - expected) <= 1e-6);
    }
}

/* Every answer is what the music tower says about the file alone, made ready for its rule. */
static void check_answers(const char *folder, const char *model, const leit_index *index)
{
    leit_loaded_matcher loaded;
    assert_ok(leit_matcher_open_towers(model, leit_backend_cpu(), NULL, LEIT_TOWER_MUSIC, &loaded));
    assert_int_equal(index->space.width, loaded.music.width);
    for (int64_t i = 0; i < index->n_tracks; i++) {
        char path[2048];
        snprintf(path, sizeof path, "%s/%s", folder, index->paths[i]);
        leit_audio audio;
        static int16_t pcm[40000];
        float answer[16];
        assert_ok(leit_audio_decode(path, 16000, 60, &audio));
        assert_true(audio.n_samples <= 40000);
        leit_audio_to_int16(audio.samples, audio.n_samples, pcm);
        assert_ok(leit_tower_clips(&loaded.music, &(leit_clip){pcm, audio.n_samples}, 1, answer));
        assert_true(fabs(index->duration_s[i] - (double)audio.n_samples / 16000) <= 1e-12);
        check_row(index, loaded.matcher->strategy->rule, i, answer);
        leit_audio_clear(&audio);
    }
    leit_matcher_close(&loaded);
}

static void holds_what_the_tower_says(void **state)
{
    (void)state;
    static const char *const strategies[] = {"classification", "multihead", "va_regression",
                                             "w2v_regression", "metric2"};
    const char *folder = make_library("songs", 5), *output = leit_test_scratch("songs.h5");
    for (size_t s = 0; s < sizeof strategies / sizeof *strategies; s++) {
        const char *model = leit_tiny_matcher(strategies[s], strategies[s], 3);
        assert_ok(leit_file_remove(output));
        build_expecting(folder, model, output, 5, 0, 0, 0);
        leit_index *index = NULL;
        assert_ok(leit_index_open(output, &index));
        assert_int_equal(leit_index_count(index), 5);
        assert_string_equal(index->paths[0], "sub/t01.WAV");
        assert_string_equal(index->paths[2], "t00.wav");
        assert_string_equal(index->space.strategy, strategies[s]);
        leit_index_track track;
        assert_ok(leit_index_track_at(index, 4, &track));
        assert_true(track.loudness_lkfs < -5 && track.loudness_lkfs > -25);
        assert_int_equal(track.mood != NULL, s < 2);
        assert_fails(leit_index_track_at(index, 5, &track), LEIT_USAGE, "track 5 of 5");
        check_answers(folder, model, index);
        leit_index_close(index);
    }
}

static const char *reason_of(const leit_index_summary *summary, const char *path)
{
    for (int64_t i = 0; i < summary->n_skipped; i++)
        if (strcmp(summary->skipped[i].path, path) == 0) return summary->skipped[i].reason;
    fail_msg("%s was not skipped", path);
    return NULL;
}

static void make_bad_files(void)
{
    static float samples[8000];
    for (int i = 0; i < 8000; i++) samples[i] = 0.3f * sinf(0.1f * (float)i);
    samples[4000] = NAN;
    leit_tiny_float_wav(leit_test_scratch("bad/nan.wav"), samples, 8000);
    leit_tiny_wav(leit_test_scratch("bad/short.wav"), 300, 440, 0.5);
    leit_tiny_wav(leit_test_scratch("bad/silent.wav"), 8000, 440, 0);
    assert_ok(leit_file_write(leit_test_scratch("bad/empty.mp3"), "", 0));
    assert_ok(leit_file_write(leit_test_scratch("bad/garbage.flac"),
                              "no music at all in here, really", 31));
    leit_buffer whole = {0};
    assert_ok(leit_file_read(leit_test_scratch("bad/t00.wav"), 1 << 20, &whole));
    assert_ok(leit_file_write(leit_test_scratch("bad/cut.wav"), whole.data, whole.size_bytes / 2));
    leit_buffer_clear(&whole);
    assert_ok(leit_file_write(leit_test_scratch("bad/notes.txt"), "x", 1));
    assert_ok(leit_file_make_directory(leit_test_scratch("bad/folder.wav")));
    assert_int_equal(symlink("nowhere.wav", leit_test_scratch("bad/link.wav")), 0);
    leit_tiny_wav(leit_test_scratch("bad/latin\xE9.wav"), 8000, 440, 0.5);
    leit_tiny_wav(leit_test_scratch("bad/two\nlines.wav"), 8000, 440, 0.5);
}

static void skips_bad_files_with_reasons(void **state)
{
    (void)state;
    const char *folder = make_library("bad", 2), *model = leit_tiny_matcher("m", "metric2", 1);
    make_bad_files();
    leit_index_summary summary;
    assert_ok(build(folder, model, leit_test_scratch("bad.h5"), &summary));
    assert_int_equal(summary.n_tracks, 2);
    assert_int_equal(summary.n_skipped, 9);
    assert_non_null(strstr(reason_of(&summary, "nan.wav"), "nan.wav"));
    assert_non_null(strstr(reason_of(&summary, "short.wav"), "300"));
    assert_non_null(strstr(reason_of(&summary, "silent.wav"), "silent"));
    assert_non_null(reason_of(&summary, "empty.mp3"));
    assert_non_null(reason_of(&summary, "garbage.flac"));
    assert_non_null(reason_of(&summary, "cut.wav"));
    assert_non_null(strstr(reason_of(&summary, "link.wav"), "No such file"));
    assert_non_null(strstr(reason_of(&summary, "latin\xEF\xBF\xBD.wav"), "UTF-8"));
    assert_non_null(strstr(reason_of(&summary, "two\nlines.wav"), "line break"));
    leit_index_summary_clear(&summary);
    leit_index *index = NULL;
    assert_ok(leit_index_open(leit_test_scratch("bad.h5"), &index));
    assert_int_equal(index->n_skipped, 9);
    leit_index_close(index);

    /* A track that has become unusable is removed; one that can be used again is new. */
    leit_tiny_wav(leit_test_scratch("bad/t00.wav"), 300, 440, 0.5);
    leit_tiny_wav(leit_test_scratch("bad/short.wav"), 9000, 440, 0.5);
    build_expecting(folder, model, leit_test_scratch("bad.h5"), 1, 1, 1, 9);
}

/* ---- the second time ---- */

static void set_mtime(const char *path, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void keeps_what_has_not_changed(void **state)
{
    (void)state;
    const char *folder = make_library("kept", 6), *model = leit_tiny_matcher("m", "metric2", 1);
    const char *output = leit_test_scratch("kept.h5"), *fresh = leit_test_scratch("fresh.h5");
    build_expecting(folder, model, output, 6, 0, 0, 0);
    assert_ok(leit_file_write(fresh, "", 0)); /* damaged: made again */
    build_expecting(folder, model, fresh, 6, 0, 0, 0);
    assert_same_file(output, fresh);
    build_expecting(folder, model, output, 0, 6, 0, 0);
    assert_same_file(output, fresh);

    set_mtime(leit_test_scratch("kept/t00.wav"), 1000000); /* touched */
    build_expecting(folder, model, output, 0, 6, 0, 0);
    leit_tiny_wav(leit_test_scratch("kept/t02.wav"), 6000 + 900 * 2, 555,
                  0.5); /* modified, same size */
    set_mtime(leit_test_scratch("kept/t02.wav"), 1000000);
    assert_ok(leit_file_remove(leit_test_scratch("kept/t04.wav")));
    leit_tiny_wav(leit_test_scratch("kept/sub/new.wav"), 7000, 300, 0.5);
    build_expecting(folder, model, output, 2, 4, 1, 0);
    assert_ok(leit_file_remove(fresh));
    build_expecting(folder, model, fresh, 6, 0, 0, 0);
    assert_same_file(output, fresh);

    /* In another folder a size and a time say nothing, the content does. */
    assert_int_equal(rename(folder, leit_test_scratch("moved")), 0);
    leit_tiny_wav(leit_test_scratch("moved/t00.wav"), 6000, 999, 0.5);
    set_mtime(leit_test_scratch("moved/t00.wav"), 1000000);
    build_expecting(leit_test_scratch("moved"), model, output, 1, 5, 0, 0);

    /* Another model of the same kind: nothing can be kept. */
    build_expecting(leit_test_scratch("moved"), leit_tiny_matcher("other", "metric2", 2), output, 6,
                    0, 0, 0);
}

/* A file that cannot be read at this moment costs nothing; /proc/self/mem is one that never can. */
static void keeps_what_cannot_be_read_now(void **state)
{
    (void)state;
    const char *folder = make_library("faulty", 4), *model = leit_tiny_matcher("m", "metric2", 1);
    const char *output = leit_test_scratch("faulty.h5"), *fresh = leit_test_scratch("whole.h5");
    const char *track = leit_test_scratch("faulty/t02.wav");
    const char *away = leit_test_scratch("away.wav");
    build_expecting(folder, model, fresh, 4, 0, 0, 0);
    build_expecting(folder, model, output, 4, 0, 0, 0);
    assert_int_equal(rename(track, away), 0);
    assert_int_equal(symlink("/proc/self/mem", track), 0);
    build_expecting(folder, model, output, 0, 4, 0, 0);
    build_expecting(folder, model, leit_test_scratch("without.h5"), 3, 0, 0, 1);
    assert_int_equal(rename(away, track), 0);
    build_expecting(folder, model, output, 0, 4, 0, 0);
    assert_same_file(output, fresh);
}

static void stop_at_progress(void *context, leit_log_level level, const char *message)
{
    (void)context;
    (void)message;
    if (level == LEIT_LOG_PROGRESS) leit_stop_set(true);
}

static void stops_and_goes_on(void **state)
{
    (void)state;
    const char *folder = make_library("long", 20), *model = leit_tiny_matcher("m", "metric2", 1);
    const char *output = leit_test_scratch("long.h5"), *fresh = leit_test_scratch("long_fresh.h5");
    leit_index_summary summary;
    leit_log_set_sink(stop_at_progress, NULL);
    assert_fails(build(folder, model, output, &summary), LEIT_AGAIN, "run the same command again");
    leit_log_set_sink(NULL, NULL);
    assert_int_equal(summary.n_new, 16);
    assert_int_equal(summary.n_pending, 4);
    leit_index_summary_clear(&summary);
    leit_index *index = NULL;
    assert_ok(leit_index_open(output, &index));
    assert_int_equal(index->n_pending, 4);
    leit_index_close(index);
    leit_stop_set(false);
    build_expecting(folder, model, output, 4, 16, 0, 0);
    build_expecting(folder, model, fresh, 20, 0, 0, 0);
    assert_same_file(output, fresh);
}

/* Every file of a complete library is to be looked at again, and the run is stopped on the way: no
 * answer is lost, and what was not reached is looked at the next time. A folder that was moved keeps
 * the times of its files, so one altered under its old size and time is found by its content. */
static void loses_nothing_when_stopped(void **state)
{
    (void)state;
    const char *folder = make_library("back", 20), *model = leit_tiny_matcher("m", "metric2", 1);
    const char *output = leit_test_scratch("back.h5"), *fresh = leit_test_scratch("back_fresh.h5");
    const char *moved = leit_test_scratch("back_moved");
    const char *altered = leit_test_scratch("back_moved/t18.wav");
    build_expecting(folder, model, output, 20, 0, 0, 0);
    leit_index *before = NULL, *index = NULL;
    assert_ok(leit_index_open(output, &before));

    assert_ok(leit_file_remove(moved));
    assert_int_equal(rename(folder, moved), 0);
    struct stat about;
    assert_int_equal(stat(altered, &about), 0);
    leit_tiny_wav(altered, 6000 + 900 * 18, 999, 0.5);
    const struct timespec times[2] = {about.st_atim, about.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, altered, times, 0), 0);

    leit_index_summary summary;
    leit_log_set_sink(stop_at_progress, NULL);
    assert_fails(build(moved, model, output, &summary), LEIT_AGAIN, "holds 20 tracks");
    leit_log_set_sink(NULL, NULL);
    leit_stop_set(false);
    assert_int_equal(summary.n_kept, 16);
    assert_int_equal(summary.n_removed, 0);
    assert_int_equal(summary.n_pending, 4);
    leit_index_summary_clear(&summary);
    assert_ok(leit_index_open(output, &index));
    assert_int_equal(index->n_tracks, 20);
    assert_int_equal(index->n_pending, 4);
    const size_t answers_bytes = 20 * (size_t)index->space.width * sizeof(float);
    assert_memory_equal(index->answers, before->answers, answers_bytes);
    assert_memory_equal(index->xxh3, before->xxh3, 20 * sizeof(int64_t));
    assert_memory_equal(index->size_bytes, before->size_bytes, 20 * sizeof(int64_t));
    for (int i = 0; i < 20; i++)
        assert_true(i < 16 ? index->mtime_ns[i] == before->mtime_ns[i] : index->mtime_ns[i] == -1);
    leit_index_close(before);
    leit_index_close(index);

    build_expecting(moved, model, output, 1, 19, 0, 0);
    assert_ok(leit_file_remove(fresh));
    build_expecting(moved, model, fresh, 20, 0, 0, 0);
    assert_same_file(output, fresh);
}

/* ---- what can be wrong ---- */

static void refuses_wrong_places(void **state)
{
    (void)state;
    const char *folder = make_library("places", 1), *model = leit_tiny_matcher("m", "metric2", 1);
    const char *output = leit_test_scratch("places.h5");
    assert_fails(build(leit_test_scratch("none"), model, output, NULL), LEIT_DATA, "none");
    assert_fails(build(leit_test_scratch("places/t00.wav"), model, output, NULL), LEIT_DATA,
                 "t00.wav");
    assert_fails(build(folder, leit_test_scratch("no_model"), output, NULL), LEIT_CHECKPOINT,
                 "no_model");
    assert_fails(build(folder, leit_tiny_matcher("tags", "tagging", 1), output, NULL), LEIT_USAGE,
                 "tagging");
    assert_fails(build(folder, model, folder, NULL), LEIT_DATA, "is a directory");
    assert_fails(build(folder, model, leit_test_scratch("places/t00.wav"), NULL), LEIT_USAGE,
                 "not overwritten");
    assert_fails(build(folder, model, leit_test_scratch("no/such/folder/x.h5"), NULL), LEIT_DATA,
                 "x.h5");
    leit_container_writer *writer = NULL;
    assert_ok(
        leit_container_create(leit_test_scratch("corpus.h5"), "leitmotif-corpus", 1, &writer));
    assert_ok(leit_container_commit(writer));
    assert_fails(build(folder, model, leit_test_scratch("corpus.h5"), NULL), LEIT_USAGE,
                 "leitmotif-corpus");
    assert_false(leit_file_exists(output));
    assert_ok(leit_file_make_directory(leit_test_scratch("nothing")));
    build_expecting(leit_test_scratch("nothing"), model, output, 0, 0, 0, 0);
    leit_index *index = NULL;
    assert_ok(leit_index_open(output, &index));
    assert_int_equal(leit_index_count(index), 0);
    leit_index_close(index);
}

static void check_flipped(const char *broken, const leit_index *good, int *n_refused)
{
    leit_index *index = NULL;
    if (leit_index_open(broken, &index) != LEIT_OK) {
        assert_fails(leit_index_open(broken, &index), LEIT_CHECKPOINT, "index again");
        ++*n_refused;
        return;
    }
    /* The bit lies where nothing is read. */
    assert_int_equal(index->n_tracks, good->n_tracks);
    assert_memory_equal(index->answers, good->answers, 3 * 6 * sizeof(float));
    assert_memory_equal(index->xxh3, good->xxh3, 3 * sizeof(int64_t));
    assert_string_equal(index->paths[2], good->paths[2]);
    assert_true(index->space.fingerprint == good->space.fingerprint);
    leit_index_close(index);
}

static void refuses_damaged_indexes(void **state)
{
    (void)state;
    const char *folder = make_library("damage", 3), *model = leit_tiny_matcher("m", "metric2", 1);
    const char *output = leit_test_scratch("damage.h5"), *broken = leit_test_scratch("broken.h5");
    leit_index *index = NULL, *good = NULL;
    build_expecting(folder, model, output, 3, 0, 0, 0);
    assert_fails(leit_index_open(leit_test_scratch("none.h5"), &index), LEIT_CHECKPOINT,
                 "index again");
    assert_fails(leit_index_open(folder, &index), LEIT_CHECKPOINT, "directory");

    leit_buffer content = {0};
    assert_ok(leit_file_read(output, 1 << 20, &content));
    assert_ok(leit_index_open(output, &good));
    for (size_t size = 0; size < content.size_bytes; size += 997) {
        assert_ok(leit_file_write(broken, content.data, size));
        assert_fails(leit_index_open(broken, &index), LEIT_CHECKPOINT, "index again");
    }
    int n_refused = 0;
    for (size_t at = 0; at < content.size_bytes; at += 61) {
        content.data[at] ^= 0x10;
        assert_ok(leit_file_write(broken, content.data, content.size_bytes));
        content.data[at] ^= 0x10;
        check_flipped(broken, good, &n_refused);
    }
    assert_true(n_refused > 10);
    leit_index_close(good);
    leit_buffer_clear(&content);

    leit_container_writer *writer = NULL;
    assert_ok(leit_container_create(broken, LEIT_INDEX_FORMAT, LEIT_INDEX_VERSION + 1, &writer));
    assert_ok(leit_container_commit(writer));
    assert_fails(leit_index_open(broken, &index), LEIT_CHECKPOINT, "version 2");
    build_expecting(folder, model, broken, 3, 0, 0, 0);
    assert_same_file(broken, output);
}

/* A limit on the size of files stands for a full disk. */
static void survives_a_full_disk(void **state)
{
    (void)state;
    const char *folder = make_library("full", 3), *model = leit_tiny_matcher("m", "metric2", 1);
    const char *output = leit_test_scratch("full.h5"),
               *before = leit_test_scratch("full_before.h5");
    build_expecting(folder, model, output, 3, 0, 0, 0);
    build_expecting(folder, model, before, 3, 0, 0, 0);
    leit_tiny_wav(leit_test_scratch("full/more.wav"), 7000, 300, 0.5);
    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 2000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const leit_status status = build(folder, model, output, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(status, LEIT_DATA);
    assert_same_file(output, before);
    assert_false(leit_file_exists(leit_test_scratch("full.h5.writing")));
}

/* A power cut can come at any moment: after the second group, more than a second from the start,
 * both groups are on the disk and say that one file is left. */
struct on_the_way {
    const char *output;
    int n_calls;
    int64_t n_tracks, n_pending;
};

static void look_at_progress(void *context, leit_log_level level, const char *message)
{
    (void)message;
    struct on_the_way *seen = context;
    if (level != LEIT_LOG_PROGRESS) return;
    if (++seen->n_calls == 1) usleep(1100000);
    if (seen->n_calls != 2) return;
    leit_index *index = NULL;
    assert_ok(leit_index_open(seen->output, &index));
    seen->n_tracks = index->n_tracks;
    seen->n_pending = index->n_pending;
    leit_index_close(index);
}

static void saves_on_the_way(void **state)
{
    (void)state;
    const char *model = leit_tiny_matcher("model", "metric2", 4);
    const char *folder = make_library("way", 33);
    struct on_the_way seen = {.output = leit_test_scratch("way.h5")};
    const leit_index_options options = {
        .folder = folder, .model = model, .output = seen.output, .threads = 2, .save_every_s = 1};
    leit_log_set_sink(look_at_progress, &seen);
    assert_ok(leit_index_build(&options, NULL));
    leit_log_set_sink(NULL, NULL);
    assert_int_equal(seen.n_tracks, 32);
    assert_int_equal(seen.n_pending, 1);
    assert_ok(build(folder, model, leit_test_scratch("once.h5"), NULL));
    assert_same_file(seen.output, leit_test_scratch("once.h5"));
}

/* ---- ranks ---- */

enum { MAX_RANKS = 4, RANK_DEADLINE_MS = 60000 };

typedef struct rank_run {
    pthread_t thread;
    leit_dist *dist;
    const leit_index_options *options;
    leit_index_summary summary;
    leit_status status;
    char sentence[600];
} rank_run;

static void *build_rank(void *context)
{
    rank_run *rank = context;
    rank->status = leit_index_build_rank(rank->dist, rank->options, &rank->summary);
    snprintf(rank->sentence, sizeof rank->sentence, "%s", leit_error_message());
    return NULL;
}

/* The options are one for all ranks, or one for each. */
static void run_ranks(int n, const leit_index_options *options, bool are_alike, rank_run *ranks)
{
    leit_dist *dist[MAX_RANKS];
    assert_ok(leit_dist_create_threads(n, RANK_DEADLINE_MS, dist));
    for (int r = 0; r < n; r++) {
        ranks[r] = (rank_run){.dist = dist[r], .options = &options[are_alike ? 0 : r]};
        assert_int_equal(pthread_create(&ranks[r].thread, NULL, build_rank, &ranks[r]), 0);
    }
    for (int r = 0; r < n; r++) pthread_join(ranks[r].thread, NULL);
    for (int r = 0; r < n; r++) leit_dist_close(dist[r]);
}

static void expect_ranks(int n, const char *folder, const char *model, const char *output,
                         const leit_index_summary *expected)
{
    rank_run ranks[MAX_RANKS];
    const leit_index_options options = {
        .folder = folder, .model = model, .output = output, .threads = 1};
    run_ranks(n, &options, true, ranks);
    for (int r = 0; r < n; r++) {
        const leit_index_summary *summary = &ranks[r].summary;
        if (ranks[r].status != LEIT_OK) fail_msg("rank %d of %d: %s", r, n, ranks[r].sentence);
        assert_int_equal(summary->rank, r);
        assert_int_equal(summary->n_tracks, expected->n_tracks);
        assert_int_equal(summary->n_new, expected->n_new);
        assert_int_equal(summary->n_kept, expected->n_kept);
        assert_int_equal(summary->n_removed, expected->n_removed);
        assert_int_equal(summary->n_skipped, expected->n_skipped);
        for (int64_t i = 0; i < expected->n_skipped; i++) {
            assert_string_equal(summary->skipped[i].path, expected->skipped[i].path);
            assert_string_equal(summary->skipped[i].reason, expected->skipped[i].reason);
        }
        leit_index_summary_clear(&ranks[r].summary);
    }
}

/* 37 files are more than two groups of 16, and divide by no number of ranks; two cannot be used. One
 * process and any number of ranks write the same bytes, at first and when some files have changed. */
static void ranks_leave_the_same_file(void **state)
{
    (void)state;
    leit_index_summary alone;
    char folder[1024], model[1024]; /* leit_test_scratch keeps its last answers only */
    snprintf(folder, sizeof folder, "%s", make_library("shared", 37));
    snprintf(model, sizeof model, "%s", leit_tiny_matcher("m", "metric2", 1));
    assert_ok(leit_file_write(leit_test_scratch("shared/t02.wav"), "no music", 8));
    assert_ok(leit_file_write(leit_test_scratch("shared/t30.wav"), "no music either", 15));
    for (int round = 0; round < 2; round++) {
        assert_ok(build(folder, model, leit_test_scratch("alone.h5"), &alone));
        assert_int_equal(alone.n_skipped, 2);
        for (int n = 1; n <= MAX_RANKS; n++) {
            char name[32];
            snprintf(name, sizeof name, "ranks%d.h5", n);
            expect_ranks(n, folder, model, leit_test_scratch(name), &alone);
            assert_same_file(leit_test_scratch("alone.h5"), leit_test_scratch(name));
        }
        leit_index_summary_clear(&alone);
        leit_tiny_wav(leit_test_scratch("shared/t08.wav"), 9000, 333, 0.4);
        leit_tiny_wav(leit_test_scratch("shared/t36.wav"), 7000, 444, 0.4);
        assert_ok(leit_file_remove(leit_test_scratch("shared/sub/t05.WAV")));
    }
}

static void ranks_see_the_same_files(void **state)
{
    (void)state;
    rank_run ranks[2];
    char folders[2][1024], output[1024], model[1024];
    snprintf(folders[0], sizeof folders[0], "%s", make_library("here", 3));
    snprintf(folders[1], sizeof folders[1], "%s", make_library("there", 2));
    snprintf(output, sizeof output, "%s", leit_test_scratch("neither.h5"));
    snprintf(model, sizeof model, "%s", leit_tiny_matcher("m", "metric2", 1));
    leit_index_options options[2];
    for (int r = 0; r < 2; r++)
        options[r] = (leit_index_options){
            .folder = folders[r], .model = model, .output = output, .threads = 1};
    run_ranks(2, options, false, ranks);
    assert_int_equal(ranks[0].status, LEIT_RANK);
    assert_int_equal(ranks[1].status, LEIT_DATA);
    assert_non_null(strstr(ranks[1].sentence, "rank 1 sees 2 files in "));
    assert_false(leit_file_exists(output));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_the_tower_says),
        cmocka_unit_test(skips_bad_files_with_reasons),
        cmocka_unit_test(keeps_what_has_not_changed),
        cmocka_unit_test(keeps_what_cannot_be_read_now),
        cmocka_unit_test(stops_and_goes_on),
        cmocka_unit_test(loses_nothing_when_stopped),
        cmocka_unit_test(saves_on_the_way),
        cmocka_unit_test(refuses_wrong_places),
        cmocka_unit_test(refuses_damaged_indexes),
        cmocka_unit_test(survives_a_full_disk),
        cmocka_unit_test(ranks_leave_the_same_file),
        cmocka_unit_test(ranks_see_the_same_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

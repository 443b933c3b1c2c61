/* Files are decided first (kept or to do), then listened to in groups: decoding and hashing of a
 * group run side by side, the music tower uses all threads on the clips of the group. Between
 * groups what is done is saved now and then. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/decode.h"
#include "audio/loudness.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/stop.h"
#include "kernels/softmax.h"
#include "search/index_file.h"
#include "search/library.h"
#include "search/track_ranking.h"

enum { SAMPLE_RATE_HZ = 16000, FRAME_SAMPLES = 512, MAX_SECONDS = 3600, GROUP = 16 };
enum { SAVE_EVERY_S = 180 };

enum row_state { ROW_TO_DO, ROW_KEPT, ROW_NEW, ROW_SKIPPED };

/* One audio file on its way into the index. */
typedef struct row {
    const leit_library_file *file;
    enum row_state state;
    int64_t old; /* its row in the index that was there, -1 without one */
    int64_t xxh3;
    double duration_s, loudness_lkfs;
    /* While its group is listened to: */
    leit_clip clip;
    int16_t *pcm;
    leit_status status;
    bool is_unread; /* its bytes could not be had; `status` says the same */
    char *reason;   /* of a status that is not LEIT_OK */
} row;

typedef struct build {
    leit_arena arena;
    const leit_index_options *options;
    const char *folder, *model; /* absolute */
    leit_threads *threads;
    leit_loaded_matcher loaded;
    leit_match_rule rule;
    leit_index_space space;
    leit_library library;
    leit_skip_list skips;
    leit_index *old; /* NULL where there is none of this space */
    bool same_folder;
    row *rows; /* (n files) */
    int64_t n_rows;
    int64_t *to_do;
    int64_t n_to_do, n_done;
    float *answers; /* (n files, width) */
} build;

/* What a row has while it is listened to. */
static void forget(row *r)
{
    leit_free(r->pcm);
    leit_free(r->reason);
    r->pcm = NULL;
    r->reason = NULL;
}

static void build_clear(build *b)
{
    for (int64_t i = 0; b->rows != NULL && i < b->n_rows; i++) forget(&b->rows[i]);
    leit_free(b->rows);
    leit_free(b->to_do);
    leit_free(b->answers);
    leit_index_close(b->old);
    leit_library_clear(&b->library);
    leit_skip_list_clear(&b->skips);
    leit_matcher_close(&b->loaded);
    leit_threads_free(b->threads);
    leit_arena_clear(&b->arena);
}

/* ---- what is there ---- */

static leit_status absolute_path(leit_arena *arena, const char *path, const char **absolute)
{
    char *resolved = realpath(path, NULL);
    LEIT_FAIL_IF(resolved == NULL, LEIT_DATA, "cannot open %s: %s", path, leit_error_reason(errno));
    *absolute = leit_arena_strdup(arena, resolved);
    free(resolved);
    return *absolute == NULL ? LEIT_INTERNAL : LEIT_OK;
}

static void open_old(build *b)
{
    const char *path = b->options->output;
    if (!leit_file_exists(path)) return;
    if (leit_index_open(path, &b->old) != LEIT_OK) {
        leit_log(LEIT_LOG_WARNING, "%s; all files are embedded again", leit_error_message());
        return;
    }
    if (leit_index_check_space(b->old, &b->space, b->model) != LEIT_OK) {
        leit_log(LEIT_LOG_INFO, "%s: of another model; all files are embedded again", path);
        leit_index_close(b->old);
        b->old = NULL;
        return;
    }
    b->same_folder = strcmp(b->old->folder, b->folder) == 0;
}

static leit_status open_all(build *b)
{
    const leit_index_options *options = b->options;
    LEIT_TRY(leit_container_check_output(options->output, LEIT_INDEX_FORMAT));
    LEIT_TRY(leit_threads_create(options->threads, &b->threads));
    LEIT_TRY(leit_matcher_open_towers(options->model, leit_backend_cpu(), b->threads,
                                      LEIT_TOWER_MUSIC, &b->loaded));
    LEIT_TRY(leit_index_space_of(&b->loaded, &b->space));
    b->rule = b->loaded.matcher->strategy->rule;
    LEIT_TRY(absolute_path(&b->arena, options->folder, &b->folder));
    LEIT_TRY(absolute_path(&b->arena, options->model, &b->model));
    LEIT_TRY(leit_library_scan(b->folder, &b->library, &b->skips));
    if (b->library.count == 0)
        leit_log(LEIT_LOG_WARNING,
                 "%s and its subfolders hold no audio that can be used: expected wav, flac, ogg, "
                 "opus, mp3 or aiff",
                 b->folder);
    open_old(b);
    b->n_rows = (int64_t)b->library.count;
    LEIT_TRY(LEIT_ALLOC(b->rows, b->n_rows));
    LEIT_TRY(LEIT_ALLOC(b->to_do, b->n_rows));
    return LEIT_ALLOC(b->answers, b->n_rows * b->space.width);
}

/* ---- what is kept ---- */

/* Whether or not it has changed since: until the file has been heard again, this is its answer. */
static void take_over(build *b, int64_t i)
{
    row *r = &b->rows[i];
    const int64_t width = b->space.width;
    r->xxh3 = b->old->xxh3[r->old];
    r->duration_s = b->old->duration_s[r->old];
    r->loudness_lkfs = b->old->loudness_lkfs[r->old];
    memcpy(b->answers + i * width, b->old->answers + r->old * width, (size_t)width * sizeof(float));
}

/* Both lists are sorted by path: one walk finds every old row. */
static void decide(build *b)
{
    const leit_index *old = b->old;
    int64_t at = 0;
    for (int64_t i = 0; i < b->n_rows; i++) {
        row *r = &b->rows[i];
        r->file = &b->library.files[i];
        r->old = -1;
        while (old != NULL && at < old->n_tracks && strcmp(old->paths[at], r->file->path) < 0) at++;
        if (old != NULL && at < old->n_tracks && strcmp(old->paths[at], r->file->path) == 0)
            r->old = at;
        if (r->old >= 0) take_over(b, i);
        if (r->old >= 0 && b->same_folder && old->size_bytes[r->old] == r->file->size_bytes &&
            old->mtime_ns[r->old] == r->file->mtime_ns)
            r->state = ROW_KEPT;
        else
            b->to_do[b->n_to_do++] = i;
    }
}

/* ---- listening ---- */

static leit_status listen_to(const char *path, row *r)
{
    leit_audio audio = {0};
    LEIT_TRY(leit_audio_decode(path, SAMPLE_RATE_HZ, MAX_SECONDS, &audio));
    leit_status status = leit_audio_check_length(path, &audio, FRAME_SAMPLES);
    if (status == LEIT_OK && leit_is_silent(audio.samples, audio.n_samples))
        status = leit_fail(LEIT_DATA, __func__, "%s is silent: its level is under -70 dBFS", path);
    if (status == LEIT_OK)
        status =
            leit_loudness_lkfs(audio.samples, audio.n_samples, SAMPLE_RATE_HZ, &r->loudness_lkfs);
    if (status == LEIT_OK) status = LEIT_ALLOC(r->pcm, audio.n_samples);
    if (status == LEIT_OK) {
        leit_audio_to_int16(audio.samples, audio.n_samples, r->pcm);
        r->clip = (leit_clip){r->pcm, audio.n_samples};
        r->duration_s = (double)audio.n_samples / SAMPLE_RATE_HZ;
        if (audio.cut)
            leit_log(LEIT_LOG_WARNING, "%s is longer than an hour: only its first hour is heard",
                     path);
    }
    leit_audio_clear(&audio);
    return status;
}

static void listen_task(void *context, int64_t task, int worker)
{
    (void)worker;
    build *b = context;
    const int64_t i = b->to_do[b->n_done + task];
    row *r = &b->rows[i];
    leit_arena scratch = {0};
    const char *path = leit_path_join(&scratch, b->folder, r->file->path);
    uint64_t sum = 0;
    int64_t size_bytes = 0;
    r->status = path == NULL ? LEIT_INTERNAL : leit_file_sum(path, &sum, &size_bytes);
    r->is_unread = r->status != LEIT_OK;
    if (!r->is_unread) r->xxh3 = (int64_t)sum;
    if (r->status == LEIT_OK && r->old >= 0 && b->old->xxh3[r->old] == r->xxh3 &&
        b->old->size_bytes[r->old] == r->file->size_bytes)
        r->state = ROW_KEPT;
    else if (r->status == LEIT_OK)
        r->status = listen_to(path, r);
    if (r->status != LEIT_OK) r->reason = leit_strdup(leit_error_message());
    leit_arena_clear(&scratch);
}

/* The answer as the index holds it: comparable without another look at its row. */
static leit_status settle_answer(const build *b, const char *path, float *answer)
{
    const int64_t width = b->space.width;
    for (int64_t j = 0; j < width; j++)
        LEIT_FAIL_IF(!isfinite(answer[j]), LEIT_NUMERICAL,
                     "%s: the model's answer is not finite; train it again", path);
    if (b->rule == LEIT_RULE_COSINE) leit_answer_normalise(answer, width);
    if (leit_rule_has_moods(b->rule)) leit_log_softmax_row(answer, width, answer);
    return LEIT_OK;
}

/* Runs the music tower over those of the group that are to be embedded. */
static leit_status embed(build *b, int64_t n)
{
    leit_clip clips[GROUP];
    int64_t rows[GROUP], n_clips = 0;
    for (int64_t task = 0; task < n; task++) {
        const int64_t i = b->to_do[b->n_done + task];
        row *r = &b->rows[i];
        LEIT_FAIL_IF(r->status != LEIT_OK && r->reason == NULL, LEIT_INTERNAL, "out of memory");
        if (r->status == LEIT_DATA && r->is_unread && r->old >= 0) {
            /* It waits as if not reached: a disk that fails for a moment costs no answer. */
            leit_log(LEIT_LOG_WARNING, "%s; its earlier answer stays in the index", r->reason);
        } else if (r->status == LEIT_DATA) {
            r->state = ROW_SKIPPED;
            LEIT_TRY(leit_skip_list_add(&b->skips, r->file->path, r->reason));
        } else if (r->status != LEIT_OK) {
            return leit_fail(r->status, __func__, "%s", r->reason);
        } else if (r->state != ROW_KEPT) {
            clips[n_clips] = r->clip;
            rows[n_clips++] = i;
        }
    }
    if (n_clips == 0) return LEIT_OK;
    const int64_t width = b->space.width;
    float *answers = NULL;
    LEIT_TRY(LEIT_ALLOC(answers, n_clips * width));
    leit_status status = leit_tower_clips(&b->loaded.music, clips, n_clips, answers);
    for (int64_t c = 0; status == LEIT_OK && c < n_clips; c++) {
        row *r = &b->rows[rows[c]];
        status = settle_answer(b, r->file->path, answers + c * width);
        memcpy(b->answers + rows[c] * width, answers + c * width, (size_t)width * sizeof(float));
        r->state = ROW_NEW;
    }
    leit_free(answers);
    return status;
}

/* ---- the file ---- */

static int compare_skips(const void *a, const void *b)
{
    const leit_index_skip *left = a, *right = b;
    const int order = strcmp(left->path, right->path);
    return order != 0 ? order : strcmp(left->reason, right->reason);
}

typedef struct columns {
    const char **paths, **skipped, **reasons;
    int64_t *size_bytes, *mtime_ns, *xxh3;
    double *duration_s, *loudness_lkfs;
    int32_t *mood;
    float *answers;
} columns;

static leit_status columns_take(build *b, columns *c)
{
    const size_t n = (size_t)b->n_rows, n_skips = b->skips.count;
    LEIT_TRY(LEIT_ALLOC(c->paths, n));
    LEIT_TRY(LEIT_ALLOC(c->size_bytes, n));
    LEIT_TRY(LEIT_ALLOC(c->mtime_ns, n));
    LEIT_TRY(LEIT_ALLOC(c->xxh3, n));
    LEIT_TRY(LEIT_ALLOC(c->duration_s, n));
    LEIT_TRY(LEIT_ALLOC(c->loudness_lkfs, n));
    LEIT_TRY(LEIT_ALLOC(c->mood, n));
    LEIT_TRY(LEIT_ALLOC(c->answers, n * (size_t)b->space.width));
    LEIT_TRY(LEIT_ALLOC(c->skipped, n_skips));
    LEIT_TRY(LEIT_ALLOC(c->reasons, n_skips));
    if (n_skips > 0) qsort(b->skips.skips, n_skips, sizeof *b->skips.skips, compare_skips);
    for (size_t i = 0; i < n_skips; i++) {
        c->skipped[i] = b->skips.skips[i].path;
        c->reasons[i] = b->skips.skips[i].reason;
    }
    return LEIT_OK;
}

static void columns_clear(columns *c)
{
    leit_free(c->paths);
    leit_free(c->size_bytes);
    leit_free(c->mtime_ns);
    leit_free(c->xxh3);
    leit_free(c->duration_s);
    leit_free(c->loudness_lkfs);
    leit_free(c->mood);
    leit_free(c->answers);
    leit_free(c->skipped);
    leit_free(c->reasons);
}

/* Takes the rows that have an answer so far, in order; returns their number. A row that waits with
 * its old answer has no time, so that the next run looks at its file whatever time that has. */
static int64_t gather(const build *b, columns *c)
{
    const int64_t width = b->space.width;
    int64_t n = 0;
    for (int64_t i = 0; i < b->n_rows; i++) {
        const row *r = &b->rows[i];
        const bool waits = r->state == ROW_TO_DO;
        if (r->state == ROW_SKIPPED || (waits && r->old < 0)) continue;
        float *answer = c->answers + n * width;
        memcpy(answer, b->answers + i * width, (size_t)width * sizeof *answer);
        c->paths[n] = r->file->path;
        c->size_bytes[n] = waits ? b->old->size_bytes[r->old] : r->file->size_bytes;
        c->mtime_ns[n] = waits ? LEIT_INDEX_NO_TIME : r->file->mtime_ns;
        c->xxh3[n] = r->xxh3;
        c->duration_s[n] = r->duration_s;
        c->loudness_lkfs[n] = r->loudness_lkfs;
        c->mood[n++] = leit_argmax(answer, width);
    }
    return n;
}

static leit_status write_index(build *b, int64_t *n_tracks)
{
    columns c = {0};
    leit_status status = columns_take(b, &c);
    if (status == LEIT_OK) {
        *n_tracks = gather(b, &c);
        const leit_index index = {.path = b->options->output,
                                  .folder = b->folder,
                                  .model = b->model,
                                  .space = b->space,
                                  .n_tracks = *n_tracks,
                                  .n_pending = b->n_to_do - b->n_done,
                                  .paths = c.paths,
                                  .size_bytes = c.size_bytes,
                                  .mtime_ns = c.mtime_ns,
                                  .xxh3 = c.xxh3,
                                  .duration_s = c.duration_s,
                                  .loudness_lkfs = c.loudness_lkfs,
                                  .mood = leit_rule_has_moods(b->rule) ? c.mood : NULL,
                                  .answers = c.answers,
                                  .n_skipped = (int64_t)b->skips.count,
                                  .skipped_paths = c.skipped,
                                  .skipped_reasons = c.reasons};
        status = leit_index_write(&index, b->options->output);
    }
    columns_clear(&c);
    return status;
}

/* ---- all of it ---- */

static leit_status listen_to_all(build *b)
{
    const int save_every_s = b->options->save_every_s > 0 ? b->options->save_every_s : SAVE_EVERY_S;
    int64_t saved_ns = leit_clock_ns();
    while (b->n_done < b->n_to_do && !leit_stop_wanted()) {
        const int64_t rest = b->n_to_do - b->n_done, n = rest < GROUP ? rest : GROUP;
        leit_threads_run(b->threads, n, listen_task, b);
        LEIT_TRY(embed(b, n));
        for (int64_t task = 0; task < n; task++) {
            row *r = &b->rows[b->to_do[b->n_done + task]];
            forget(r);
        }
        b->n_done += n;
        if (b->n_done < b->n_to_do && leit_clock_seconds_since(saved_ns) >= save_every_s) {
            int64_t n_tracks = 0;
            LEIT_TRY(write_index(b, &n_tracks));
            saved_ns = leit_clock_ns();
        }
        leit_log(LEIT_LOG_PROGRESS, "%lld of %lld files", (long long)b->n_done,
                 (long long)b->n_to_do);
    }
    return LEIT_OK;
}

static leit_status summarize(build *b, int64_t n_tracks, leit_index_summary *summary)
{
    *summary = (leit_index_summary){.n_tracks = n_tracks,
                                    .n_skipped = (int64_t)b->skips.count,
                                    .n_pending = b->n_to_do - b->n_done};
    int64_t n_still_there = 0;
    for (int64_t i = 0; i < b->n_rows; i++) {
        const row *r = &b->rows[i];
        if (r->state == ROW_NEW) summary->n_new++;
        if (r->state == ROW_KEPT || (r->state == ROW_TO_DO && r->is_unread)) summary->n_kept++;
        if (r->old >= 0 && r->state != ROW_SKIPPED) n_still_there++;
    }
    if (b->old != NULL) summary->n_removed = b->old->n_tracks - n_still_there;
    leit_skip_list *skips = NULL;
    LEIT_TRY(LEIT_ALLOC(skips, 1));
    *skips = b->skips;
    b->skips = (leit_skip_list){0};
    summary->skipped = skips->skips;
    summary->memory = skips;
    return LEIT_OK;
}

leit_status leit_index_build(const leit_index_options *options, leit_index_summary *summary)
{
    const int64_t start_ns = leit_clock_ns();
    build b = {.options = options};
    int64_t n_tracks = 0;
    if (summary != NULL) *summary = (leit_index_summary){0};
    leit_status status = open_all(&b);
    if (status == LEIT_OK) {
        decide(&b);
        status = listen_to_all(&b);
    }
    if (status == LEIT_OK) status = write_index(&b, &n_tracks);
    if (status == LEIT_OK && summary != NULL) status = summarize(&b, n_tracks, summary);
    if (status == LEIT_OK && summary != NULL) summary->seconds = leit_clock_seconds_since(start_ns);
    if (status == LEIT_OK && b.n_done < b.n_to_do)
        status = leit_fail(LEIT_AGAIN, __func__,
                           "asked to stop: %s holds %lld tracks, %lld files are left; run the same "
                           "command again to go on",
                           options->output, (long long)n_tracks, (long long)(b.n_to_do - b.n_done));
    build_clear(&b);
    return status;
}

void leit_index_summary_clear(leit_index_summary *summary)
{
    if (summary->memory != NULL) leit_skip_list_clear(summary->memory);
    leit_free(summary->memory);
    *summary = (leit_index_summary){0};
}

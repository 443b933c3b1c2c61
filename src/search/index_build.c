/* Files are decided first (kept or to do), then listened to in rounds: each rank has a group of files, whose
 * decoding and hashing run side by side, and the music tower uses all threads on the clips of the
 * group. After a round every rank knows what the others have heard. Between rounds what is done is
 * saved now and then. */
#include "search/index_build.h"

#include <errno.h>
#include <inttypes.h>
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
#include "dist/mpi_loader.h"
#include "kernels/softmax.h"
#include "search/index_file.h"
#include "search/library.h"
#include "search/track_ranking.h"

enum { SAMPLE_RATE_HZ = 16000, FRAME_SAMPLES = 512, MAX_SECONDS = 3600, GROUP = 16 };
enum { SAVE_EVERY_S = 180, REASON_BYTES = 1024 };
enum { RANK_DEADLINE_MS = 3600000 }; /* a group may be sixteen hours of music */

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

/* What the ranks tell each other of a file. */
typedef struct heard {
    int64_t xxh3;
    double duration_s, loudness_lkfs;
    int32_t state, status;
    int32_t is_unread;
    char reason[REASON_BYTES];
} heard;

typedef struct build {
    leit_arena arena;
    const leit_index_options *options;
    leit_dist *dist;            /* borrowed */
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
    int64_t part;   /* where in the round this rank's files begin */
    float *answers; /* (n files, width) */

    /* Of a round: room for a group of each rank. */
    heard *heard;
    float *round_answers; /* (ranks * GROUP, width) */
    size_t *offsets;      /* (ranks + 1) */
} build;

static bool is_first(const build *b)
{
    return leit_dist_rank(b->dist) == 0;
}

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
    leit_free(b->heard);
    leit_free(b->round_answers);
    leit_free(b->offsets);
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
        if (is_first(b))
            leit_log(LEIT_LOG_WARNING, "%s; all files are embedded again", leit_error_message());
        return;
    }
    if (leit_index_check_space(b->old, &b->space, b->model) != LEIT_OK) {
        if (is_first(b))
            leit_log(LEIT_LOG_INFO, "%s: of another model; all files are embedded again", path);
        leit_index_close(b->old);
        b->old = NULL;
        return;
    }
    b->same_folder = strcmp(b->old->folder, b->folder) == 0;
}

static leit_status open_model(void *context)
{
    build *b = context;
    const leit_index_options *options = b->options;
    LEIT_TRY(leit_container_check_output(options->output, LEIT_INDEX_FORMAT));
    LEIT_TRY(leit_threads_create(options->threads, &b->threads));
    return leit_matcher_open_towers(options->model, leit_backend_cpu(), b->threads,
                                    LEIT_TOWER_MUSIC, &b->loaded);
}

static leit_status allocate(build *b)
{
    const int64_t width = b->space.width, n_ranks = leit_dist_size(b->dist);
    LEIT_TRY(LEIT_ALLOC(b->rows, b->n_rows));
    LEIT_TRY(LEIT_ALLOC(b->to_do, b->n_rows));
    LEIT_TRY(LEIT_ALLOC(b->answers, b->n_rows * width));
    LEIT_TRY(LEIT_ALLOC(b->heard, n_ranks * GROUP));
    LEIT_TRY(LEIT_ALLOC(b->round_answers, n_ranks * GROUP * width));
    return LEIT_ALLOC(b->offsets, n_ranks + 1);
}

static leit_status open_library(void *context)
{
    build *b = context;
    const leit_index_options *options = b->options;
    LEIT_TRY(leit_index_space_of(&b->loaded, &b->space));
    b->rule = b->loaded.matcher->strategy->rule;
    LEIT_TRY(absolute_path(&b->arena, options->folder, &b->folder));
    LEIT_TRY(absolute_path(&b->arena, options->model, &b->model));
    LEIT_TRY(leit_library_scan(b->folder, &b->library, &b->skips));
    if (b->library.count == 0 && is_first(b))
        leit_log(LEIT_LOG_WARNING,
                 "%s and its subfolders hold no audio that can be used: expected wav, flac, ogg, "
                 "opus, mp3 or aiff",
                 b->folder);
    open_old(b);
    b->n_rows = (int64_t)b->library.count;
    return allocate(b);
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

/* The file that is number `task` of this rank's part of the round. */
static row *row_of_task(const build *b, int64_t task)
{
    return &b->rows[b->to_do[b->n_done + b->part + task]];
}

static void listen_task(void *context, int64_t task, int worker)
{
    (void)worker;
    build *b = context;
    row *r = row_of_task(b, task);
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
    row *rows[GROUP];
    int64_t n_clips = 0;
    for (int64_t task = 0; task < n; task++) {
        row *r = row_of_task(b, task);
        LEIT_FAIL_IF(r->status != LEIT_OK && r->reason == NULL, LEIT_INTERNAL, "out of memory");
        if (r->status != LEIT_OK && r->status != LEIT_DATA)
            return leit_fail(r->status, __func__, "%s", r->reason);
        if (r->status != LEIT_OK || r->state == ROW_KEPT) continue;
        clips[n_clips] = r->clip;
        rows[n_clips++] = r;
    }
    if (n_clips == 0) return LEIT_OK;
    const int64_t width = b->space.width;
    float *answers = NULL;
    LEIT_TRY(LEIT_ALLOC(answers, n_clips * width));
    leit_status status = leit_tower_clips(&b->loaded.music, clips, n_clips, answers);
    for (int64_t c = 0; status == LEIT_OK && c < n_clips; c++) {
        status = settle_answer(b, rows[c]->file->path, answers + c * width);
        memcpy(b->answers + (rows[c] - b->rows) * width, answers + c * width,
               (size_t)width * sizeof *answers);
        rows[c]->state = ROW_NEW;
    }
    leit_free(answers);
    return status;
}

/* ---- what the other ranks have heard ---- */

static int64_t part_begin(const build *b, int64_t n, int rank)
{
    return n * rank / leit_dist_size(b->dist);
}

static heard tell(const row *r)
{
    heard said = {.xxh3 = r->xxh3,
                  .duration_s = r->duration_s,
                  .loudness_lkfs = r->loudness_lkfs,
                  .state = (int32_t)r->state,
                  .status = (int32_t)r->status,
                  .is_unread = r->is_unread};
    snprintf(said.reason, sizeof said.reason, "%s", r->reason == NULL ? "" : r->reason);
    return said;
}

static leit_status hear(row *r, const heard *said)
{
    r->xxh3 = said->xxh3;
    r->duration_s = said->duration_s;
    r->loudness_lkfs = said->loudness_lkfs;
    r->state = (enum row_state)said->state;
    r->status = (leit_status)said->status;
    r->is_unread = said->is_unread != 0;
    if (r->status == LEIT_OK) return LEIT_OK;
    r->reason = leit_strdup(said->reason);
    return r->reason == NULL ? LEIT_INTERNAL : LEIT_OK;
}

static leit_status gather_parts(build *b, int64_t n, void *all, size_t row_bytes)
{
    for (int rank = 0; rank <= leit_dist_size(b->dist); rank++)
        b->offsets[rank] = (size_t)part_begin(b, n, rank) * row_bytes;
    return leit_dist_gather(b->dist, all, b->offsets);
}

/* All n rows of the round, of which this rank has listened to n_own. */
static leit_status exchange(build *b, int64_t n, int64_t n_own)
{
    const size_t answer_bytes = (size_t)b->space.width * sizeof *b->answers;
    const int64_t width = b->space.width, *to_do = b->to_do + b->n_done;
    for (int64_t task = b->part; task < b->part + n_own; task++) {
        b->heard[task] = tell(&b->rows[to_do[task]]);
        memcpy(b->round_answers + task * width, b->answers + to_do[task] * width, answer_bytes);
    }
    LEIT_TRY(gather_parts(b, n, b->heard, sizeof *b->heard));
    LEIT_TRY(gather_parts(b, n, b->round_answers, answer_bytes));
    for (int64_t task = 0; task < n; task++) {
        if (task >= b->part && task < b->part + n_own) continue;
        LEIT_TRY(hear(&b->rows[to_do[task]], &b->heard[task]));
        memcpy(b->answers + to_do[task] * width, b->round_answers + task * width, answer_bytes);
    }
    return LEIT_OK;
}

/* The same on every rank. */
static leit_status settle(build *b, row *r)
{
    if (r->status == LEIT_OK) return LEIT_OK;
    if (r->is_unread && r->old >= 0) {
        /* It waits as if not reached: a disk that fails for a moment costs no answer. */
        if (is_first(b))
            leit_log(LEIT_LOG_WARNING, "%s; its earlier answer stays in the index", r->reason);
        return LEIT_OK;
    }
    r->state = ROW_SKIPPED;
    return leit_skip_list_add(&b->skips, r->file->path, r->reason);
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

static bool has_answer(const row *r)
{
    return r->state == ROW_TO_DO ? r->old >= 0 : r->state != ROW_SKIPPED;
}

static int64_t count_answers(const build *b)
{
    int64_t n = 0;
    for (int64_t i = 0; i < b->n_rows; i++) n += has_answer(&b->rows[i]);
    return n;
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
        if (!has_answer(r)) continue;
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

static leit_status write_index(build *b)
{
    columns c = {0};
    leit_status status = columns_take(b, &c);
    if (status == LEIT_OK) {
        const int64_t n_tracks = gather(b, &c);
        const leit_index index = {.path = b->options->output,
                                  .folder = b->folder,
                                  .model = b->model,
                                  .space = b->space,
                                  .n_tracks = n_tracks,
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

static leit_status listen_to_round(build *b, int64_t n)
{
    const int rank = leit_dist_rank(b->dist);
    b->part = part_begin(b, n, rank);
    const int64_t n_own = part_begin(b, n, rank + 1) - b->part;
    leit_threads_run(b->threads, n_own, listen_task, b);
    LEIT_TRY(leit_dist_join(b->dist, embed(b, n_own)));
    LEIT_TRY(exchange(b, n, n_own));
    for (int64_t task = 0; task < n; task++) {
        row *r = &b->rows[b->to_do[b->n_done + task]];
        LEIT_TRY(settle(b, r));
        forget(r);
    }
    b->n_done += n;
    return LEIT_OK;
}

static leit_status write_first(build *b)
{
    return leit_dist_join(b->dist, is_first(b) ? write_index(b) : LEIT_OK);
}

/* The first rank's clock says when. */
static leit_status save_on_the_way(build *b, int64_t *saved_ns)
{
    const int save_every_s = b->options->save_every_s > 0 ? b->options->save_every_s : SAVE_EVERY_S;
    if (!is_first(b) || b->n_done == b->n_to_do ||
        leit_clock_seconds_since(*saved_ns) < save_every_s)
        return LEIT_OK;
    LEIT_TRY(write_index(b));
    *saved_ns = leit_clock_ns();
    return LEIT_OK;
}

static leit_status listen_to_all(build *b)
{
    const int64_t most = (int64_t)leit_dist_size(b->dist) * GROUP;
    int64_t saved_ns = leit_clock_ns();
    while (b->n_done < b->n_to_do) {
        uint32_t is_asked_to_stop = 0;
        LEIT_TRY(leit_dist_agree(b->dist, leit_stop_wanted() ? 1 : 0, &is_asked_to_stop));
        if (is_asked_to_stop != 0) break;
        const int64_t rest = b->n_to_do - b->n_done;
        LEIT_TRY(listen_to_round(b, rest < most ? rest : most));
        LEIT_TRY(leit_dist_join(b->dist, save_on_the_way(b, &saved_ns)));
        if (is_first(b))
            leit_log(LEIT_LOG_PROGRESS, "%lld of %lld files", (long long)b->n_done,
                     (long long)b->n_to_do);
    }
    return LEIT_OK;
}

static leit_status summarize(build *b, leit_index_summary *summary)
{
    *summary = (leit_index_summary){.rank = leit_dist_rank(b->dist),
                                    .n_tracks = count_answers(b),
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

/* Ranks that see different files would wait for each other, or worse. */
static leit_status check_same_library(build *b)
{
    const int64_t own[3] = {b->n_rows, b->n_to_do, b->n_to_do > 0 ? b->to_do[0] : 0};
    int64_t first[3] = {own[0], own[1], own[2]};
    LEIT_TRY(leit_dist_broadcast(b->dist, 0, first, sizeof first));
    leit_status status = LEIT_OK;
    if (memcmp(own, first, sizeof own) != 0)
        status = leit_fail(LEIT_DATA, __func__,
                           "rank %d sees %" PRId64 " files in %s, %" PRId64
                           " of them to be heard; rank 0 sees %" PRId64 " and %" PRId64
                           ": all ranks need the same folder and index, and nothing may change "
                           "while they begin",
                           leit_dist_rank(b->dist), own[0], b->folder, own[1], first[0], first[1]);
    return leit_dist_join(b->dist, status);
}

static leit_status run(build *b, int64_t start_ns, leit_index_summary *summary)
{
    LEIT_TRY(leit_dist_in_turn(b->dist, open_library, b));
    decide(b);
    LEIT_TRY(check_same_library(b));
    LEIT_TRY(listen_to_all(b));
    LEIT_TRY(write_first(b));
    const int64_t n_left = b->n_to_do - b->n_done;
    if (summary != NULL) {
        LEIT_TRY(summarize(b, summary));
        summary->seconds = leit_clock_seconds_since(start_ns);
    }
    LEIT_FAIL_IF(
        n_left > 0, LEIT_AGAIN,
        "asked to stop: %s holds %lld tracks, %lld files are left; run the same command again "
        "to go on",
        b->options->output, (long long)count_answers(b), (long long)n_left);
    return LEIT_OK;
}

leit_status leit_index_build_rank(leit_dist *dist, const leit_index_options *options,
                                  leit_index_summary *summary)
{
    const int64_t start_ns = leit_clock_ns();
    build b = {.options = options, .dist = dist};
    if (summary != NULL) *summary = (leit_index_summary){0};
    leit_status status = leit_dist_in_turn(dist, open_model, &b);
    if (status == LEIT_OK) status = run(&b, start_ns, summary);
    build_clear(&b);
    return status;
}

leit_status leit_index_build(const leit_index_options *options, leit_index_summary *summary)
{
    leit_launch launch;
    leit_dist *dist = NULL;
    LEIT_TRY(leit_launch_read(getenv, &launch));
    LEIT_TRY(leit_dist_create_launched(&launch, RANK_DEADLINE_MS, &dist));
    const leit_status status = leit_index_build_rank(dist, options, summary);
    leit_dist_close(dist);
    return status;
}

void leit_index_summary_clear(leit_index_summary *summary)
{
    if (summary->memory != NULL) leit_skip_list_clear(summary->memory);
    leit_free(summary->memory);
    *summary = (leit_index_summary){0};
}

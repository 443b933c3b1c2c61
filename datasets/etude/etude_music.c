/* Clips and library: every piece is one task with draws of its own, so that threads change nothing.
 */
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/threads.h"
#include "datasets/etude/etude_clip_tags.h"
#include "datasets/etude/etude_maths.h"
#include "datasets/etude/etude_parts.h"
#include "datasets/etude/etude_synth.h"

/* The chance that a cue follows another mood: what makes the corpus hard. */
static const double CLIP_MIXING = 0.05, LIBRARY_MIXING = 0.03;

/* The groups take the part of artists: no group is in two splits. */
static const struct leit_etude_ensemble ENSEMBLES[] = {
    /* clang-format off */
    /* name                    lead                                       chord               bass                room  tilt   noise tuning */
    {"Salt Street Quintet",   {LEIT_ETUDE_FLUTE, LEIT_ETUDE_STRINGS},     LEIT_ETUDE_EPIANO,  LEIT_ETUDE_PLUCK,   0.15, 7000,  -62, 0.00},
    {"Harbour Band",          {LEIT_ETUDE_BRASS, LEIT_ETUDE_CLARINET},    LEIT_ETUDE_ORGAN,   LEIT_ETUDE_EPIANO,  0.25, 6000,  -55, 0.10},
    {"Mill Pond Trio",        {LEIT_ETUDE_PLUCK, LEIT_ETUDE_EPIANO},      LEIT_ETUDE_STRINGS, LEIT_ETUDE_PLUCK,   0.10, 8000,  -65, -0.05},
    {"Glass House Duo",       {LEIT_ETUDE_BELL, LEIT_ETUDE_FLUTE},        LEIT_ETUDE_PLUCK,   LEIT_ETUDE_STRINGS, 0.35, 7500,  -60, 0.05},
    {"Cedar Consort",         {LEIT_ETUDE_STRINGS, LEIT_ETUDE_CLARINET},  LEIT_ETUDE_STRINGS, LEIT_ETUDE_STRINGS, 0.30, 5000,  -58, -0.10},
    {"Tramway Players",       {LEIT_ETUDE_EPIANO, LEIT_ETUDE_BRASS},      LEIT_ETUDE_EPIANO,  LEIT_ETUDE_EPIANO,  0.12, 7000,  -52, 0.00},
    {"North Pier Ensemble",   {LEIT_ETUDE_CLARINET, LEIT_ETUDE_PLUCK},    LEIT_ETUDE_ORGAN,   LEIT_ETUDE_PLUCK,   0.20, 6500,  -60, 0.15},
    {"Lantern Room",          {LEIT_ETUDE_FLUTE, LEIT_ETUDE_BELL},        LEIT_ETUDE_STRINGS, LEIT_ETUDE_EPIANO,  0.28, 6000,  -57, -0.15},
    {"Quarry Five",           {LEIT_ETUDE_BRASS, LEIT_ETUDE_STRINGS},     LEIT_ETUDE_PLUCK,   LEIT_ETUDE_PLUCK,   0.18, 7800,  -63, 0.08},
    {"Seven Bridges",         {LEIT_ETUDE_STRINGS, LEIT_ETUDE_EPIANO},    LEIT_ETUDE_ORGAN,   LEIT_ETUDE_PLUCK,   0.22, 5500,  -54, -0.08},
    {"Wren and Company",      {LEIT_ETUDE_PLUCK, LEIT_ETUDE_FLUTE},       LEIT_ETUDE_EPIANO,  LEIT_ETUDE_STRINGS, 0.26, 7200,  -61, 0.12},
    {"Old Customs Orchestra", {LEIT_ETUDE_CLARINET, LEIT_ETUDE_BRASS},    LEIT_ETUDE_STRINGS, LEIT_ETUDE_EPIANO,  0.32, 6800,  -56, -0.12},
    /* clang-format on */
};
enum { N_ENSEMBLES = sizeof ENSEMBLES / sizeof *ENSEMBLES, N_TITLES = 40 };

/* First ensemble and number of ensembles of each split. */
static const struct share {
    const char *split;
    int first, count;
} SHARES[] = {{"train", 0, 7}, {"valid", 7, 2}, {"test", 9, 3}};

static const char *const TITLES[N_TITLES] = {"Almanac",
                                             "Slate",
                                             "Harbour at Four",
                                             "The Long Corridor",
                                             "Paper Boats",
                                             "Window Seat",
                                             "Cartography",
                                             "Second Floor",
                                             "Millwheel",
                                             "Chalk",
                                             "Northbound",
                                             "Lanterns",
                                             "Copper Wire",
                                             "The Ferry",
                                             "Inventory",
                                             "Reeds",
                                             "Small Hours",
                                             "Hinges",
                                             "Viaduct",
                                             "Threshold",
                                             "Orchard Wall",
                                             "Meridian",
                                             "Salt",
                                             "The Clockmaker",
                                             "Footbridge",
                                             "Low Tide",
                                             "Ledger",
                                             "Weathervane",
                                             "Gravel Road",
                                             "Mosaic",
                                             "Signal Box",
                                             "The Attic",
                                             "Juniper",
                                             "Canal",
                                             "Stairwell",
                                             "October Field",
                                             "Postcards",
                                             "Lighthouse Keys",
                                             "Tin Roof",
                                             "Departures"};

struct piece {
    const char *path; /* relative to the directory */
    const char *split;
    const struct leit_etude_ensemble *ensemble;
    int mood;
    double seconds, mixing;
    uint32_t purpose, item;
    struct leit_etude_cues cues; /* what it was made from */
    bool is_major;
    leit_status status;
    char *failure; /* the sentence of a failed task, of which its thread's copy is lost */
};

struct job {
    const char *directory;
    const struct leit_etude_options *options;
    struct piece *pieces;
    int n_pieces, n_clips;
    leit_arena strings;
};

static leit_status write_flac(const char *path, const float *samples, int n, int sample_rate_hz)
{
    short *pcm = NULL;
    LEIT_TRY(LEIT_ALLOC(pcm, n));
    for (int i = 0; i < n; i++) {
        float scaled = samples[i] * 32767.0f;
        pcm[i] = (short)(scaled + (scaled < 0 ? -0.5f : 0.5f));
    }
    leit_status status = LEIT_OK;
    SF_INFO info = {
        .samplerate = sample_rate_hz, .channels = 1, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    LEIT_FAIL_GOTO_IF(file == NULL, done, LEIT_DATA, "cannot write %s: %s", path,
                      sf_strerror(NULL));
    sf_count_t written = sf_write_short(file, pcm, n);
    int closed = sf_close(file);
    LEIT_FAIL_GOTO_IF(written != n || closed != 0, done, LEIT_DATA,
                      "cannot write %s: %lld of %d samples", path, (long long)written, n);
done:
    leit_free(pcm);
    return status;
}

static leit_status make_piece(const struct job *job, struct piece *piece)
{
    int rate = job->options->sample_rate_hz, n = (int)(piece->seconds * rate);
    leit_rng rng =
        leit_rng_start(job->options->seed, LEIT_STREAM_ETUDE, piece->purpose, piece->item);
    const struct leit_etude_cues *cues = &piece->cues;
    struct leit_etude_score score = {0};
    float *samples = NULL;
    leit_arena strings = {0};
    leit_status status = LEIT_OK;
    piece->cues = leit_etude_draw_cues(piece->mood, piece->mixing, &rng);
    char *path = leit_path_join(&strings, job->directory, piece->path);
    if (path == NULL) return LEIT_INTERNAL;
    LEIT_TRY_GOTO(LEIT_ALLOC(samples, n), done);
    LEIT_TRY_GOTO(leit_etude_compose(cues, piece->seconds, &rng, &score), done);
    LEIT_TRY_GOTO(leit_etude_render(&score, cues, piece->ensemble, rate, &rng, samples, n), done);
    piece->is_major = score.is_major;
    LEIT_TRY_GOTO(write_flac(path, samples, n, rate), done);
done:
    leit_free(samples);
    leit_free(score.notes);
    leit_arena_clear(&strings);
    return status;
}

static void piece_task(void *context, int64_t task, int worker)
{
    (void)worker;
    struct job *job = context;
    struct piece *piece = &job->pieces[task];
    piece->status = make_piece(job, piece);
    if (piece->status != LEIT_OK) piece->failure = leit_strdup(leit_error_message());
}

static leit_status list_clips(struct job *job, leit_buffer *table)
{
    const struct leit_etude_options *options = job->options;
    int n = options->n_clips_per_mood;
    LEIT_TRY(leit_buffer_puts(table, "path,label,split,group\n"));
    for (int mood = 0; mood < LEIT_ETUDE_N_MOODS; mood++) {
        char *folder =
            leit_arena_printf(&job->strings, "%s/clips/%s", job->directory, leit_etude_moods[mood]);
        if (folder == NULL) return LEIT_INTERNAL;
        LEIT_TRY(leit_file_make_directory(folder));
        for (int i = 0; i < n; i++) {
            const char *split = leit_etude_split(i, n);
            const struct share *share = SHARES;
            while (strcmp(share->split, split) != 0) share++;
            struct piece *piece = &job->pieces[job->n_pieces++];
            *piece = (struct piece){
                .path = leit_arena_printf(&job->strings, "clips/%s/%s-%04d.flac",
                                          leit_etude_moods[mood], leit_etude_moods[mood], i),
                .split = split,
                .ensemble = &ENSEMBLES[share->first + i % share->count],
                .mood = mood,
                .seconds = options->clip_seconds,
                .mixing = CLIP_MIXING,
                .purpose = LEIT_ETUDE_CLIPS,
                .item = (uint32_t)(mood * n + i)};
            if (piece->path == NULL) return LEIT_INTERNAL;
            LEIT_TRY(leit_buffer_printf(table, "%s,%s,%s,%s\n", piece->path, leit_etude_moods[mood],
                                        split, piece->ensemble->name));
        }
    }
    return LEIT_OK;
}

/* The clips once more, under what is heard in them; when they are made. */
static leit_status list_clip_tags(const struct job *job, leit_buffer *table)
{
    LEIT_TRY(leit_buffer_puts(table, "path,label,split,group\n"));
    for (int i = 0; i < job->n_clips; i++) {
        const struct piece *piece = &job->pieces[i];
        LEIT_TRY(leit_buffer_printf(table, "%s,", piece->path));
        LEIT_TRY(leit_etude_print_tags_of(&piece->cues, piece->is_major, table));
        LEIT_TRY(leit_buffer_printf(table, ",%s,%s\n", piece->split, piece->ensemble->name));
    }
    return LEIT_OK;
}

/* The order of moods is shuffled, so that a title's number says nothing. */
static leit_status list_library(struct job *job, leit_buffer *table)
{
    const struct leit_etude_options *options = job->options;
    int32_t order[N_TITLES];
    for (int i = 0; i < N_TITLES; i++) order[i] = i;
    leit_rng rng = leit_rng_start(options->seed, LEIT_STREAM_ETUDE, LEIT_ETUDE_GROUPS, 0);
    leit_rng_shuffle(&rng, order, N_TITLES);
    LEIT_TRY(leit_buffer_puts(table, "path,label,group\n"));
    char *folder = leit_arena_printf(&job->strings, "%s/library", job->directory);
    if (folder == NULL) return LEIT_INTERNAL;
    LEIT_TRY(leit_file_make_directory(folder));
    for (int i = 0; i < options->n_library; i++) {
        struct piece *piece = &job->pieces[job->n_pieces++];
        *piece = (struct piece){
            .path =
                leit_arena_printf(&job->strings, "library/Opus %02d - %s.flac", i + 1, TITLES[i]),
            .ensemble = &ENSEMBLES[leit_rng_below(&rng, N_ENSEMBLES)],
            .mood = order[i] % LEIT_ETUDE_N_MOODS,
            .seconds = options->library_seconds * (1 + 0.5 * (double)leit_rng_uniform(&rng)),
            .mixing = LIBRARY_MIXING,
            .purpose = LEIT_ETUDE_LIBRARY,
            .item = (uint32_t)i};
        if (piece->path == NULL) return LEIT_INTERNAL;
        LEIT_TRY(leit_buffer_printf(table, "%s,%s,%s\n", piece->path, leit_etude_moods[piece->mood],
                                    piece->ensemble->name));
    }
    return LEIT_OK;
}

/* The first failure in the order of the list, whichever thread met it. */
static leit_status first_failure(const struct job *job)
{
    for (int i = 0; i < job->n_pieces; i++) {
        const struct piece *piece = &job->pieces[i];
        if (piece->status != LEIT_OK)
            LEIT_FAIL(piece->status, "%s", piece->failure != NULL ? piece->failure : piece->path);
    }
    return LEIT_OK;
}

leit_status leit_etude_write_music(const char *directory, const struct leit_etude_options *options)
{
    struct job job = {.directory = directory, .options = options};
    leit_buffer clips = {0}, clip_tags = {0}, library = {0};
    leit_threads *threads = NULL;
    leit_status status = LEIT_OK;
    job.n_clips = LEIT_ETUDE_N_MOODS * options->n_clips_per_mood;
    LEIT_TRY_GOTO(LEIT_ALLOC(job.pieces, job.n_clips + options->n_library), done);
    LEIT_TRY_GOTO(list_clips(&job, &clips), done);
    LEIT_TRY_GOTO(list_library(&job, &library), done);
    LEIT_TRY_GOTO(leit_threads_create(options->n_workers, &threads), done);
    leit_threads_run(threads, job.n_pieces, piece_task, &job);
    LEIT_TRY_GOTO(first_failure(&job), done);
    LEIT_TRY_GOTO(list_clip_tags(&job, &clip_tags), done);
    LEIT_TRY_GOTO(leit_etude_write_file(directory, "clips.csv", &clips), done);
    LEIT_TRY_GOTO(leit_etude_write_file(directory, "clip_tags.csv", &clip_tags), done);
    LEIT_TRY_GOTO(leit_etude_write_file(directory, "library.csv", &library), done);
done:
    for (int i = 0; i < job.n_pieces; i++) leit_free(job.pieces[i].failure);
    leit_free(job.pieces);
    leit_threads_free(threads);
    leit_buffer_clear(&clips);
    leit_buffer_clear(&clip_tags);
    leit_buffer_clear(&library);
    leit_arena_clear(&job.strings);
    return status;
}

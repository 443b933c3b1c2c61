/* Music for a story: a folder of audio becomes an index once; a text is then answered with the
 * tracks that fit each of its scenes.
 *
 *     leit_index_build(&(leit_index_options){.folder = "music", .model = "runs/metric3",
 *                                            .output = "music.h5"}, &summary);
 *     leit_match(&(leit_match_options){.index = "music.h5", .text = text, .size_bytes = size},
 *                &cues);
 *
 * An index belongs to one model: to its strategy, its labels and every one of its parameters.
 */
#ifndef LEITMOTIF_SEARCH_H
#define LEITMOTIF_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the index of a music library ---- */

typedef struct leit_index_options {
    const char *folder; /* searched with its subfolders for wav, flac, ogg, opus, mp3 and aiff */
    const char *model;  /* a checkpoint or a run folder */
    const char *output; /* the index, "x.h5"; one that is there already is brought up to date */
    int threads;        /* 0: all processors */
    int save_every_s;   /* seconds after which what is done is saved on the way; 0: 180 */
} leit_index_options;

/* A file that is not in the index, and why. */
typedef struct leit_index_skip {
    const char *path; /* relative to the folder; bytes that are not UTF-8 are replaced */
    const char *reason;
} leit_index_skip;

typedef struct leit_index_summary {
    int64_t n_tracks;  /* in the index now */
    int64_t n_new;     /* embedded by this call: new or changed */
    int64_t n_kept;    /* unchanged, not embedded again */
    int64_t n_removed; /* were in the index and are not any more: vanished or unusable now */
    int64_t n_skipped; /* audio files that cannot be used, in `skipped` */
    int64_t n_pending; /* not looked at: asked to stop before; those heard earlier keep their row */
    double seconds;
    int rank; /* of this process; the first, 0, speaks for all */
    const leit_index_skip *skipped;
    void *memory; /* owns the strings */
} leit_index_summary;

/* Embeds every audio file with the model's music tower, together with the other ranks that a launcher has
 * started (docs/cluster.md), and writes the index, whole or not at all,
 * every save_every_s and at the end: a loss of power costs minutes, the same call goes on. A
 * file of unchanged size and time keeps its row, and so does one of the same content. What cannot
 * be used (unreadable, not audio, NaN, shorter than one mel frame, silent) is skipped and
 * listed. LEIT_AGAIN when it was asked to stop: what is done is saved, the same call goes on.
 * LEIT_USAGE for a model without a way to match, or an output that is another kind of file.
 * `summary` may be NULL; it is filled for LEIT_OK and LEIT_AGAIN and freed with
 * leit_index_summary_clear. */
leit_status leit_index_build(const leit_index_options *options, leit_index_summary *summary);
void leit_index_summary_clear(leit_index_summary *summary);

typedef struct leit_index leit_index;

typedef struct leit_index_track {
    const char *path; /* relative to the indexed folder */
    const char *mood; /* the most likely one; NULL where the strategy has no moods */
    double duration_s;
    double loudness_lkfs; /* ITU-R BS.1770-4; -INFINITY where nothing passes its gates */
} leit_index_track;

/* LEIT_CHECKPOINT when it is missing, truncated, damaged or of another version, with the cure. */
leit_status leit_index_open(const char *path, leit_index **index);
void leit_index_close(leit_index *index);
int64_t leit_index_count(const leit_index *index);
/* Tracks are sorted by path in byte order. Strings live as long as the index. LEIT_USAGE when i is
 * not below the count. */
leit_status leit_index_track_at(const leit_index *index, int64_t i, leit_index_track *track);

/* ---- the match of a story ---- */

typedef enum leit_match_scenes {
    LEIT_SCENES_JOINED,     /* paragraphs are joined to scenes of min_tokens to max_tokens */
    LEIT_SCENES_PARAGRAPHS, /* every paragraph is a scene */
    LEIT_SCENES_WHOLE       /* the text is one scene */
} leit_match_scenes;

typedef enum leit_match_format {
    LEIT_MATCH_TABLE,
    LEIT_MATCH_JSON,
    LEIT_MATCH_M3U
} leit_match_format;

enum { LEIT_MATCH_MAX_BYTES = 64 << 20, LEIT_MATCH_MAX_TOP = 500 };

typedef struct leit_match_options {
    const char *index;
    const char *model; /* NULL: the one the index was made with, where it was then */
    const char *text;  /* size_bytes of it; NUL bytes and bytes that are not UTF-8 are fine */
    size_t size_bytes;
    const char *name; /* what the text is called in sentences; NULL: nothing */
    int top;          /* tracks for each scene, 1 to LEIT_MATCH_MAX_TOP; 0: 5 */
    leit_match_scenes scenes;
    int min_tokens, max_tokens; /* of a scene, 0 <= min <= max, 16 <= max; both 0: 64 and 512 */
    leit_match_format format;
    int threads; /* 0: all processors */
} leit_match_options;

/* The cue sheet: for every scene of the text its emotion and the tracks that fit best, by the rule
 * of the model's strategy; ties in the order of the paths. Search is exact. An M3U names tracks
 * relative to the indexed folder. Free it with leit_match_text_free.
 *
 * LEIT_DATA for an empty or blank text, or one above LEIT_MATCH_MAX_BYTES; LEIT_CHECKPOINT for an
 * index that cannot be read or a model that is not the index's, with the difference; LEIT_AGAIN
 * when asked to stop. */
leit_status leit_match(const leit_match_options *options, char **cues);
void leit_match_text_free(char *cues);

/* Writes a cue sheet to a file, whole or not at all. LEIT_DATA when that cannot be done. */
leit_status leit_match_save(const char *cues, const char *path);

#ifdef __cplusplus
}
#endif

#endif

/* What a match says, and its three forms: a table for people, JSON, and an extended M3U. */
#ifndef LEIT_SEARCH_CUE_SHEET_H
#define LEIT_SEARCH_CUE_SHEET_H

#include <stdbool.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "leitmotif/search.h"

typedef struct leit_cue_track {
    const char *path;
    const char *mood;   /* NULL where it is not known */
    const char *reason; /* a short phrase */
    double score;       /* see score_kind */
    double duration_s, loudness_lkfs;
} leit_cue_track;

/* The emotion of a scene as its strategy sees it. */
typedef struct leit_cue_emotion {
    const char *mood;    /* NULL where it is not known */
    const char *measure; /* "probability"; "similarity" or "distance" to texts of that mood */
    double value;        /* of the measure */
    bool has_valence_arousal;
    double valence, arousal; /* in [0, 1] */
    const char *words;       /* "unpleasant, excited"; NULL without valence and arousal */
} leit_cue_emotion;

typedef struct leit_cue {
    size_t start, end;       /* bytes of the text */
    const char *heading;     /* of the chapter that begins here; NULL without one */
    const char *first_words; /* valid UTF-8 on one line */
    leit_cue_emotion emotion;
    const char *note; /* why there are no tracks; NULL otherwise */
    int64_t n_tracks;
    const leit_cue_track *tracks; /* best first */
} leit_cue;

typedef struct leit_cue_sheet {
    const char *index, *folder, *strategy;
    const char *score_kind; /* "cosine", "distance" or "log_likelihood" */
    int64_t n_library_tracks;
    int64_t n_cues;
    leit_cue *cues;
    leit_arena arena;
} leit_cue_sheet;

leit_status leit_cue_sheet_write(const leit_cue_sheet *sheet, leit_match_format format,
                                 leit_buffer *text);

/* The first words of `text`: at most `width` characters, white space and control characters as one
 * space, bytes that are not UTF-8 as U+FFFD, "…" where something is left out. NULL when memory is
 * short. */
const char *leit_cue_sheet_line(leit_arena *arena, const char *text, size_t size_bytes, int width);

#endif

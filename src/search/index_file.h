/* The index of a music library as one container file ("leitmotif-index"):
 *
 *   attributes of the root   folder, model, recipe, strategy, rule (text), width, fingerprint,
 *                            n_pending (i64)
 *   space/music_labels       strings (K_music); empty where the strategy has no moods
 *   tracks/path              strings (N), relative to the folder, in byte order
 *   tracks/size_bytes, tracks/mtime_ns, tracks/xxh3          i64 (N): to see what has changed;
 *                            the time is -1 where a file was not looked at again before a stop
 *   tracks/duration_s, tracks/loudness_lkfs                  f64 (N)
 *   tracks/mood              i32 (N), the most likely music label; only under likelihood rules
 *   tracks/answer            f32 (N, width): what the music tower answers, of length 1 under the
 *                            cosine, log-likelihoods under the likelihood rules
 *   skipped/path, skipped/reason   strings */
#ifndef LEIT_SEARCH_INDEX_FILE_H
#define LEIT_SEARCH_INDEX_FILE_H

#include "container/container.h"
#include "leitmotif/search.h"
#include "strategy/matcher_file.h"

enum { LEIT_INDEX_VERSION = 1, LEIT_INDEX_NO_TIME = -1 };
#define LEIT_INDEX_FORMAT "leitmotif-index"

/* What two models must have in common for one to understand the other's answers. */
typedef struct leit_index_space {
    const char *strategy, *rule, *recipe;
    int64_t width;
    uint64_t fingerprint;
    int64_t n_music_labels;
    const char *const *music_labels;
} leit_index_space;

struct leit_index {
    leit_arena arena;          /* strings */
    leit_container *container; /* what was mapped; NULL for an index that is being made */
    const char *path, *folder, *model;
    leit_index_space space;
    int64_t n_tracks, n_pending;
    const char *const *paths;                    /* (N) */
    const int64_t *size_bytes, *mtime_ns, *xxh3; /* (N) */
    const double *duration_s, *loudness_lkfs;    /* (N) */
    const int32_t *mood;                         /* (N), NULL without moods */
    const float *answers;                        /* (N, width) */
    int64_t n_skipped;
    const char *const *skipped_paths, *const *skipped_reasons;
};

/* Whole or not at all. */
leit_status leit_index_write(const leit_index *index, const char *path);

/* The space of an open model; strings are borrowed from it. LEIT_USAGE when it cannot match. */
leit_status leit_index_space_of(const leit_loaded_matcher *loaded, leit_index_space *space);

/* LEIT_CHECKPOINT, naming the first difference, unless both spaces are the same. */
leit_status leit_index_check_space(const leit_index *index, const leit_index_space *space,
                                   const char *model);

#endif

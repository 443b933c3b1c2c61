/* Corpora: what training and evaluation read. One HDF5 file per corpus, made by `leitmotif corpus
 * build` from a manifest (leitmotif/corpus.h), opened here as plain arrays.
 *
 * A corpus is checked whole when it is opened: sums, shapes, labels, offsets, token ids. The one
 * exception is the PCM of a music corpus, which is mapped and not read; `leitmotif corpus check`
 * verifies it. Failures are LEIT_DATA and name the file.
 *
 * Every pointer of an opened corpus belongs to it and dies with close. A corpus is read-only: any
 * number of threads may read it.
 */
#ifndef LEIT_CORPUS_CORPUS_H
#define LEIT_CORPUS_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/check.h"
#include "leitmotif/corpus.h"

/* A text or clip may belong to several: Potter's tales are validation and test in Alm's paper
 * split. */
enum leit_split { LEIT_SPLIT_TRAIN = 1, LEIT_SPLIT_VALID = 2, LEIT_SPLIT_TEST = 4 };

/* "train", "valid" or "test". */
const char *leit_split_name(enum leit_split split);

enum { LEIT_CORPUS_VERSION = 1 };

/* Where a corpus came from. */
typedef struct leit_corpus_about {
    const char *name;  /* of the manifest: "alm" */
    const char *split; /* "paper", "strict" or "given": who decided the splits */
    int64_t n_sources;
    const char *const *sources;     /* paths below the manifest's folder, or as it states them */
    const char *const *source_sums; /* XXH3-64 of each file, 16 hex digits */
    int64_t n_ledger;
    const char *const
        *ledger; /* what was taken, what was altered or skipped and why, one line each */
    int64_t n_expected;
    const char *const *expected_names; /* of the manifest's `expect`: "texts", "train", "happy" */
    const int64_t *expected_counts;
} leit_corpus_about;

typedef struct leit_text_corpus {
    leit_corpus_about about;
    int64_t n_texts;           /* N */
    int32_t n_labels;          /* K */
    const char *const *labels; /* (K) */

    const int32_t *tokens;    /* (offsets[N]) WordPiece ids, [CLS] and [SEP] included, packed */
    const int64_t *offsets;   /* (N + 1) text i is tokens[offsets[i]] to tokens[offsets[i + 1]] */
    const int32_t *label;     /* (N) class, 0 to K - 1 */
    const uint8_t *split;     /* (N) a mask of leit_split, never 0 */
    const char *const *ids;   /* (N) where in the source: "Potter:8" */
    const char *const *texts; /* (N) UTF-8 */

    const char *vocabulary; /* the vocab.txt the ids belong to, NUL-terminated */
    size_t vocabulary_bytes;
    int32_t vocabulary_size; /* V: ids lie in [0, V) */
    int32_t max_tokens;      /* texts were cut here; at least 2 */

    struct leit_corpus_memory *memory;
} leit_text_corpus;

typedef struct leit_music_corpus {
    leit_corpus_about about;
    int64_t n_clips;           /* N */
    int32_t n_labels;          /* K */
    const char *const *labels; /* (K) */

    const int16_t *pcm;        /* (offsets[N]) mono, packed; mapped from the file */
    const int64_t *offsets;    /* (N + 1) samples */
    const int32_t *label;      /* (N) class; NULL in a tagging corpus */
    const uint8_t *tags;       /* (N, K) 0 or 1; NULL unless it is a tagging corpus */
    const uint8_t *split;      /* (N) a mask of leit_split, never 0 */
    const char *const *paths;  /* (N) as the source states them */
    const char *const *groups; /* (N) what must not be split apart, as an artist; "" unknown */
    const double *duration_s;  /* (N) */
    int32_t sample_rate_hz;    /* 16000 */

    struct leit_corpus_memory *memory;
} leit_music_corpus;

enum leit_modality { LEIT_MODALITY_TEXT = 0, LEIT_MODALITY_MUSIC = 1 };

typedef struct leit_tag_corpus {
    leit_corpus_about about;
    int64_t n_tags;           /* N */
    const char *const *names; /* (N) a name appears at most once in each modality */
    const uint8_t *modality;  /* (N) leit_modality */
    const float *valence;     /* (N) in [range_low, range_high]; NULL when unknown */
    const float *arousal;     /* (N) likewise */
    double range_low, range_high;
    int32_t vector_width; /* E_w; 0 when there are no vectors */
    const float *vectors; /* (N, E_w); NULL when there are none */

    struct leit_corpus_memory *memory;
} leit_tag_corpus;

leit_status leit_text_corpus_open(const char *path, leit_text_corpus **corpus);
leit_status leit_music_corpus_open(const char *path, leit_music_corpus **corpus);
leit_status leit_tag_corpus_open(const char *path, leit_tag_corpus **corpus);

/* Compares the sum of `pcm`, which opening only maps; the other arrays were compared already. */
leit_status leit_music_corpus_verify(const leit_music_corpus *corpus);

/* NULL is fine. */
void leit_text_corpus_close(leit_text_corpus *corpus);
void leit_music_corpus_close(leit_music_corpus *corpus);
void leit_tag_corpus_close(leit_tag_corpus *corpus);

/* Checks and writes a corpus that the caller has filled in (`memory` is not looked at); `about` may
 * be zero but for the name. Whole or not at all. */
leit_status leit_text_corpus_write(const leit_text_corpus *corpus, const char *path);
leit_status leit_music_corpus_write(const leit_music_corpus *corpus, const char *path);
leit_status leit_tag_corpus_write(const leit_tag_corpus *corpus, const char *path);

/* "text", "music" or "tags": the kind of a corpus file, or of the manifest's `kind`. */
leit_status leit_corpus_kind(const char *path, const char **kind);

/* Index of a tag, -1 when it is not there. */
int64_t leit_tag_corpus_find(const leit_tag_corpus *corpus, enum leit_modality modality,
                             const char *name);

/* Indices of the texts or clips of a split (any bit of `splits`), ascending, (N) room in `rows`,
 * which may be NULL; returns how many. */
int64_t leit_split_rows(const uint8_t *split, int64_t n, int splits, int64_t *rows);

#endif

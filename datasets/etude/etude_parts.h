/* The parts of the built-in corpus: each writes its own files into `directory`. */
#ifndef LEIT_DATASETS_ETUDE_PARTS_H
#define LEIT_DATASETS_ETUDE_PARTS_H

#include "core/buffer.h"
#include "leitmotif/etude.h"

enum { LEIT_ETUDE_N_ALM = 5, LEIT_ETUDE_N_ISEAR = 7, LEIT_ETUDE_N_MOODS = 7 };

/* The labels of the three taxonomies in alphabetical order. */
extern const char *const leit_etude_alm[LEIT_ETUDE_N_ALM];
extern const char *const leit_etude_isear[LEIT_ETUDE_N_ISEAR];
extern const char *const leit_etude_moods[LEIT_ETUDE_N_MOODS];

/* What a draw is for: the `step` of LEIT_STREAM_ETUDE; `sample` counts the items. Append only: the
 * numbers are part of the corpus. */
enum leit_etude_purpose {
    LEIT_ETUDE_ALM = 1,
    LEIT_ETUDE_ISEAR = 2,
    LEIT_ETUDE_VECTORS = 3,
    LEIT_ETUDE_CLIPS = 4,
    LEIT_ETUDE_LIBRARY = 5,
    LEIT_ETUDE_GROUPS = 6,
    LEIT_ETUDE_NOISE = 7
};

/* "train", "valid" or "test" for item i of n: the first 60 %, the next 20 %, the rest. */
const char *leit_etude_split(int i, int n);

/* Writes `content` as directory/name. */
leit_status leit_etude_write_file(const char *directory, const char *name,
                                  const leit_buffer *content);

/* texts_alm.tsv, texts_isear.tsv */
leit_status leit_etude_write_texts(const char *directory, const struct leit_etude_options *options);
/* tags.tsv, vectors.txt */
leit_status leit_etude_write_tags(const char *directory, const struct leit_etude_options *options);
/* vocabulary.txt */
leit_status leit_etude_write_vocabulary(const char *directory);
/* clips/, clips.csv, clip_tags.csv, library/, library.csv */
leit_status leit_etude_write_music(const char *directory, const struct leit_etude_options *options);

#endif

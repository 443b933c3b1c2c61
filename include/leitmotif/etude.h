/* etude: the built-in corpus. Stories from a grammar and music from a small composer, both written
 * for this project: free of licences, deterministic, of any size.
 *
 *     struct leit_etude_options options = LEIT_ETUDE_OPTIONS_INIT;
 *     leit_status status = leit_etude_generate("data/etude", &options);
 *
 * datasets/etude/README.md says which cue drives which mood, and how hard the corpus is.
 */
#ifndef LEITMOTIF_ETUDE_H
#define LEITMOTIF_ETUDE_H

#include <stdint.h>

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct leit_etude_options {
    uint64_t seed;
    int n_texts_per_label;  /* 60 % train, 20 % valid, 20 % test; 5 to 1000 */
    int n_clips_per_mood;   /* the same shares; 5 to 2000 */
    double clip_seconds;    /* 1 to 60 */
    int n_library;          /* pieces of the music library, 0 to 40 */
    double library_seconds; /* the shortest; the longest is half as long again; 1 to 120 */
    int sample_rate_hz;     /* 8000 to 48000 */
    int n_workers;          /* threads; 0: all processors. Never changes what is written. */
};

/* The default corpus: about 1,200 texts, 280 clips and 40 longer pieces, made in seconds. */
#define LEIT_ETUDE_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .seed = 2021, .n_texts_per_label = 100, .n_clips_per_mood = 40, .clip_seconds = 8.0,       \
        .n_library = 40, .library_seconds = 20.0, .sample_rate_hz = 16000, .n_workers = 0          \
    }

/* Writes the corpus into `directory`, which is created when missing; files of the same names are
 * replaced, others are left alone. options NULL takes the defaults.
 *
 *   texts_alm.tsv, texts_isear.tsv   id, label, split, story; no header
 *   clips.csv                        path,label,split,group with a header; clips/<mood>/<id>.flac
 *   clip_tags.csv                    the same clips; label: what is heard, as slow|minor|legato
 *   library.csv, library/            title, file and the mood each piece was composed in
 *   tags.tsv                         tag, modality (text or music), valence, arousal; no header
 *   vectors.txt                      word2vec text format, 16 wide
 *   vocabulary.txt                   WordPiece, one piece a line
 *   etude_alm.yaml, etude_isear.yaml, etude_music.yaml, etude_tagging.yaml,
 *   etude_tags.yaml                  manifests
 *
 * The same options give the same texts and the same samples on every machine, and the same bytes
 * wherever the same libsndfile and libFLAC run on the same kind of processor.
 * LEIT_USAGE when an option is out of its range, LEIT_DATA when a file cannot be written. */
leit_status leit_etude_generate(const char *directory, const struct leit_etude_options *options);

#ifdef __cplusplus
}
#endif

#endif

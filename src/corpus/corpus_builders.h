/* The three builders behind leit_corpus_build, and the readers of text sources. Room-internal. */
#ifndef LEIT_CORPUS_CORPUS_BUILDERS_H
#define LEIT_CORPUS_CORPUS_BUILDERS_H

#include "corpus/corpus_draft.h"

leit_status leit_text_build(leit_manifest *manifest, const char *output_path);
leit_status leit_music_build(leit_manifest *manifest, const char *output_path);
leit_status leit_tag_build(leit_manifest *manifest, const char *output_path);

/* One text as its source has it; the strings live in the draft. */
typedef struct leit_text_row {
    const char *id, *label, *text;
    const char *group; /* what a split keeps together: a story; "" none */
    uint8_t split;     /* a mask of leit_split; 0 until it is decided */
} leit_text_row;

typedef struct leit_text_rows {
    leit_text_row *rows;
    size_t count, capacity;
} leit_text_rows;

/* Copies a row into the draft; an empty text goes into the ledger instead. */
leit_status leit_text_rows_add(leit_text_rows *rows, leit_draft *draft, const leit_text_row *row);

/* Each reads its source and decides the splits. */
typedef leit_status leit_text_reader(leit_manifest *manifest, leit_draft *draft,
                                     leit_text_rows *rows);
leit_text_reader leit_read_etude_text, leit_read_alm, leit_read_isear;

enum { LEIT_TEXT_SOURCE_BYTES = 1 << 28 };

#endif

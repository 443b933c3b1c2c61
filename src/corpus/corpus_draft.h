/* A corpus in the making: what is written into `about`, and the reading of the text tables sources
 * come in. Room-internal. */
#ifndef LEIT_CORPUS_CORPUS_DRAFT_H
#define LEIT_CORPUS_CORPUS_DRAFT_H

#include "core/buffer.h"
#include "corpus/corpus.h"
#include "corpus/corpus_manifest.h"

typedef struct leit_strings {
    const char **items;
    size_t count, capacity;
} leit_strings;

typedef struct leit_draft {
    leit_arena arena;
    leit_strings sources, sums, ledger;
    const char *name, *split;
    leit_strings expected_names;
    int64_t *expected_counts;
    size_t expected_capacity;
} leit_draft;

/* Takes `name` and `expect` from the manifest. */
leit_status leit_draft_start(leit_manifest *manifest, leit_draft *draft);
void leit_draft_clear(leit_draft *draft);

/* Records a source file with the sum of its bytes. */
leit_status leit_draft_source(leit_draft *draft, const char *stated, const char *path);

/* A line of the ledger: what happened to what, and why: ("skipped", "clips/x.mp3", "silent") is
 * "skipped clips/x.mp3: silent". A name that holds ": " or begins with a quote stands in quotes, its
 * own doubled. Stats count lines by what happened and why, so the reason holds no particulars before
 * its first colon. */
leit_status leit_draft_note(leit_draft *draft, const char *action, const char *where,
                            const char *reason);
/* The reason of such a line, "" when it has none. */
const char *leit_ledger_reason(const char *line);

/* The view that is written; valid until the next change. */
leit_corpus_about leit_draft_about(const leit_draft *draft);

/* "train", "valid", "test", or several joined by '+'; 0 when it is none of them. */
uint8_t leit_split_parse(const char *text);

/* A text file whose lines or CSV rows are taken apart in place. Refuses what is not UTF-8, naming
 * the line; a byte order mark is passed over. */
typedef struct leit_table {
    const char *path;
    leit_buffer content;
    char *cursor;
    int line; /* of the row last read, from 1 */
    int next_line;
} leit_table;
leit_status leit_table_open(const char *path, size_t limit_bytes, leit_table *table);
void leit_table_close(leit_table *table);
/* The next line without its end, NULL at the end of the file. */
char *leit_table_line(leit_table *table);
/* Cuts a line at every separator; returns the number of fields, of which the first max_fields are
 * stored. */
int leit_table_split(char *line, char separator, char **fields, int max_fields);
/* A row of RFC 4180: quoted fields may hold commas, doubled quotes and line ends. Empty lines are
 * passed over; *n_fields is 0 at the end. */
leit_status leit_table_csv_row(leit_table *table, char **fields, int max_fields, int *n_fields);

#endif

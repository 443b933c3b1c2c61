/* What a run writes down while it trains: metrics.jsonl and TensorBoard events. Both are cut back
 * to where the checkpoint was made: a resumed run leaves the same metrics.jsonl as one that never
 * stopped, and the same scalars in its event files, one file for each time it was started. */
#ifndef LEIT_TRAIN_JOURNAL_H
#define LEIT_TRAIN_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/check.h"

typedef struct leit_journal leit_journal;

/* How far the journal has come. */
typedef struct leit_journal_place {
    int64_t metrics_bytes, events_bytes;
} leit_journal_place;

/* Opens <directory>/metrics.jsonl and <directory>/events at a place (zeros: anew); what lies behind
 * it is cut off. */
leit_status leit_journal_open(const char *directory, leit_journal_place place,
                              leit_journal **journal);
void leit_journal_close(leit_journal *journal);

/* One training step; `step` counts from 1 in its phase. */
leit_status leit_journal_step(leit_journal *journal, const char *phase, int64_t step, double loss,
                              double learning_rate, double gradient_norm);
/* One validation. */
leit_status leit_journal_validation(leit_journal *journal, const char *phase, int64_t step,
                                    int64_t epoch, const char *monitor, double value, bool is_best);

/* Flushes both files to the disk; *place is where to go on from. */
leit_status leit_journal_sync(leit_journal *journal, leit_journal_place *place);

#endif

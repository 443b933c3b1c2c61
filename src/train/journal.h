/* What a run writes down while it trains: metrics.jsonl and TensorBoard events. metrics.jsonl is
 * cut back to where the checkpoint was made, so that a resumed run leaves the same file as one that
 * never stopped. Events start a new file each time: steps after the checkpoint stand in both. */
#ifndef LEIT_TRAIN_JOURNAL_H
#define LEIT_TRAIN_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/check.h"

typedef struct leit_journal leit_journal;

/* Opens <directory>/metrics.jsonl at metrics_bytes (0: anew; what lies behind is cut off). */
leit_status leit_journal_open(const char *directory, int64_t metrics_bytes, leit_journal **journal);
void leit_journal_close(leit_journal *journal);

/* One training step; `step` counts from 1 in its phase. */
leit_status leit_journal_step(leit_journal *journal, const char *phase, int64_t step, double loss,
                              double learning_rate, double gradient_norm);
/* One validation. */
leit_status leit_journal_validation(leit_journal *journal, const char *phase, int64_t step,
                                    int64_t epoch, const char *monitor, double value, bool is_best);

/* Flushes both files to the disk; *metrics_bytes is where to go on from. */
leit_status leit_journal_sync(leit_journal *journal, int64_t *metrics_bytes);

#endif

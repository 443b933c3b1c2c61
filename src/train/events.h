/* TensorBoard event files: scalars as TFRecords of tensorflow.Event messages. */
#ifndef LEIT_TRAIN_EVENTS_H
#define LEIT_TRAIN_EVENTS_H

#include <stdint.h>

#include "core/check.h"

typedef struct leit_events leit_events;

/* Starts a new event file in the directory. Of the event files that lie there the first keep_bytes
 * stay, counted over all of them in order, so that no step stands there twice: a resumed run says
 * how far its checkpoint had come, a new one 0. */
leit_status leit_events_open(const char *directory, int64_t keep_bytes, leit_events **events);
void leit_events_close(leit_events *events);

leit_status leit_events_scalar(leit_events *events, const char *tag, int64_t step, double value);
/* Flushes to the disk; *n_bytes are those of all event files of the directory. */
leit_status leit_events_flush(leit_events *events, int64_t *n_bytes);

#endif

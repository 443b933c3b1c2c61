/* TensorBoard event files: scalars as TFRecords of tensorflow.Event messages. */
#ifndef LEIT_TRAIN_EVENTS_H
#define LEIT_TRAIN_EVENTS_H

#include <stdint.h>

#include "core/check.h"

typedef struct leit_events leit_events;

/* Starts a new event file in the directory. */
leit_status leit_events_open(const char *directory, leit_events **events);
void leit_events_close(leit_events *events);

leit_status leit_events_scalar(leit_events *events, const char *tag, int64_t step, double value);
leit_status leit_events_flush(leit_events *events);

#endif

/* The one flag by which a signal asks long work to stop at a safe place. */
#ifndef LEIT_CORE_STOP_H
#define LEIT_CORE_STOP_H

#include <stdbool.h>

#include "core/check.h"

/* Async-signal-safe. */
void leit_stop_set(bool wanted);
bool leit_stop_wanted(void);

/* For work that has nothing to save: LEIT_AGAIN when it is to stop. */
leit_status leit_stop_check(void);

#endif

/* The one flag by which a signal asks long work to stop at a safe place. */
#ifndef LEIT_CORE_STOP_H
#define LEIT_CORE_STOP_H

#include <stdbool.h>

/* Async-signal-safe. */
void leit_stop_set(bool wanted);
bool leit_stop_wanted(void);

#endif

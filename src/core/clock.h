/* Monotonic time, and processor time. */
#ifndef LEIT_CORE_CLOCK_H
#define LEIT_CORE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since an arbitrary start; never goes back. */
int64_t leit_clock_ns(void);

/* Seconds since `start_ns`. */
double leit_clock_seconds_since(int64_t start_ns);

/* Nanoseconds of processor time, user and system, that all threads of this process have taken. */
int64_t leit_clock_processor_ns(void);

#endif

/* Work of a device that is the same each time: what changes from time to time lies in memory. It is
 * run the first time, recorded the second, and from then on launched as one. Where the backend has
 * no recorder it is run each time. */
#ifndef LEIT_PLAN_RECORDED_H
#define LEIT_PLAN_RECORDED_H

#include "kernels/backend.h"

/* A zero-initialised leit_recorded is new. */
typedef struct leit_recorded {
    bool has_run;
    leit_recording *recording;
} leit_recorded;

/* `work` looks at no memory of the program that changes from run to run. */
leit_status leit_recorded_run(leit_recorded *recorded, const leit_backend *backend,
                              leit_status (*work)(void *context), void *context);
/* Launches that were recorded as one, 0 before. */
int64_t leit_recorded_nodes(const leit_recorded *recorded, const leit_backend *backend);
void leit_recorded_clear(leit_recorded *recorded, const leit_backend *backend);

#endif

/* A pool of worker threads and one way to use it: a loop over tasks.
 *
 * Results never depend on the number of threads: callers cut their work into tasks whose borders
 * depend on the sizes alone, each task writes its own place, and partial sums are added in task
 * order afterwards. `worker` may only choose scratch memory.
 */
#ifndef LEIT_CORE_THREADS_H
#define LEIT_CORE_THREADS_H

#include <stdint.h>

#include "core/check.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leit_threads leit_threads;

typedef void leit_task(void *context, int64_t task, int worker);

/* n_workers >= 1 including the caller; 0 takes the number of processors this process may use. */
leit_status leit_threads_create(int n_workers, leit_threads **threads);
void leit_threads_free(leit_threads *threads);

/* 1 when threads is NULL. */
int leit_threads_count(const leit_threads *threads);

/* Calls function(context, task, worker) for every task in [0, n_tasks), each exactly once, and
 * returns when all are done. threads NULL runs them in order on the caller. Not reentrant: a task
 * must not start a loop on the same pool. */
void leit_threads_run(leit_threads *threads, int64_t n_tasks, leit_task *function, void *context);

#ifdef __cplusplus
}
#endif

#endif

/* Memory that the program cannot touch: what lies on a device, pages taken away while no kernel runs.
 * Whoever reaches for it from outside crashes at that place. */
#ifndef LEIT_TESTS_FENCE_H
#define LEIT_TESTS_FENCE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed pages behind the fence; NULL, with a sentence, when there is no room. */
void *leit_fence_allocate(size_t bytes);
void leit_fence_release(void *memory); /* NULL is fine */
/* Pieces that have not been released. */
int leit_fence_allocations(void);

/* A kernel begins, and ends. */
void leit_fence_open(void);
void leit_fence_close(void);

#ifdef __cplusplus
}
#endif

#endif

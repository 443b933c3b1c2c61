/* A backend by words: "cpu", "cuda" (the plugin and a GPU) or, in programs that are linked with the
 * emulator, "emulated"; kernels and precision as in a recipe. */
#ifndef LEIT_TESTS_CHOSEN_BACKEND_H
#define LEIT_TESTS_CHOSEN_BACKEND_H

#include "kernels/backend.h"

/* Kept open to the end of the program. LEIT_DEVICE without a GPU, LEIT_USAGE for other words. */
leit_status leit_choose_backend(const char *device, const char *kernels, const char *precision,
                                const leit_backend **backend);

/* The place of a word in the lists of kernels/op.h; -1. */
int leit_kernels_of(const char *word);
int leit_precision_of(const char *word);

/* The name of the GPU in use; "" without one. */
const char *leit_chosen_gpu(void);

#endif

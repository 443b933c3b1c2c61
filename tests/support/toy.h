/* Corpora of a few texts and noises, written in an instant, the same to the byte everywhere; and
 * recipes that train on them in a second. Texts and clips of a label resemble each other. */
#ifndef LEIT_TESTS_TOY_H
#define LEIT_TESTS_TOY_H

#include "corpus/dataset.h"
#include "recipe/recipe.h"

typedef struct leit_toy_options {
    int n_texts_per_label, n_clips_per_label; /* of five: three train, one valid, one test */
    int n_samples;                            /* of a clip */
} leit_toy_options;

enum { LEIT_TOY_VOCABULARY = 30, LEIT_TOY_CROP = 9216, LEIT_TOY_VECTOR_WIDTH = 6 };

/* Writes text.h5 (5 labels of Alm), music.h5 (7 labels), tagging.h5 (the same clips with 4 tags)
 * and tags.h5 into the directory. */
void leit_toy_write(const char *directory, const leit_toy_options *options);

/* A recipe on these corpora: batch 8, 2 epochs, no dropout, one thread, runs into
 * <directory>/run. Overrides as on the command line, NULL-terminated; NULL: none. */
leit_recipe *leit_toy_recipe(const char *directory, const char *strategy,
                             const char *const *overrides);

#endif

/* A matcher with random weights, small enough to run in milliseconds, and audio files to ask it
 * about. */
#ifndef LEIT_TESTS_TINY_MATCHER_H
#define LEIT_TESTS_TINY_MATCHER_H

#include "strategy/matcher_file.h"

/* Saves a checkpoint of the strategy ("metric2", ...) with weights drawn from the seed as
 * <test directory>/<name> and returns its path; valid until the program ends. Texts are happy, sad
 * or fear, music happy, sad or scary. A name that starts with "unplaced" gives one that does not
 * know where they lie. */
const char *leit_tiny_matcher(const char *name, const char *strategy, int seed);

/* Writes 16-bit mono wav at 16 kHz: a tone of `hz` with a little noise; amplitude in [0, 1]. */
void leit_tiny_wav(const char *path, int64_t n_samples, double hz, double amplitude);

/* Writes 32-bit float wav; `samples` may hold anything. */
void leit_tiny_float_wav(const char *path, const float *samples, int64_t n_samples);

#endif

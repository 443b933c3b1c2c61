/* Goldens as plain text: "name count" and a line of numbers, written by
 * tests/oracle/numbers_golden.py. Everything that goes wrong fails the test. */
#ifndef LEIT_TESTS_NUMBERS_H
#define LEIT_TESTS_NUMBERS_H

#include "core/arena.h"
#include "core/buffer.h"
#include "support/testing.h"

typedef struct leit_numbers {
    leit_buffer text;
    leit_arena arena; /* everything read so far */
} leit_numbers;

/* `path` is relative to the source tree. */
void leit_numbers_open(const char *path, leit_numbers *numbers);
void leit_numbers_close(leit_numbers *numbers);

/* The numbers of an entry; `count` may be NULL. They live until close. */
const double *leit_numbers_f64(leit_numbers *numbers, const char *name, size_t *count);
const float *leit_numbers_f32(leit_numbers *numbers, const char *name, size_t *count);
const int32_t *leit_numbers_i32(leit_numbers *numbers, const char *name, size_t *count);
const uint8_t *leit_numbers_u8(leit_numbers *numbers, const char *name, size_t *count);

/* The same with a printf name: leit_numbers_name("case%d.values", 3); valid until the next 8 calls.
 */
const char *leit_numbers_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fails unless |actual - expected| <= tolerance * max(1, |expected|) everywhere. */
void leit_numbers_compare(const char *name, const double *actual, const double *expected,
                          size_t count, double tolerance);

#endif

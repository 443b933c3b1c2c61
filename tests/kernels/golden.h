/* Golden cases of an op: tests/golden/ops/<op>.h5, written by tests/oracle/ops.py in double
 * precision from f32 inputs. A file holds groups case0, case1, ...; each has the attribute `params`
 * (the case's text) and one dataset per buffer, named as in cases_<op>.c; what a sum or a running
 * statistic ends with is <name>_after. Anything amiss stops the test program with a sentence. */
#ifndef LEIT_TESTS_GOLDEN_H
#define LEIT_TESTS_GOLDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/tensor.h"

typedef struct leit_golden {
    void *container;
    char group[16];
    const char *params;
} leit_golden;

/* The number of cases; 0 when there is no such file. */
int leit_golden_count(const char *op);

void leit_golden_open(const char *op, int index, leit_golden *golden);
void leit_golden_close(leit_golden *golden);

/* Reads <name><suffix> into `values`; false where there is none: they stay as they are. */
bool leit_golden_read(const leit_golden *golden, const char *name, const char *suffix,
                      leit_dtype dtype, int64_t count, void *values);

#endif

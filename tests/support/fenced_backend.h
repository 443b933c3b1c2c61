/* The CPU's kernels on memory of their own: while no kernel runs and nothing is copied, the pages
 * that stand for the device's memory cannot be touched, and who touches them dies. What works on
 * this backend keeps program and device apart; its results are the CPU's, bit for bit. */
#ifndef LEIT_TESTS_FENCED_BACKEND_H
#define LEIT_TESTS_FENCED_BACKEND_H

#include "kernels/backend.h"
#include "support/fence.h"

const leit_backend *leit_backend_fenced(void);

#endif

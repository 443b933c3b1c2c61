/* What every test of the project includes: cmocka in the order it needs, and a few assertions in
 * the project's own terms. */
#ifndef LEIT_TESTS_TESTING_H
#define LEIT_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "leitmotif/status.h"

/* Fails with the recorded sentence unless the call succeeds. */
#define assert_ok(expression)                                                                      \
    do {                                                                                           \
        leit_status assert_status_ = (expression);                                                 \
        if (assert_status_ != LEIT_OK)                                                             \
            fail_msg("%s: %s (%s)", #expression, leit_error_message(), leit_error_function());     \
    } while (0)

/* Fails unless the call gives exactly this status and a sentence that contains `fragment`. */
#define assert_fails(expression, code, fragment)                                                   \
    leit_assert_fails((expression), (code), (fragment), #expression, __FILE__, __LINE__)
void leit_assert_fails(leit_status status, leit_status expected, const char *fragment,
                       const char *text, const char *file, int line);

/* A fresh empty directory below the build tree that belongs to this test program; valid until the
 * program ends. */
const char *leit_test_directory(void);

/* For main() of a test that needs what is not everywhere: says which variable is not set. The exit
 * code tells CTest that the test was skipped. */
enum { LEIT_TEST_SKIPPED = 77 };
bool leit_test_lacks(const char *variable);

/* The path of `name` in that directory; valid until the next 64 calls of this and the next. */
const char *leit_test_scratch(const char *name);

/* The path of a file of the source tree, "tests/golden/x.h5"; valid as long. */
const char *leit_test_source(const char *relative_path);

#endif

/* How a function fails: it returns a status and leaves one sentence behind.
 *
 *     LEIT_TRY(leit_file_read(path, limit_bytes, &text));       forward a failure
 *     LEIT_FAIL_IF(n < 1, LEIT_USAGE, "%s: n_mels is %d, expected at least 1", path, n);
 *     LEIT_TRY_GOTO(expr, done);    the same where something must be freed: needs a local variable
 *                                   `leit_status status` and a label; the first error is kept
 *
 * A sentence names the file or argument, what was found, what was expected, and the cure.
 */
#ifndef LEIT_CORE_CHECK_H
#define LEIT_CORE_CHECK_H

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Records the sentence for this thread and returns `code`. */
leit_status leit_fail(leit_status code, const char *function, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Puts "format: " before the recorded sentence and returns `code`: for the caller that knows the
 * file when the callee knew only the place. */
leit_status leit_fail_context(leit_status code, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* What the system says about an errno and what cures it: "No space left on device; make room".
 * Valid until the next call on this thread. */
const char *leit_error_reason(int error);

#ifdef __cplusplus
}
#endif

#ifdef __clang_analyzer__ /* it reads one file at a time and must see that `code` comes back */
#define leit_fail(code, ...) (leit_fail((code), __VA_ARGS__), (code))
#endif

#define LEIT_FAIL(code, ...) return leit_fail((code), __func__, __VA_ARGS__)

#define LEIT_FAIL_IF(condition, code, ...)                                                         \
    do {                                                                                           \
        if (condition) return leit_fail((code), __func__, __VA_ARGS__);                            \
    } while (0)

#define LEIT_TRY(expression)                                                                       \
    do {                                                                                           \
        leit_status leit_try_status = (expression);                                                \
        if (leit_try_status != LEIT_OK) return leit_try_status;                                    \
    } while (0)

#define LEIT_TRY_GOTO(expression, label)                                                           \
    do {                                                                                           \
        status = (expression);                                                                     \
        if (status != LEIT_OK) goto label;                                                         \
    } while (0)

/* The same two with the failing branch jumping to `label`. */
#define LEIT_FAIL_GOTO_IF(condition, label, code, ...)                                             \
    do {                                                                                           \
        if (condition) {                                                                           \
            status = leit_fail((code), __func__, __VA_ARGS__);                                     \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)

#endif

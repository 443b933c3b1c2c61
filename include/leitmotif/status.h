/* Status values: what every Leitmotif function that can fail returns.
 *
 * A status is also the exit code of the command-line program, so that a scheduler and a C caller
 * read the same numbers. The sentence that belongs to a failure is kept per thread and read with
 * leit_error_message(): it names the file or argument, what was found, what was expected, and the
 * cure where there is one.
 */
#ifndef LEITMOTIF_STATUS_H
#define LEITMOTIF_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, text) */
#define LEIT_STATUS_LIST(X)                                                                        \
    X(OK, 0, "fine")                                                                               \
    X(INTERNAL, 1, "internal error")                                                               \
    X(USAGE, 2, "wrong usage or recipe")                                                           \
    X(DATA, 3, "bad or missing data")                                                              \
    X(CHECKPOINT, 4, "bad checkpoint or index")                                                    \
    X(DEVICE, 5, "no such device, or a device error")                                              \
    X(RANK, 6, "a rank is lost or late")                                                           \
    X(NUMERICAL, 7, "NaN, infinity or a collapsed model")                                          \
    X(AGAIN, 75, "saved; run the same command again to go on")

typedef enum leit_status {
#define LEIT_STATUS_ENUM(name, value, text) LEIT_##name = (value),
    LEIT_STATUS_LIST(LEIT_STATUS_ENUM)
#undef LEIT_STATUS_ENUM
} leit_status;

/* The short text of a status, never NULL. */
const char *leit_status_text(leit_status status);

/* The sentence of this thread's last failure; "" when nothing failed yet. Valid until the next
 * failure on the same thread. */
const char *leit_error_message(void);

/* The function that reported this thread's last failure; "" when nothing failed yet. */
const char *leit_error_function(void);

#ifdef __cplusplus
}
#endif

#endif

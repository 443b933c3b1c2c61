/* What the library has to say while it works. It never prints: a program that wants to hear sets a
 * sink; without one, messages are dropped. */
#ifndef LEITMOTIF_LOG_H
#define LEITMOTIF_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum leit_log_level {
    LEIT_LOG_DEBUG,
    LEIT_LOG_INFO,
    LEIT_LOG_WARNING,
    LEIT_LOG_PROGRESS /* one line that replaces the line before it: rate, loss, time left */
} leit_log_level;

/* `message` has no newline and is valid during the call. May be called from any thread. */
typedef void leit_log_sink(void *context, leit_log_level level, const char *message);

/* Sets the sink of this process; NULL silences. Call before any other thread is running. */
void leit_log_set_sink(leit_log_sink *sink, void *context);

#ifdef __cplusplus
}
#endif

#endif

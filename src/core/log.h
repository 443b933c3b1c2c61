/* The library's side of leitmotif/log.h. */
#ifndef LEIT_CORE_LOG_H
#define LEIT_CORE_LOG_H

#include "leitmotif/log.h"

/* Hands one formatted line to the sink. */
void leit_log(leit_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

#include "core/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "core/number.h"

static leit_log_sink *current_sink;
static void *current_context;

void leit_log_set_sink(leit_log_sink *sink, void *context)
{
    current_sink = sink;
    current_context = context;
}

void leit_log(leit_log_level level, const char *format, ...)
{
    if (current_sink == NULL) return;
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(message, sizeof message, format, arguments);
    va_end(arguments);
    current_sink(current_context, level, message);
}

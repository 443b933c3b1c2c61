#include "leitmotif/status.h"
#include "core/number.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/check.h"

enum { MESSAGE_BYTES = 1024 };

static _Thread_local char error_message[MESSAGE_BYTES];
static _Thread_local const char *error_function = "";

const char *leit_status_text(leit_status status)
{
    switch (status) {
#define STATUS_CASE(name, value, text)                                                             \
    case LEIT_##name: return text;
        LEIT_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

const char *leit_error_message(void)
{
    return error_message;
}

const char *leit_error_function(void)
{
    return error_function;
}

leit_status(leit_fail)(leit_status code, const char *function, const char *format, ...)
{
    /* Formatted aside first: an argument may be the current message itself. */
    char sentence[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    memcpy(error_message, sentence, sizeof error_message);
    error_function = function;
    return code;
}

leit_status leit_fail_context(leit_status code, const char *format, ...)
{
    char context[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(context, sizeof context, format, arguments);
    va_end(arguments);

    char sentence[2 * MESSAGE_BYTES + 2];
    snprintf(sentence, sizeof sentence, "%s: %s", context, error_message);
    memcpy(error_message, sentence, sizeof error_message - 1);
    error_message[sizeof error_message - 1] = '\0';
    return code;
}

static const char *cure_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return "; check the path";
    case EACCES:
    case EPERM: return "; check the permissions";
    case EROFS: return "; choose a folder that can be written";
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "; make room and run the same command again";
    case EISDIR: return "; name a file";
    case ENXIO: return "; name a regular file";
    case EIO: return "; check the disk or take another copy";
    case EMFILE:
    case ENFILE: return "; raise the limit of open files (ulimit -n)";
    default: return "";
    }
}

const char *leit_error_reason(int error)
{
    static _Thread_local char reason[MESSAGE_BYTES / 4];
    snprintf(reason, sizeof reason, "%s%s", strerror(error), cure_of(error));
    return reason;
}

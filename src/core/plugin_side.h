/* The one piece of the library inside a plugin: its failures go to the host. A plugin is opened with
 * RTLD_LOCAL, so the library's own leit_fail is out of its reach. Included by the one file of a
 * plugin that exports its function, which sets `plugin_host` first of all. */
#ifndef LEIT_CORE_PLUGIN_SIDE_H
#define LEIT_CORE_PLUGIN_SIDE_H

#include <stdarg.h>
#include <stdio.h>

#include "core/plugin.h"

static const leit_plugin_host *plugin_host;

leit_status(leit_fail)(leit_status code, const char *function, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return plugin_host->fail(code, function, "%s", sentence);
}

#endif

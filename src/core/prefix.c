#include "core/prefix.h"

#include <string.h>

bool leit_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool leit_starts_with_any(const char *text, const char *const *prefixes)
{
    for (; *prefixes != NULL; prefixes++)
        if (leit_starts_with(text, *prefixes)) return true;
    return false;
}

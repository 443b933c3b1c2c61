/* Whether a text starts with a word. */
#ifndef LEIT_CORE_PREFIX_H
#define LEIT_CORE_PREFIX_H

#include <stdbool.h>

bool leit_starts_with(const char *text, const char *prefix);
/* With one of them; `prefixes` ends with NULL. */
bool leit_starts_with_any(const char *text, const char *const *prefixes);

#endif

/* A locale that writes 0,5, as a host program in Germany may have set. */
#ifndef LEIT_TESTS_COMMA_LOCALE_H
#define LEIT_TESTS_COMMA_LOCALE_H

#include <stdbool.h>

/* Sets it for the whole program, or the plain one again. It is made below the test's directory by
 * the system's localedef, which every glibc has; false, with a word why, where that fails. */
bool leit_test_comma_locale(bool wanted);

#endif

#include "support/comma_locale.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/file.h"
#include "support/testing.h"

static const char source[] = "LC_NUMERIC\n"
                             "decimal_point \",\"\n"
                             "thousands_sep \".\"\n"
                             "grouping 3;3\n"
                             "END LC_NUMERIC\n";

/* localedef warns that the other categories are not defined and goes on (-c). */
static void make_locale(void)
{
    char command[4096];
    assert_ok(leit_file_write(leit_test_scratch("comma.source"), source, sizeof source - 1));
    snprintf(command, sizeof command, "localedef -c -i '%s' '%s' >/dev/null 2>&1",
             leit_test_scratch("comma.source"), leit_test_scratch("locales_comma"));
    const int ignored = system(command);
    (void)ignored; /* setlocale is the judge */
    setenv("LOCPATH", leit_test_directory(), 1);
}

bool leit_test_comma_locale(bool wanted)
{
    static bool is_made;
    if (!wanted) return setlocale(LC_NUMERIC, "C") != NULL;
    if (!is_made) make_locale();
    is_made = true;
    if (setlocale(LC_NUMERIC, "locales_comma") != NULL) return true;
    print_message("skipped: localedef made no locale with a comma\n");
    return false;
}

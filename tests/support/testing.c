#include "support/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

/* HDF5 forgets memory of its own when a file's structures are damaged or a disk is full. Read by
 * the leak sanitizer, where there is one. */
const char *__lsan_default_suppressions(void); /* NOLINT(bugprone-reserved-identifier) */
const char *__lsan_default_suppressions(void)  /* NOLINT(bugprone-reserved-identifier) */
{
    return "leak:libhdf5";
}

void leit_assert_fails(leit_status status, leit_status expected, const char *fragment,
                       const char *text, const char *file, int line)
{
    if (status != expected) {
        print_error("%s gave status %d (%s), expected %d\n", text, (int)status,
                    status == LEIT_OK ? "" : leit_error_message(), (int)expected);
        _fail(file, line);
    }
    if (strstr(leit_error_message(), fragment) == NULL) {
        print_error("%s said '%s', expected it to contain '%s'\n", text, leit_error_message(),
                    fragment);
        _fail(file, line);
    }
}

const char *leit_test_directory(void)
{
    static char path[1024];
    if (path[0] == '\0') {
        const char *moved = getenv("LEIT_BINARY_DIR");
        snprintf(path, sizeof path, "%s/scratch/%s.%d",
                 moved == NULL ? LEIT_TEST_BINARY_DIR : moved, program_invocation_short_name,
                 (int)getpid());
        if (leit_file_remove(path) != LEIT_OK || leit_file_make_directory(path) != LEIT_OK)
            fail_msg("%s", leit_error_message());
    }
    return path;
}

/* One of the last N_PATHS paths that were asked for. */
static const char *path_below(const char *directory, const char *name)
{
    enum { N_PATHS = 64 };
    static char paths[N_PATHS][2048];
    static int next;
    char *path = paths[next++ % N_PATHS];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

bool leit_test_lacks(const char *variable)
{
    const char *value = getenv(variable);
    if (value != NULL && value[0] != '\0') return false;
    printf("skipped: %s is not set\n", variable);
    return true;
}

const char *leit_test_scratch(const char *name)
{
    return path_below(leit_test_directory(), name);
}

const char *leit_test_source(const char *relative_path)
{
    const char *moved = getenv("LEIT_SOURCE_DIR"); /* of a build that runs elsewhere */
    return path_below(moved == NULL ? LEIT_TEST_SOURCE_DIR : moved, relative_path);
}

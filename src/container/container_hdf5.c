#include "container/container_hdf5.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_BYTES = 256 };

static pthread_mutex_t mutex;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local char reason[REASON_BYTES];

static void make_mutex(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

/* No clean-up at exit: every file is closed by whoever opened it. The library's would crash on a
 * file that a full disk has stopped, and prints "infinite loop closing library" where it forgot
 * memory of its own over a damaged one. */
static void start_library(void)
{
    make_mutex();
    H5dont_atexit();
    H5open();
    H5PLset_loading_state(0);
}

static herr_t keep_innermost(unsigned depth, const H5E_error2_t *error, void *context)
{
    (void)depth, (void)context;
    if (error->desc != NULL) snprintf(reason, sizeof reason, "%s", error->desc);
    return 0;
}

/* Called by the library instead of its printing when one of its functions fails, before a later
 * call clears its error stack. The innermost entry is the cause; for system calls it quotes errno.
 */
static herr_t keep_reason(hid_t stack, void *context)
{
    static const char mark[] = "errno = ";
    snprintf(reason, sizeof reason, "not readable as HDF5");
    H5Ewalk2(stack, H5E_WALK_DOWNWARD, keep_innermost, context);
    const char *number = strstr(reason, mark);
    if (number != NULL)
        snprintf(reason, sizeof reason, "%s", leit_error_reason(atoi(number + strlen(mark))));
    return 0;
}

int leit_hdf5_lock(void)
{
    pthread_once(&once, start_library);
    pthread_mutex_lock(&mutex);
    H5Eset_auto2(H5E_DEFAULT, keep_reason, NULL); /* per thread where the library knows threads */
    return 0;
}

void leit_hdf5_unlock(int *guard)
{
    (void)guard;
    pthread_mutex_unlock(&mutex);
}

void leit_hdf5_after_fork(void)
{
    make_mutex();
}

const char *leit_hdf5_reason(void)
{
    return reason;
}

hid_t leit_hdf5_file_type(leit_dtype dtype)
{
    switch (dtype) {
    case LEIT_F32: return H5T_IEEE_F32LE;
    case LEIT_F64: return H5T_IEEE_F64LE;
    case LEIT_BF16: return H5T_STD_U16LE;
    case LEIT_U8: return H5T_STD_U8LE;
    case LEIT_I16: return H5T_STD_I16LE;
    case LEIT_I32: return H5T_STD_I32LE;
    case LEIT_I64: return H5T_STD_I64LE;
    }
    return H5I_INVALID_HID;
}

hid_t leit_hdf5_memory_type(leit_dtype dtype)
{
    switch (dtype) {
    case LEIT_F32: return H5T_NATIVE_FLOAT;
    case LEIT_F64: return H5T_NATIVE_DOUBLE;
    case LEIT_BF16: return H5T_NATIVE_UINT16;
    case LEIT_U8: return H5T_NATIVE_UINT8;
    case LEIT_I16: return H5T_NATIVE_INT16;
    case LEIT_I32: return H5T_NATIVE_INT32;
    case LEIT_I64: return H5T_NATIVE_INT64;
    }
    return H5I_INVALID_HID;
}

/* Between slashes: not empty, not "." (HDF5 means the group itself), not "..". */
leit_status leit_container_check_name(const char *path, const char *name)
{
    size_t length = strlen(name);
    LEIT_FAIL_IF(length == 0 || length > CONTAINER_MAX_NAME_BYTES, LEIT_DATA,
                 "%s: a name of %zu bytes, expected 1 to %d", path, length,
                 CONTAINER_MAX_NAME_BYTES);
    LEIT_FAIL_IF(!leit_is_utf8(name, length), LEIT_DATA, "%s: a name is not UTF-8", path);
    for (const char *part = name;; part++) {
        size_t span = strcspn(part, "/");
        bool dots = (span == 1 && part[0] == '.') || (span == 2 && strncmp(part, "..", 2) == 0);
        LEIT_FAIL_IF(span == 0 || dots, LEIT_DATA, "%s: bad name '%s', expected group/name", path,
                     name);
        part += span;
        if (*part == '\0') return LEIT_OK;
    }
}

void leit_container_sum_text(uint64_t sum, char text[SUM_TEXT_BYTES])
{
    snprintf(text, SUM_TEXT_BYTES, "%016llx", (unsigned long long)sum);
}

hid_t leit_hdf5_access_properties(void)
{
    enum { ALIGN_FROM_BYTES = 256, ALIGN_TO_BYTES = 64 };
    hid_t properties = H5Pcreate(H5P_FILE_ACCESS);
    if (properties < 0) return properties;
    H5Pset_libver_bounds(properties, H5F_LIBVER_V18, H5F_LIBVER_V110);
    H5Pset_alignment(properties, ALIGN_FROM_BYTES, ALIGN_TO_BYTES);
    H5Pset_file_locking(properties, false, true);
    H5Pset_fclose_degree(properties, H5F_CLOSE_STRONG);
    return properties;
}

/* Libraries of others that a plugin opens when somebody asks for what they bring, so that it is opened
 * itself where they are not installed. Included by files of a plugin, which has no code of the
 * library's own inside (core/plugin_side.h). */
#ifndef LEIT_CORE_SHARED_LIBRARY_H
#define LEIT_CORE_SHARED_LIBRARY_H

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "core/check.h"

typedef struct leit_library {
    const char *name;     /* "NCCL", for sentences */
    const char *file;     /* "libnccl.so.2" */
    const char *variable; /* of the environment: the file, where the user says it */
    void *handle;         /* once open it stays: such libraries have threads of their own */
} leit_library;

static inline const char *leit_library_path(const leit_library *library)
{
    const char *named = getenv(library->variable);
    return named != NULL && named[0] != '\0' ? named : library->file;
}

/* LEIT_DEVICE when the file is not there; it may be tried again. */
static inline leit_status leit_library_open(leit_library *library)
{
    library->handle = dlopen(leit_library_path(library), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    LEIT_FAIL_IF(library->handle == NULL, LEIT_DEVICE,
                 "%s is not here: %s; install it, or name its file in %s", library->name, dlerror(),
                 library->variable);
    return LEIT_OK;
}

/* `function` is a pointer to a function pointer. */
static inline leit_status leit_library_find(const leit_library *library, const char *name,
                                            void *function)
{
    void *symbol = dlsym(library->handle, name);
    LEIT_FAIL_IF(symbol == NULL, LEIT_DEVICE, "%s is no %s of this kind: it has no %s",
                 leit_library_path(library), library->name, name);
    memcpy(function, &symbol, sizeof symbol);
    return LEIT_OK;
}

#endif

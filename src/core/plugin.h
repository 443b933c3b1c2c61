/* Plugins: shared libraries of ours that are opened when somebody asks for what they bring, so that
 * the program starts in a millisecond and runs where their libraries are not installed. A plugin
 * exports one function, which takes what the library lends and gives a table. Plugin and library
 * are made from the same sources: another version is refused by name. */
#ifndef LEIT_CORE_PLUGIN_H
#define LEIT_CORE_PLUGIN_H

#include <limits.h>
#include <stdbool.h>

#include "core/check.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the library lends. Failures inside the plugin become the library's sentence. */
typedef struct leit_plugin_host {
    leit_status (*fail)(leit_status code, const char *function, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
} leit_plugin_host;

/* Every table begins with these, whatever its ABI. */
typedef struct leit_plugin_head {
    int abi;             /* counts up when anything in the plugin's header changes */
    const char *version; /* of Leitmotif */
} leit_plugin_head;

/* `host` and the table live as long as the plugin is open. */
typedef const void *leit_plugin_function(const leit_plugin_host *host);

typedef struct leit_plugin_kind {
    const char *name;     /* "CUDA", for sentences */
    const char *file;     /* its name, without a folder */
    const char *variable; /* of the environment: the path, where the user says it */
    const char *function;
    const char *cure; /* "build it with nvcc (make -f Makefile.cuda)" */
    int abi;
    leit_status code; /* of failures */
    bool stays;       /* once open, never out of memory again */
} leit_plugin_kind;

/* The file named by the variable or, without it, the first one found next to the program, next to
 * libleitmotif.so, or in the library folder the program was installed with. */
leit_status leit_plugin_find(const leit_plugin_kind *kind, char path[PATH_MAX]);

/* *table begins with a leit_plugin_head that has been looked at; *library is for
 * leit_plugin_close. */
leit_status leit_plugin_open(const leit_plugin_kind *kind, const char *path, void **library,
                             const void **table);
void leit_plugin_close(void *library);

#ifdef __cplusplus
}
#endif

#endif

#include "core/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

static const leit_plugin_host host = {leit_fail};

/* ---- the file ---- */

/* Puts "<folder of file>/<below><the plugin's name>" into `path` and says whether it exists. */
static bool is_beside(const leit_plugin_kind *kind, const char *file, const char *below,
                      char path[PATH_MAX])
{
    const char *slash = strrchr(file, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - file) + 1;
    const int length = snprintf(path, PATH_MAX, "%.*s%s%s", folder, file, below, kind->file);
    return folder > 0 && length < PATH_MAX && leit_file_exists(path);
}

leit_status leit_plugin_find(const leit_plugin_kind *kind, char path[PATH_MAX])
{
    path[0] = '\0';
    const char *named = getenv(kind->variable);
    if (named != NULL && named[0] != '\0') {
        LEIT_FAIL_IF(
            strlen(named) >= PATH_MAX || strchr(named, '/') == NULL || !leit_file_exists(named),
            kind->code, "%s is '%s', expected the path of %s", kind->variable, named, kind->file);
        snprintf(path, PATH_MAX, "%s", named);
        return LEIT_OK;
    }
    char program[PATH_MAX] = "";
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    Dl_info self;
    const bool is_known = dladdr(&host, &self) != 0 && self.dli_fname != NULL;
    if (is_beside(kind, program, "", path)) return LEIT_OK;
    if (is_known && is_beside(kind, self.dli_fname, "", path)) return LEIT_OK;
    if (is_beside(kind, program, "../" LEIT_INSTALL_LIBDIR "/", path)) return LEIT_OK;
    path[0] = '\0';
    LEIT_FAIL(kind->code,
              "the %s plugin %s is neither next to the program nor in its library folder; %s or"
              " name it in %s",
              kind->name, kind->file, kind->cure, kind->variable);
}

/* ---- opening ---- */

static leit_status check_head(const leit_plugin_kind *kind, const char *path, const void *table)
{
    LEIT_FAIL_IF(table == NULL, kind->code, "%s: the plugin gave no table", path);
    leit_plugin_head head;
    memcpy(&head, table, sizeof head);
    const char *version = head.version == NULL ? "unknown" : head.version;
    LEIT_FAIL_IF(head.abi != kind->abi, kind->code,
                 "%s is the %s plugin of Leitmotif %s with interface %d; this is Leitmotif %s"
                 " with interface %d: build the plugin from the same sources",
                 path, kind->name, version, head.abi, LEIT_VERSION, kind->abi);
    LEIT_FAIL_IF(strcmp(version, LEIT_VERSION) != 0, kind->code,
                 "%s is the %s plugin of Leitmotif %s; this is Leitmotif %s: build the plugin"
                 " from the same sources",
                 path, kind->name, version, LEIT_VERSION);
    return LEIT_OK;
}

static leit_status ask_for_table(const leit_plugin_kind *kind, const char *path, void *library,
                                 const void **table)
{
    /* POSIX lets a data pointer be a function pointer; C wants it spelled like this. */
    leit_plugin_function *function = NULL;
    void *symbol = dlsym(library, kind->function);
    LEIT_FAIL_IF(symbol == NULL, kind->code, "%s is no %s plugin of Leitmotif: it has no %s", path,
                 kind->name, kind->function);
    memcpy(&function, &symbol, sizeof function);
    *table = function(&host);
    return check_head(kind, path, *table);
}

leit_status leit_plugin_open(const leit_plugin_kind *kind, const char *path, void **library,
                             const void **table)
{
    *table = NULL;
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | (kind->stays ? RTLD_NODELETE : 0));
    LEIT_FAIL_IF(*library == NULL, kind->code, "cannot open the %s plugin: %s", kind->name,
                 dlerror());
    const leit_status status = ask_for_table(kind, path, *library, table);
    if (status == LEIT_OK) return LEIT_OK;
    leit_plugin_close(*library);
    *library = NULL;
    return status;
}

void leit_plugin_close(void *library)
{
    if (library != NULL) dlclose(library);
}

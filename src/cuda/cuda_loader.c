#include "cuda/cuda_loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/memory.h"

struct leit_cuda {
    void *library;
    const leit_cuda_table *table;
};

static const leit_cuda_host host = {LEIT_CUDA_ABI, leit_fail};

/* ---- the driver ---- */

static leit_status probe_driver(const char *file)
{
    void *driver = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
    LEIT_FAIL_IF(driver == NULL, LEIT_DEVICE,
                 "there is no NVIDIA driver on this machine: %s cannot be opened", file);
    dlclose(driver);
    return LEIT_OK;
}

/* ---- the file ---- */

/* Puts "<folder of file>/<below>libleitmotif_cuda.so" into `path` and says whether it exists. */
static bool is_beside(const char *file, const char *below, char path[PATH_MAX])
{
    const char *slash = strrchr(file, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - file) + 1;
    const int length =
        snprintf(path, PATH_MAX, "%.*s%s%s", folder, file, below, LEIT_CUDA_PLUGIN_FILE);
    return folder > 0 && length < PATH_MAX && leit_file_exists(path);
}

static leit_status find_plugin(char path[PATH_MAX])
{
    const char *named = getenv(LEIT_CUDA_PLUGIN_VARIABLE);
    if (named != NULL && named[0] != '\0') {
        LEIT_FAIL_IF(strlen(named) >= PATH_MAX || strchr(named, '/') == NULL ||
                         !leit_file_exists(named),
                     LEIT_DEVICE, "%s is '%s', expected the path of " LEIT_CUDA_PLUGIN_FILE,
                     LEIT_CUDA_PLUGIN_VARIABLE, named);
        snprintf(path, PATH_MAX, "%s", named);
        return LEIT_OK;
    }
    char program[PATH_MAX] = "";
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    Dl_info self;
    const bool is_known = dladdr(&host, &self) != 0 && self.dli_fname != NULL;
    if (is_beside(program, "", path)) return LEIT_OK;
    if (is_known && is_beside(self.dli_fname, "", path)) return LEIT_OK;
    if (is_beside(program, "../" LEIT_INSTALL_LIBDIR "/", path)) return LEIT_OK;
    path[0] = '\0';
    LEIT_FAIL(LEIT_DEVICE,
              "the CUDA plugin " LEIT_CUDA_PLUGIN_FILE
              " is neither next to the program nor in its library folder; build it with nvcc"
              " (make -f Makefile.cuda) or name it in %s",
              LEIT_CUDA_PLUGIN_VARIABLE);
}

/* ---- the plugin ---- */

static leit_status check_table(const char *path, const leit_cuda_table *table)
{
    LEIT_FAIL_IF(table == NULL, LEIT_DEVICE, "%s: the plugin gave no table", path);
    LEIT_FAIL_IF(table->abi != LEIT_CUDA_ABI, LEIT_DEVICE,
                 "%s is the CUDA plugin of Leitmotif %s with interface %d; this is Leitmotif %s"
                 " with interface %d: build the plugin from the same sources",
                 path, table->version == NULL ? "unknown" : table->version, table->abi,
                 LEIT_VERSION, LEIT_CUDA_ABI);
    LEIT_FAIL_IF(table->version == NULL || strcmp(table->version, LEIT_VERSION) != 0, LEIT_DEVICE,
                 "%s is the CUDA plugin of Leitmotif %s; this is Leitmotif %s: build the plugin"
                 " from the same sources",
                 path, table->version == NULL ? "unknown" : table->version, LEIT_VERSION);
    LEIT_FAIL_IF(table->n_ops != LEIT_N_OPS || table->backend == NULL, LEIT_DEVICE,
                 "%s knows %d ops, this program %d: build the plugin from the same sources", path,
                 table->n_ops, LEIT_N_OPS);
    return LEIT_OK;
}

static leit_status load(const char *path, leit_cuda **result)
{
    leit_cuda *cuda = NULL;
    LEIT_TRY(LEIT_ALLOC(cuda, 1));
    leit_status status = LEIT_OK;
    cuda->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    LEIT_FAIL_GOTO_IF(cuda->library == NULL, failed, LEIT_DEVICE, "cannot open the CUDA plugin: %s",
                      dlerror());
    /* POSIX lets a data pointer be a function pointer; C wants it spelled like this. */
    leit_cuda_plugin_function *function = NULL;
    void *symbol = dlsym(cuda->library, LEIT_CUDA_PLUGIN_FUNCTION);
    LEIT_FAIL_GOTO_IF(symbol == NULL, failed, LEIT_DEVICE,
                      "%s is no CUDA plugin of Leitmotif: it has no " LEIT_CUDA_PLUGIN_FUNCTION,
                      path);
    memcpy(&function, &symbol, sizeof function);
    cuda->table = function(&host);
    LEIT_TRY_GOTO(check_table(path, cuda->table), failed);
    *result = cuda;
    return LEIT_OK;
failed:
    leit_cuda_close(cuda);
    return status;
}

static leit_status check_devices(const leit_cuda_table *table)
{
    LEIT_FAIL_IF(table->n_devices < 1, LEIT_DEVICE, "the CUDA runtime finds no GPU: %s",
                 table->reason);
    return LEIT_OK;
}

leit_status leit_cuda_open_files(const char *driver_file, const char *plugin_path,
                                 leit_cuda **result)
{
    char path[PATH_MAX];
    *result = NULL;
    LEIT_TRY(probe_driver(driver_file));
    if (plugin_path == NULL) {
        LEIT_TRY(find_plugin(path));
        plugin_path = path;
    }
    leit_cuda *cuda = NULL;
    LEIT_TRY(load(plugin_path, &cuda));
    leit_status status = check_devices(cuda->table);
    if (status == LEIT_OK)
        *result = cuda;
    else
        leit_cuda_close(cuda);
    return status;
}

leit_status leit_cuda_open(leit_cuda **cuda)
{
    return leit_cuda_open_files(LEIT_CUDA_DRIVER_FILE, NULL, cuda);
}

void leit_cuda_close(leit_cuda *cuda)
{
    if (cuda == NULL) return;
    if (cuda->library != NULL) dlclose(cuda->library);
    leit_free(cuda);
}

const leit_cuda_table *leit_cuda_table_of(const leit_cuda *cuda)
{
    return cuda->table;
}

/* ---- describing ---- */

static bool took(leit_status status, char *sentence, size_t size_bytes)
{
    if (status != LEIT_OK) snprintf(sentence, size_bytes, "%s", leit_error_message());
    return status == LEIT_OK;
}

static void describe_plugin(const leit_cuda *cuda, leit_cuda_description *d)
{
    d->table = *cuda->table;
    snprintf(d->version, sizeof d->version, "%s", cuda->table->version);
    for (int op = 0; op < LEIT_N_OPS; op++)
        d->has_op[op] = cuda->table->backend->ops[op].forward != NULL;
    d->table.backend = NULL; /* both go away with the plugin */
    d->table.version = NULL;
}

void leit_cuda_describe(leit_cuda_description *d)
{
    memset(d, 0, sizeof *d);
    d->has_driver = took(probe_driver(LEIT_CUDA_DRIVER_FILE), d->driver, sizeof d->driver);
    leit_cuda *cuda = NULL;
    leit_status status = find_plugin(d->plugin_path);
    if (status == LEIT_OK) status = load(d->plugin_path, &cuda);
    d->has_plugin = took(status, d->plugin, sizeof d->plugin);
    if (d->has_plugin) describe_plugin(cuda, d);

    if (!d->has_driver)
        snprintf(d->gpu, sizeof d->gpu, "%s", d->driver);
    else if (!d->has_plugin)
        snprintf(d->gpu, sizeof d->gpu, "%s", d->plugin);
    else
        d->has_gpu = took(check_devices(cuda->table), d->gpu, sizeof d->gpu);
    leit_cuda_close(cuda);
}

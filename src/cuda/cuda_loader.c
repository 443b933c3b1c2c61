#include "cuda/cuda_loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

struct leit_cuda {
    void *library;
    const leit_cuda_table *table;
};

static const leit_plugin_kind kind = {.name = "CUDA",
                                      .file = LEIT_CUDA_PLUGIN_FILE,
                                      .variable = LEIT_CUDA_PLUGIN_VARIABLE,
                                      .function = LEIT_CUDA_PLUGIN_FUNCTION,
                                      .cure = "build it with nvcc (make -f Makefile.cuda)",
                                      .abi = LEIT_CUDA_ABI,
                                      .code = LEIT_DEVICE};

/* ---- the driver ---- */

static leit_status probe_driver(const char *file)
{
    void *driver = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
    LEIT_FAIL_IF(driver == NULL, LEIT_DEVICE,
                 "there is no NVIDIA driver on this machine: %s cannot be opened", file);
    dlclose(driver);
    return LEIT_OK;
}

/* ---- the plugin ---- */

static leit_status load(const char *path, leit_cuda **result)
{
    leit_cuda *cuda = NULL;
    const void *found = NULL;
    LEIT_TRY(LEIT_ALLOC(cuda, 1));
    leit_status status = leit_plugin_open(&kind, path, &cuda->library, &found);
    if (status != LEIT_OK) goto failed;
    const leit_cuda_table *table = found;
    LEIT_FAIL_GOTO_IF(table->n_ops != LEIT_N_OPS || table->backend == NULL || table->nccl == NULL,
                      failed, LEIT_DEVICE,
                      "%s knows %d ops, this program %d: build the plugin from the same sources",
                      path, table->n_ops, LEIT_N_OPS);
    cuda->table = table;
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
        LEIT_TRY(leit_plugin_find(&kind, path));
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

leit_status leit_cuda_open_plugin(leit_cuda **cuda)
{
    char path[PATH_MAX];
    *cuda = NULL;
    LEIT_TRY(leit_plugin_find(&kind, path));
    return load(path, cuda);
}

void leit_cuda_close(leit_cuda *cuda)
{
    if (cuda == NULL) return;
    leit_plugin_close(cuda->library);
    leit_free(cuda);
}

const leit_cuda_table *leit_cuda_table_of(const leit_cuda *cuda)
{
    return cuda->table;
}

leit_status leit_cuda_check_kernels(const leit_cuda *cuda, enum leit_kernels kernels)
{
    for (int i = 0; kernels == LEIT_KERNELS_CUDNN && i < LEIT_CUDA_N_LIBRARIES; i++) {
        int version[3];
        const leit_status status = cuda->table->libraries[i].version(version);
        if (status != LEIT_OK) return leit_fail_context(status, "run.kernels is cudnn");
    }
    return LEIT_OK;
}

/* ---- describing ---- */

static bool took(leit_status status, char *sentence, size_t size_bytes)
{
    if (status != LEIT_OK) snprintf(sentence, size_bytes, "%s", leit_error_message());
    return status == LEIT_OK;
}

static void describe_library(const leit_cuda_library *library, char *name, size_t name_bytes,
                             char *finding, size_t finding_bytes)
{
    int version[3];
    snprintf(name, name_bytes, "%s", library->name);
    if (took(library->version(version), finding, finding_bytes))
        snprintf(finding, finding_bytes, "%d.%d.%d", version[0], version[1], version[2]);
}

static void describe_plugin(const leit_cuda *cuda, leit_cuda_description *d)
{
    d->table = *cuda->table;
    snprintf(d->version, sizeof d->version, "%s", cuda->table->version);
    const leit_backend *backend = cuda->table->backend(LEIT_KERNELS_PLAIN, LEIT_PRECISION_FP32);
    for (int op = 0; op < LEIT_N_OPS; op++) d->has_op[op] = backend->ops[op].forward != NULL;
    if (!took(cuda->table->nccl->version(&d->nccl_version), d->nccl, sizeof d->nccl))
        d->nccl_version = 0;
    for (int i = 0; i < LEIT_CUDA_N_LIBRARIES; i++) {
        describe_library(&cuda->table->libraries[i], d->libraries[i].name,
                         sizeof d->libraries[i].name, d->libraries[i].finding,
                         sizeof d->libraries[i].finding);
        d->table.libraries[i] = (leit_cuda_library){NULL, NULL};
    }
    d->table.backend = NULL; /* all go away with the plugin */
    d->table.use_device = NULL;
    d->table.nccl = NULL;
    d->table.version = NULL;
}

void leit_cuda_describe(leit_cuda_description *d)
{
    memset(d, 0, sizeof *d);
    d->has_driver = took(probe_driver(LEIT_CUDA_DRIVER_FILE), d->driver, sizeof d->driver);
    leit_cuda *cuda = NULL;
    leit_status status = leit_plugin_find(&kind, d->plugin_path);
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

#include "cuda/cuda_plugin.h"

#include <cuda_runtime.h>
#include <stdarg.h>
#include <stdio.h>

static const leit_cuda_host *host;

/* The library's function of this name is out of reach: the plugin is opened with RTLD_LOCAL. */
leit_status leit_fail(leit_status code, const char *function, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return host->fail(code, function, "%s", sentence);
}

/* "No GPU" is any error and any count below one: without a driver cudaGetDeviceCount leaves the
 * count alone and returns cudaErrorInsufficientDriver, not cudaErrorNoDevice. */
static void list_devices(leit_cuda_table *table)
{
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess || count <= 0) {
        snprintf(table->reason, sizeof table->reason, "%s (%s)",
                 error != cudaSuccess ? cudaGetErrorString(error) : "no device is visible",
                 error != cudaSuccess ? cudaGetErrorName(error) : "CUDA_VISIBLE_DEVICES");
        return;
    }
    for (int i = 0; i < count && table->n_devices < LEIT_CUDA_MAX_DEVICES; i++) {
        cudaDeviceProp properties;
        if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
        leit_cuda_device *device = &table->devices[table->n_devices++];
        snprintf(device->name, sizeof device->name, "%s", properties.name);
        device->memory_bytes = properties.totalGlobalMem;
        device->compute_major = properties.major;
        device->compute_minor = properties.minor;
        device->n_multiprocessors = properties.multiProcessorCount;
    }
    if (table->n_devices == 0)
        snprintf(table->reason, sizeof table->reason, "%d devices, and none tells its properties",
                 count);
}

__attribute__((visibility("default"))) const leit_cuda_table *
leit_cuda_plugin(const leit_cuda_host *lent)
{
    static leit_cuda_table table;
    host = lent;
    table = leit_cuda_table{};
    table.abi = LEIT_CUDA_ABI;
    table.version = LEIT_VERSION;
    table.n_ops = LEIT_N_OPS;
    table.backend = leit_backend_cuda();
    cudaRuntimeGetVersion(&table.runtime_version);
    if (cudaDriverGetVersion(&table.driver_version) != cudaSuccess) table.driver_version = 0;
    list_devices(&table);
    return &table;
}

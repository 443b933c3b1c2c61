#include "cuda/cuda_plugin.h"

#include <cuda_runtime.h>
#include <stdio.h>

#include "core/plugin_side.h"
#include "kernels/cublaslt.h"
#include "kernels/cudnn.h"
#include "kernels/cufft.h"

/* What the plugin has code for (cmake/cuda_plugin.mk). */
enum { OLDEST_MAJOR = 8 };

static leit_cuda_table table;

/* "No GPU" is any error and any count below one: without a driver cudaGetDeviceCount leaves the
 * count alone and returns cudaErrorInsufficientDriver, not cudaErrorNoDevice. */
static void list_devices()
{
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess || count <= 0) {
        snprintf(table.reason, sizeof table.reason, "%s (%s)",
                 error != cudaSuccess ? cudaGetErrorString(error) : "no device is visible",
                 error != cudaSuccess ? cudaGetErrorName(error) : "CUDA_VISIBLE_DEVICES");
        return;
    }
    for (int i = 0; i < count && table.n_devices < LEIT_CUDA_MAX_DEVICES; i++) {
        cudaDeviceProp properties;
        if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
        if (properties.major < OLDEST_MAJOR) {
            snprintf(table.reason, sizeof table.reason,
                     "%.120s has compute capability %d.%d, and the plugin is made for %d.0 and "
                     "newer",
                     properties.name, properties.major, properties.minor, OLDEST_MAJOR);
            continue;
        }
        leit_cuda_device *device = &table.devices[table.n_devices++];
        device->number = i;
        snprintf(device->name, sizeof device->name, "%s", properties.name);
        device->memory_bytes = properties.totalGlobalMem;
        device->compute_major = properties.major;
        device->compute_minor = properties.minor;
        device->n_multiprocessors = properties.multiProcessorCount;
    }
    if (table.n_devices == 0 && table.reason[0] == '\0')
        snprintf(table.reason, sizeof table.reason, "%d devices, and none tells its properties",
                 count);
}

static leit_status use_device(int i)
{
    LEIT_FAIL_IF(i < 0 || i >= table.n_devices, LEIT_INTERNAL, "device %d of %d", i,
                 table.n_devices);
    const cudaError_t error = cudaSetDevice(table.devices[i].number);
    LEIT_FAIL_IF(error != cudaSuccess, LEIT_DEVICE, "GPU %d (%s) cannot be used: %s",
                 table.devices[i].number, table.devices[i].name, cudaGetErrorString(error));
    return LEIT_OK;
}

__attribute__((visibility("default"))) const void *leit_cuda_plugin(const leit_plugin_host *lent)
{
    plugin_host = lent;
    table = leit_cuda_table{};
    table.abi = LEIT_CUDA_ABI;
    table.version = LEIT_VERSION;
    table.n_ops = LEIT_N_OPS;
    table.backend = leit_backend_cuda;
    table.use_device = use_device;
    table.nccl = leit_nccl_functions();
    table.libraries[0] = {"cuBLASLt", leit_cublaslt_version};
    table.libraries[1] = {"cuDNN", leit_cudnn_version};
    table.libraries[2] = {"cuFFT", leit_cufft_version};
    cudaRuntimeGetVersion(&table.runtime_version);
    if (cudaDriverGetVersion(&table.driver_version) != cudaSuccess) table.driver_version = 0;
    list_devices();
    return &table;
}

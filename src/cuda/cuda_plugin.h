/* What the CUDA plugin, libleitmotif_cuda.so, and its loader say to each other: C, one function,
 * one table. Plugin and library are made from the same sources: another version is refused. */
#ifndef LEIT_CUDA_PLUGIN_H
#define LEIT_CUDA_PLUGIN_H

#include <stdint.h>

#include "kernels/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Counts up when anything in this file changes. */
enum { LEIT_CUDA_ABI = 2, LEIT_CUDA_MAX_DEVICES = 16 };
#define LEIT_CUDA_PLUGIN_FILE "libleitmotif_cuda.so"
#define LEIT_CUDA_PLUGIN_FUNCTION "leit_cuda_plugin"

typedef struct leit_cuda_device {
    char name[256];
    uint64_t memory_bytes;
    int compute_major, compute_minor, n_multiprocessors;
} leit_cuda_device;

/* What the library lends the plugin. Failures inside the plugin become the library's sentence. */
typedef struct leit_cuda_host {
    int abi;
    leit_status (*fail)(leit_status code, const char *function, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
} leit_cuda_host;

typedef struct leit_cuda_table {
    int abi;             /* these two stay first whatever the ABI */
    const char *version; /* of Leitmotif */
    int n_ops;           /* LEIT_N_OPS */
    const leit_backend *backend;
    int runtime_version; /* 13000: CUDA 13.0 */
    int driver_version;  /* the newest CUDA the driver can run; 0: there is no driver */
    int n_devices;       /* usable and listed, 0: `reason` says why */
    char reason[256];
    leit_cuda_device devices[LEIT_CUDA_MAX_DEVICES];
} leit_cuda_table;

/* The only exported function. `host` and the returned table live as long as the plugin is open. */
typedef const leit_cuda_table *leit_cuda_plugin_function(const leit_cuda_host *host);
leit_cuda_plugin_function leit_cuda_plugin;

#ifdef __cplusplus
}
#endif

#endif

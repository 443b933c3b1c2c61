/* What the CUDA plugin, libleitmotif_cuda.so, and its loader say to each other: C, one function,
 * one table. Plugin and library are made from the same sources: another version is refused. */
#ifndef LEIT_CUDA_PLUGIN_H
#define LEIT_CUDA_PLUGIN_H

#include <stdint.h>

#include "core/plugin.h"
#include "cuda/nccl_ranks.h"
#include "kernels/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Counts up when anything in this file changes. */
enum { LEIT_CUDA_ABI = 14, LEIT_CUDA_MAX_DEVICES = 16, LEIT_CUDA_N_LIBRARIES = 3 };
#define LEIT_CUDA_PLUGIN_FILE "libleitmotif_cuda.so"
#define LEIT_CUDA_PLUGIN_FUNCTION "leit_cuda_plugin"

typedef struct leit_cuda_device {
    char name[256];
    uint64_t memory_bytes;
    int compute_major, compute_minor, n_multiprocessors;
    int number; /* CUDA's */
} leit_cuda_device;

/* A library of NVIDIA that kernels of the table cudnn call. */
typedef struct leit_cuda_library {
    const char *name; /* "cuBLASLt" */
    /* {13, 1, 0}; it is opened for that. LEIT_DEVICE where it is missing or too old. */
    leit_status (*version)(int version[3]);
} leit_cuda_library;

typedef struct leit_cuda_table {
    int abi; /* these two are a leit_plugin_head */
    const char *version;
    int n_ops; /* LEIT_N_OPS */
    /* leit_backend_cuda, over there. */
    const leit_backend *(*backend)(enum leit_kernels kernels, enum leit_precision precision);
    /* devices[i] serves this thread from now on; nothing chosen is devices[0]. */
    leit_status (*use_device)(int i);
    const leit_nccl_table *nccl;
    leit_cuda_library libraries[LEIT_CUDA_N_LIBRARIES];
    int runtime_version; /* 13000: CUDA 13.0 */
    int driver_version;  /* the newest CUDA the driver can run; 0: there is no driver */
    int n_devices;       /* usable and listed, 0: `reason` says why */
    char reason[256];
    leit_cuda_device devices[LEIT_CUDA_MAX_DEVICES];
} leit_cuda_table;

/* The only exported function. `host` and the returned table live as long as the plugin is open. */
leit_plugin_function leit_cuda_plugin;

#ifdef __cplusplus
}
#endif

#endif

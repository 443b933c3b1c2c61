/* The way to the GPU: libleitmotif_cuda.so, opened when somebody asks for a CUDA device and never
 * before, so that the program starts in a millisecond and runs where no CUDA is installed.
 *
 * The driver (libcuda.so.1) is tried first: without it the plugin is not touched. Where the plugin
 * is looked for says core/plugin.h; its variable is LEITMOTIF_CUDA_PLUGIN. */
#ifndef LEIT_CUDA_LOADER_H
#define LEIT_CUDA_LOADER_H

#include <limits.h>
#include <stdbool.h>

#include "cuda/cuda_plugin.h"

#define LEIT_CUDA_DRIVER_FILE "libcuda.so.1"
#define LEIT_CUDA_PLUGIN_VARIABLE "LEITMOTIF_CUDA_PLUGIN"

typedef struct leit_cuda leit_cuda;

/* LEIT_DEVICE when there is no GPU: the sentence says what is missing, the driver, the plugin, the
 * right version of it, or a device. */
leit_status leit_cuda_open(leit_cuda **cuda);
/* The plugin for its tables alone, also where there is no driver and no GPU: what a plan would take. */
leit_status leit_cuda_open_plugin(leit_cuda **cuda);
void leit_cuda_close(leit_cuda *cuda);

/* Whether these kernels can run: the libraries they call are opened. LEIT_DEVICE when one is missing or too
 * old. */
leit_status leit_cuda_check_kernels(const leit_cuda *cuda, enum leit_kernels kernels);

/* Devices, versions and the ops of an open plugin; valid until it is closed. */
const leit_cuda_table *leit_cuda_table_of(const leit_cuda *cuda);

/* The same with files of the caller's choice; plugin_path NULL searches. */
leit_status leit_cuda_open_files(const char *driver_file, const char *plugin_path,
                                 leit_cuda **cuda);

/* All there is to say, for a person who wonders why: the plugin is looked into even where there is
 * no driver. It never fails: what is missing is a sentence. */
typedef struct leit_cuda_description {
    bool has_driver, has_plugin, has_gpu;
    char driver[256];           /* why there is no driver, "" when there is */
    char plugin_path[PATH_MAX]; /* "" when none was found */
    char plugin[1024];          /* why it cannot be used, "" when it can */
    char gpu[1024];             /* why there is no GPU, "" when there is */
    leit_cuda_table table;      /* when has_plugin; its pointers are NULL */
    char version[32];
    int nccl_version; /* 22809: NCCL 2.28.9; 0: `nccl` says why there is none */
    char nccl[1024];
    struct {
        char name[16];
        char finding[1024]; /* "13.1.0", or why it cannot be used */
    } libraries[LEIT_CUDA_N_LIBRARIES];
    bool has_op[LEIT_N_OPS];
} leit_cuda_description;
void leit_cuda_describe(leit_cuda_description *description);

#endif

/* The way to the GPU: libleitmotif_cuda.so, opened when somebody asks for a CUDA device and never
 * before, so that the program starts in a millisecond and runs where no CUDA is installed.
 *
 * The driver (libcuda.so.1) is tried first: without it the plugin is not touched. The plugin is
 * the file named by LEITMOTIF_CUDA_PLUGIN or, without that variable, the first one found next to
 * the program, next to libleitmotif.so, or in the library folder the program was installed with.
 */
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
void leit_cuda_close(leit_cuda *cuda);

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
    leit_cuda_table table;      /* when has_plugin; .backend and .version are NULL */
    char version[32];
    bool has_op[LEIT_N_OPS];
} leit_cuda_description;
void leit_cuda_describe(leit_cuda_description *description);

#endif

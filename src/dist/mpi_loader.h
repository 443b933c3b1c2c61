/* The way to ranks in several processes: libleitmotif_mpi.so, opened when a launcher has started
 * more than one. Where it is looked for says core/plugin.h. */
#ifndef LEIT_DIST_MPI_LOADER_H
#define LEIT_DIST_MPI_LOADER_H

#include <limits.h>

#include "dist/dist.h"
#include "dist/launch.h"

#define LEIT_MPI_PLUGIN_VARIABLE "LEITMOTIF_MPI_PLUGIN"

/* The ranks of `launch`: one alone, those that mpirun or srun has started, over MPI, or torchrun's, over
 * TCP. LEIT_USAGE for MPI without the plugin; LEIT_RANK names those that do not come
 * within the deadline. One such communicator at a time. */
leit_status leit_dist_create_launched(const leit_launch *launch, int64_t deadline_ms,
                                      leit_dist **dist);

/* The same over MPI whatever the launcher and the number of ranks. */
leit_status leit_dist_create_mpi(const leit_launch *launch, int64_t deadline_ms, leit_dist **dist);

/* For a person who wonders: it never fails, what is missing is a sentence. */
typedef struct leit_mpi_description {
    bool has_plugin;
    char plugin_path[PATH_MAX]; /* "" when none was found */
    char reason[1024];          /* why it cannot be used, "" when it can */
    char library[256];          /* "Open MPI v4.1.4" */
} leit_mpi_description;
void leit_mpi_describe(leit_mpi_description *description);

#endif

/* What the MPI plugin, libleitmotif_mpi.so, and its loader say to each other: one function, one
 * table. */
#ifndef LEIT_DIST_MPI_PLUGIN_H
#define LEIT_DIST_MPI_PLUGIN_H

#include "core/plugin.h"
#include "dist/transport.h"

/* Counts up when anything in this file or in transport.h changes. */
enum { LEIT_MPI_ABI = 1 };
#define LEIT_MPI_PLUGIN_FILE "libleitmotif_mpi.so"
#define LEIT_MPI_PLUGIN_FUNCTION "leit_mpi_plugin"

typedef struct leit_mpi_table {
    int abi; /* these two are a leit_plugin_head */
    const char *version;
    char library[256]; /* "Open MPI v4.1.4" */
    /* Joins the other size - 1 ranks. missing (size), all false before: after LEIT_RANK it is true
     * for the ranks that did not come within the deadline. May be called again when what it gave is
     * closed; not after a transport has lost a rank. */
    leit_status (*open)(int rank, int size, int64_t deadline_ms, bool *missing,
                        leit_transport *transport);
} leit_mpi_table;

leit_plugin_function leit_mpi_plugin;

#endif

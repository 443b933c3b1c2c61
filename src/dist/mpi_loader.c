#include "dist/mpi_loader.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "dist/mpi_plugin.h"
#include "dist/tcp_ranks.h"

/* OpenMPI runs threads of its own until the process ends, so the plugin stays. */
static const leit_plugin_kind kind = {.name = "MPI",
                                      .file = LEIT_MPI_PLUGIN_FILE,
                                      .variable = LEIT_MPI_PLUGIN_VARIABLE,
                                      .function = LEIT_MPI_PLUGIN_FUNCTION,
                                      .cure = "install libopenmpi-dev and build again,",
                                      .abi = LEIT_MPI_ABI,
                                      .code = LEIT_USAGE,
                                      .stays = true};

static leit_status open_ranks(const leit_mpi_table *table, const leit_launch *launch,
                              int64_t deadline_ms, bool *missing, leit_dist **dist)
{
    leit_transport transport;
    const int64_t begin_ns = leit_clock_ns();
    const leit_status status =
        table->open(launch->rank, launch->size, deadline_ms, missing, &transport);
    bool any = false;
    for (int r = 0; r < launch->size; r++) any |= missing[r];
    if (status == LEIT_RANK && any)
        return leit_dist_fail_missing(launch->rank, launch->size, missing, deadline_ms,
                                      leit_clock_seconds_since(begin_ns), "at the start");
    return status != LEIT_OK ? status : leit_dist_create(&transport, dist);
}

leit_status leit_dist_create_mpi(const leit_launch *launch, int64_t deadline_ms, leit_dist **dist)
{
    char path[PATH_MAX];
    void *library = NULL;
    const void *table = NULL;
    bool *missing = NULL;
    LEIT_TRY(leit_plugin_find(&kind, path));
    LEIT_TRY(leit_plugin_open(&kind, path, &library, &table));
    leit_status status = LEIT_ALLOC(missing, launch->size);
    if (status == LEIT_OK) status = open_ranks(table, launch, deadline_ms, missing, dist);
    leit_free(missing);
    return status;
}

leit_status leit_dist_create_launched(const leit_launch *launch, int64_t deadline_ms,
                                      leit_dist **dist)
{
    if (launch->size == 1) return leit_dist_create_self(dist);
    if (launch->launcher == LEIT_LAUNCHER_TORCHRUN)
        return leit_dist_create_tcp(launch, deadline_ms, dist);
    const leit_status status = leit_dist_create_mpi(launch, deadline_ms, dist);
    return status == LEIT_USAGE
               ? leit_fail_context(status, "%s has started %d ranks",
                                   leit_launcher_name(launch->launcher), launch->size)
               : status;
}

void leit_mpi_describe(leit_mpi_description *d)
{
    memset(d, 0, sizeof *d);
    void *library = NULL;
    const void *found = NULL;
    leit_status status = leit_plugin_find(&kind, d->plugin_path);
    if (status == LEIT_OK) status = leit_plugin_open(&kind, d->plugin_path, &library, &found);
    d->has_plugin = status == LEIT_OK;
    if (!d->has_plugin) {
        snprintf(d->reason, sizeof d->reason, "%s", leit_error_message());
        return;
    }
    const leit_mpi_table *table = found;
    snprintf(d->library, sizeof d->library, "%s", table->library);
    leit_plugin_close(library);
}

/* One of the ranks that a launcher has started, for test_nccl_launched.sh: rank 0 makes NCCL's id, it
 * travels over MPI or, from torchrun, over the store, and all open NCCL with it. The exit code is
 * the status.
 *
 *     nccl_launched PLUGIN */
#include <stdio.h>
#include <stdlib.h>

#include "cuda/cuda_loader.h"
#include "dist/mpi_loader.h"
#include "dist/tcp_store.h"

enum { DEADLINE_MS = 20000 };

static leit_status open_table(const char *path, const leit_nccl_table **nccl)
{
    const leit_plugin_kind kind = {.name = "CUDA",
                                   .file = LEIT_CUDA_PLUGIN_FILE,
                                   .variable = LEIT_CUDA_PLUGIN_VARIABLE,
                                   .function = LEIT_CUDA_PLUGIN_FUNCTION,
                                   .cure = "build it",
                                   .abi = LEIT_CUDA_ABI,
                                   .code = LEIT_DEVICE,
                                   .stays = true};
    void *library = NULL;
    const void *table = NULL;
    LEIT_TRY(leit_plugin_open(&kind, path, &library, &table));
    *nccl = ((const leit_cuda_table *)table)->nccl;
    return LEIT_OK;
}

static leit_status share(const leit_launch *launch, void *id)
{
    leit_dist *dist = NULL;
    if (launch->launcher == LEIT_LAUNCHER_TORCHRUN)
        return leit_tcp_store_share(launch, "nccl", id, LEIT_NCCL_ID_BYTES, DEADLINE_MS);
    LEIT_TRY(leit_dist_create_launched(launch, DEADLINE_MS, &dist));
    const leit_status status = leit_dist_broadcast(dist, 0, id, LEIT_NCCL_ID_BYTES);
    leit_dist_close(dist);
    return status;
}

static leit_status meet(const char *path)
{
    leit_launch launch;
    const leit_nccl_table *table = NULL;
    leit_nccl *nccl = NULL;
    char id[LEIT_NCCL_ID_BYTES] = {0};
    LEIT_TRY(leit_launch_read(getenv, &launch));
    LEIT_TRY(open_table(path, &table));
    if (launch.rank == 0) LEIT_TRY(table->make_id(id));
    LEIT_TRY(share(&launch, id));
    LEIT_TRY(table->open(id, launch.rank, launch.size, DEADLINE_MS, &nccl));
    table->close(nccl);
    printf("rank %d of %d has opened NCCL\n", launch.rank, launch.size);
    return LEIT_OK;
}

int main(int count, char **words)
{
    const leit_status status = meet(count > 1 ? words[1] : "");
    if (status != LEIT_OK) fprintf(stderr, "%s\n", leit_error_message());
    return (int)status;
}

/* MPI plugins that the loader must refuse by name, one per compile definition. */
#include "dist/mpi_plugin.h"

static leit_mpi_table table = {.abi = LEIT_MPI_ABI, .version = LEIT_VERSION, .library = "Fake MPI"};

const void *leit_mpi_plugin(const leit_plugin_host *host)
{
    (void)host;
#if defined(FAKE_OTHER_ABI)
    table.abi = LEIT_MPI_ABI + 1;
#elif defined(FAKE_OTHER_VERSION)
    table.version = "9.9.9";
#endif
    return &table;
}

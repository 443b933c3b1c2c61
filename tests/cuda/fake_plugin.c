/* Plugins that are not what the loader wants, one per compile definition: the loader must refuse
 * each by name. FAKE_GOOD is one it must take. */
#include <stdio.h>

#include "cuda/cuda_plugin.h"

#ifndef FAKE_NO_FUNCTION
static leit_backend backend = {.name = "fake"};
static leit_cuda_table table = {.abi = LEIT_CUDA_ABI,
                                .version = LEIT_VERSION,
                                .n_ops = LEIT_N_OPS,
                                .backend = &backend,
                                .n_devices = 1,
                                .devices = {{.name = "Fake GPU"}}};

const leit_cuda_table *leit_cuda_plugin(const leit_cuda_host *host)
{
    (void)host;
#if defined(FAKE_OTHER_ABI)
    table.abi = LEIT_CUDA_ABI + 1;
    table.backend = NULL; /* what lies behind the version may be anything */
#elif defined(FAKE_OTHER_VERSION)
    table.version = "9.9.9";
#elif defined(FAKE_OTHER_OPS)
    table.n_ops++;
#elif defined(FAKE_NO_DEVICE)
    table.n_devices = 0;
    snprintf(table.reason, sizeof table.reason, "all of them are on holiday");
#elif defined(FAKE_NO_TABLE)
    return NULL;
#endif
    return &table;
}
#endif

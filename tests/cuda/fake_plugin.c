/* Plugins that are not what the loader wants, one per compile definition: the loader must refuse
 * each by name. FAKE_GOOD is one it must take. */
#include <stdio.h>

#include "cuda/cuda_plugin.h"

#ifndef FAKE_NO_FUNCTION
static const leit_backend backend = {.name = "fake"};
static const leit_backend *backend_of(enum leit_kernels kernels, enum leit_precision precision)
{
    (void)kernels;
    (void)precision;
    return &backend;
}

static leit_status nccl_version(int *version)
{
    *version = 22809;
    return LEIT_OK;
}

static const leit_nccl_table nccl = {.version = nccl_version};

static const leit_plugin_host *lent;

static leit_status library_version(int version[3])
{
#ifdef FAKE_NO_LIBRARY
    return lent->fail(LEIT_DEVICE, __func__, "cuBLASLt is on holiday");
#endif
    version[0] = 13;
    version[1] = 1;
    version[2] = 0;
    return LEIT_OK;
}

static leit_cuda_table table = {.abi = LEIT_CUDA_ABI,
                                .version = LEIT_VERSION,
                                .n_ops = LEIT_N_OPS,
                                .backend = backend_of,
                                .nccl = &nccl,
                                .libraries = {{"cuBLASLt", library_version},
                                              {"cuDNN", library_version},
                                              {"cuFFT", library_version}},
                                .n_devices = 1,
                                .devices = {{.name = "Fake GPU"}}};

const void *leit_cuda_plugin(const leit_plugin_host *host)
{
    lent = host;
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

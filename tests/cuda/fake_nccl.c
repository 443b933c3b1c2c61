/* Stands in for libnccl.so.2 where there is no GPU. It adds nothing; it keeps what it was asked for in fake_nccl_log,
 * which a test finds by dlsym, and FAKE_NCCL says how it behaves: "slow" is in progress a while,
 * "never" for ever, "lost" reports that another rank is gone, "old" is an old version. */
#include <nccl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char fake_nccl_log[4096];
static int n_asked;

static void note(const char *what)
{
    const size_t used = strlen(fake_nccl_log);
    snprintf(fake_nccl_log + used, sizeof fake_nccl_log - used, "%s ", what);
}

static bool is(const char *mood)
{
    const char *now = getenv("FAKE_NCCL");
    return now != NULL && strcmp(now, mood) == 0;
}

static ncclResult_t under_way(void)
{
    n_asked = 0;
    return is("slow") || is("never") || is("lost") ? ncclInProgress : ncclSuccess;
}

ncclResult_t ncclGetVersion(int *version)
{
    *version = is("old") ? 21000 : NCCL_VERSION_CODE;
    return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    for (size_t i = 0; i < sizeof id->internal; i++) id->internal[i] = (char)(i * 3);
    return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result)
{
    return result == ncclRemoteError ? "remote process exited" : "some error";
}

const char *ncclGetLastError(ncclComm_t comm)
{
    (void)comm;
    return "";
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int nranks, ncclUniqueId id, int rank,
                                    ncclConfig_t *config)
{
    char words[64];
    bool is_right = config->blocking == 0;
    for (size_t i = 0; i < sizeof id.internal; i++) is_right &= id.internal[i] == (char)(i * 3);
    if (!is_right) return ncclInvalidArgument;
    snprintf(words, sizeof words, "init%d/%d", rank, nranks);
    note(words);
    *comm = (ncclComm_t)(void *)&n_asked;
    return under_way();
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *result)
{
    (void)comm;
    n_asked++;
    *result = is("never") || (is("slow") && n_asked < 5) ? ncclInProgress
              : is("lost")                               ? ncclRemoteError
                                                         : ncclSuccess;
    return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm)
{
    (void)comm;
    note("finalize");
    return under_way();
}

ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
    (void)comm;
    note("destroy");
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    (void)comm;
    note("abort");
    return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream)
{
    char words[64];
    (void)comm;
    const bool is_right = from != NULL && to != NULL && type == ncclFloat32 && op == ncclSum &&
                          stream != NULL; /* that would be the stream that waits for all */
    snprintf(words, sizeof words, "sum%zu%s", count, is_right ? "" : "?");
    note(words);
    return under_way();
}

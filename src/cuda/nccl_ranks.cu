#include "cuda/nccl_ranks.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/shared_library.h"

#if __has_include(<nccl.h>)
#include <nccl.h>

static_assert(sizeof(ncclUniqueId) == LEIT_NCCL_ID_BYTES, "NCCL's id has another size");

struct leit_nccl {
    ncclComm_t comm;
    int rank, size;
    int64_t deadline_ms;
    bool is_broken;
    cudaStream_t side;
    cudaEvent_t forked, joined;
};

static cudaStream_t stream_of(void *stream)
{
    return stream == nullptr ? cudaStreamPerThread : static_cast<cudaStream_t>(stream);
}

/* ---- the library ---- */

#define FUNCTIONS(F)                                                                               \
    F(GetVersion)                                                                                  \
    F(GetUniqueId)                                                                                 \
    F(GetErrorString)                                                                              \
    F(GetLastError)                                                                                \
    F(CommInitRankConfig)                                                                          \
    F(CommGetAsyncError)                                                                           \
    F(CommFinalize)                                                                                \
    F(CommDestroy)                                                                                 \
    F(CommAbort)                                                                                   \
    F(AllReduce)

static leit_library nccl_file = {"NCCL", "libnccl.so.2", "LEITMOTIF_NCCL", nullptr};
static struct {
    bool is_open;
    int version;
#define F(name) decltype(&nccl##name) name;
    FUNCTIONS(F)
#undef F
} nccl_library;

static leit_status open_library()
{
    if (nccl_library.is_open) return LEIT_OK;
    LEIT_TRY(leit_library_open(&nccl_file));
#define F(name) LEIT_TRY(leit_library_find(&nccl_file, "nccl" #name, &nccl_library.name));
    FUNCTIONS(F)
#undef F
    LEIT_FAIL_IF(nccl_library.GetVersion(&nccl_library.version) != ncclSuccess ||
                     nccl_library.version < NCCL_VERSION_CODE,
                 LEIT_DEVICE, "%s is NCCL %d, and the plugin is made for %d and newer",
                 leit_library_path(&nccl_file), nccl_library.version, NCCL_VERSION_CODE);
    nccl_library.is_open = true;
    return LEIT_OK;
}

/* ---- waiting ---- */

static int64_t now_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void rest()
{
    const timespec nap = {0, 20000};
    nanosleep(&nap, nullptr);
}

static leit_status fail_over(leit_nccl *own, const char *what)
{
    own->is_broken = true;
    LEIT_FAIL(
        LEIT_RANK,
        "rank %d of %d waited %.1f s for NCCL to %s: a rank is gone or late, see what was said "
        "there, or raise run.rank_deadline_seconds",
        own->rank, own->size, (double)own->deadline_ms / 1e3, what);
}

static leit_status fail_nccl(leit_nccl *own, ncclResult_t result, const char *what)
{
    own->is_broken = true;
    const char *more = nccl_library.GetLastError(own->comm);
    LEIT_FAIL(result == ncclRemoteError ? LEIT_RANK : LEIT_DEVICE,
              "rank %d of %d: NCCL cannot %s: %s%s%s", own->rank, own->size, what,
              nccl_library.GetErrorString(result), more != nullptr && more[0] != '\0' ? ": " : "",
              more != nullptr ? more : "");
}

/* The communicator does not block: what was asked for may still be under way. */
static leit_status settle(leit_nccl *own, ncclResult_t result, const char *what)
{
    const int64_t until = now_ns() + own->deadline_ms * 1000000;
    while (result == ncclInProgress) {
        const ncclResult_t asked = nccl_library.CommGetAsyncError(own->comm, &result);
        if (asked != ncclSuccess) return fail_nccl(own, asked, what);
        if (result != ncclInProgress) break;
        if (now_ns() > until) return fail_over(own, what);
        rest();
    }
    return result == ncclSuccess ? LEIT_OK : fail_nccl(own, result, what);
}

static leit_status nccl_wait(leit_nccl *own, void *stream)
{
    const int64_t until = now_ns() + own->deadline_ms * 1000000;
    for (;;) {
        const cudaError_t error = cudaStreamQuery(stream_of(stream));
        if (error == cudaSuccess) return LEIT_OK;
        LEIT_FAIL_IF(error != cudaErrorNotReady, LEIT_DEVICE, "rank %d of %d: %s", own->rank,
                     own->size, cudaGetErrorString(error));
        ncclResult_t result = ncclSuccess;
        const ncclResult_t asked = nccl_library.CommGetAsyncError(own->comm, &result);
        if (asked != ncclSuccess) result = asked;
        if (result != ncclSuccess && result != ncclInProgress)
            return fail_nccl(own, result, "add up");
        if (now_ns() > until) return fail_over(own, "add up");
        rest();
    }
}

/* ---- sums ---- */

static leit_status nccl_sum(leit_nccl *own, const float *from, float *to, int64_t count,
                            void *stream)
{
    LEIT_FAIL_IF(own->is_broken, LEIT_RANK, "rank %d of %d has lost the others before", own->rank,
                 own->size);
    return settle(own,
                  nccl_library.AllReduce(from, to, (size_t)count, ncclFloat32, ncclSum, own->comm,
                                         stream_of(stream)),
                  "queue a sum");
}

/* `later` gets nothing to do before `earlier` has done what it has; recorded, this is an edge. */
static leit_status order(leit_nccl *own, cudaEvent_t event, cudaStream_t earlier,
                         cudaStream_t later)
{
    cudaError_t error = cudaEventRecord(event, earlier);
    if (error == cudaSuccess) error = cudaStreamWaitEvent(later, event, 0);
    LEIT_FAIL_IF(error != cudaSuccess, LEIT_DEVICE, "rank %d of %d cannot put streams in order: %s",
                 own->rank, own->size, cudaGetErrorString(error));
    return LEIT_OK;
}

/* Made when first wanted: a communicator alone needs none of it. */
static leit_status make_side(leit_nccl *own)
{
    if (own->side != nullptr) return LEIT_OK;
    cudaError_t error = cudaEventCreateWithFlags(&own->forked, cudaEventDisableTiming);
    if (error == cudaSuccess)
        error = cudaEventCreateWithFlags(&own->joined, cudaEventDisableTiming);
    if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&own->side, cudaStreamNonBlocking);
    LEIT_FAIL_IF(error != cudaSuccess, LEIT_DEVICE,
                 "rank %d of %d has no stream beside its own: %s", own->rank, own->size,
                 cudaGetErrorString(error));
    return LEIT_OK;
}

static leit_status nccl_fork(leit_nccl *own, void *stream, void **side)
{
    LEIT_TRY(make_side(own));
    *side = own->side;
    return order(own, own->forked, stream_of(stream), own->side);
}

static leit_status nccl_join(leit_nccl *own, void *stream)
{
    LEIT_TRY(make_side(own));
    return order(own, own->joined, own->side, stream_of(stream));
}

/* ---- life ---- */

static leit_status nccl_version(int *version)
{
    LEIT_TRY(open_library());
    *version = nccl_library.version;
    return LEIT_OK;
}

static leit_status nccl_make_id(void *id)
{
    LEIT_TRY(open_library());
    const ncclResult_t result = nccl_library.GetUniqueId(static_cast<ncclUniqueId *>(id));
    LEIT_FAIL_IF(result != ncclSuccess, LEIT_DEVICE, "NCCL makes no id: %s",
                 nccl_library.GetErrorString(result));
    return LEIT_OK;
}

/* A communicator that is broken waits for nobody. */
static void nccl_close(leit_nccl *own)
{
    if (own == nullptr) return;
    if (own->comm != nullptr) {
        if (!own->is_broken && settle(own, nccl_library.CommFinalize(own->comm), "end") == LEIT_OK)
            nccl_library.CommDestroy(own->comm);
        else
            nccl_library.CommAbort(own->comm);
    }
    if (own->forked != nullptr) cudaEventDestroy(own->forked);
    if (own->joined != nullptr) cudaEventDestroy(own->joined);
    if (own->side != nullptr) cudaStreamDestroy(own->side);
    free(own);
}

static leit_status nccl_open(const void *id, int rank, int size, int64_t deadline_ms,
                             leit_nccl **result)
{
    *result = nullptr;
    LEIT_TRY(open_library());
    leit_nccl *own = static_cast<leit_nccl *>(calloc(1, sizeof *own));
    LEIT_FAIL_IF(own == nullptr, LEIT_INTERNAL, "out of memory: %zu bytes were asked for",
                 sizeof *own);
    own->rank = rank;
    own->size = size;
    own->deadline_ms = deadline_ms;
    ncclUniqueId unique;
    memcpy(&unique, id, sizeof unique);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    const leit_status status = settle(
        own, nccl_library.CommInitRankConfig(&own->comm, size, unique, rank, &config), "begin");
    if (status == LEIT_OK)
        *result = own;
    else
        nccl_close(own);
    return status;
}

#else /* the plugin is made where NCCL's header is not */

static leit_status fail_without()
{
    LEIT_FAIL(LEIT_DEVICE, "this plugin is made without NCCL: build it where nccl.h is");
}

static leit_status nccl_version(int *)
{
    return fail_without();
}

static leit_status nccl_make_id(void *)
{
    return fail_without();
}

static leit_status nccl_open(const void *, int, int, int64_t, leit_nccl **)
{
    return fail_without();
}

static leit_status nccl_fork(leit_nccl *, void *, void **)
{
    return fail_without();
}

static leit_status nccl_join(leit_nccl *, void *)
{
    return fail_without();
}

static leit_status nccl_sum(leit_nccl *, const float *, float *, int64_t, void *)
{
    return fail_without();
}

static leit_status nccl_wait(leit_nccl *, void *)
{
    return fail_without();
}

static void nccl_close(leit_nccl *)
{
}

#endif

const leit_nccl_table *leit_nccl_functions(void)
{
    /* As PyTorch's DistributedDataParallel has it. */
    static const int64_t bucket_bytes = 25 << 20;
    static const leit_nccl_table table = {bucket_bytes, nccl_version, nccl_make_id,
                                          nccl_open,    nccl_fork,    nccl_join,
                                          nccl_sum,     nccl_wait,    nccl_close};
    return &table;
}

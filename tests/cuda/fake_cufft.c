/* Stands in for libcufft.so.12 where there is no GPU: it takes plans apart as the manual has them, refuses what is
 * not asked for here, and computes on the emulated device (tests/cuda_on_cpu/library_twins.h). FAKE_CUFFT says
 * how it behaves: "old" is an old version, "greedy" wants more workspace than there can be, "lost" fails in
 * the transform itself. */
#include <cufft.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_on_cpu/library_twins.h"

enum { MOST_HANDLES = 64 };

static struct plan {
    bool is_made, allocates;
    struct twin_fourier transform;
    size_t workspace_bytes;
    unsigned char *workspace;
    cudaStream_t stream;
} plans[MOST_HANDLES];

static bool is(const char *mood)
{
    const char *now = getenv("FAKE_CUFFT");
    return now != NULL && strcmp(now, mood) == 0;
}

static struct plan *plan_of(cufftHandle handle)
{
    return handle >= 1 && handle <= MOST_HANDLES && plans[handle - 1].is_made ? &plans[handle - 1]
                                                                              : NULL;
}

cufftResult cufftGetVersion(int *version)
{
    *version = is("old") ? 9000 : CUFFT_VERSION;
    return CUFFT_SUCCESS;
}

cufftResult cufftCreate(cufftHandle *handle)
{
    for (int i = 0; i < MOST_HANDLES; i++) {
        if (plans[i].is_made) continue;
        plans[i] = (struct plan){.is_made = true, .allocates = true};
        *handle = i + 1;
        return CUFFT_SUCCESS;
    }
    return CUFFT_ALLOC_FAILED;
}

cufftResult cufftDestroy(cufftHandle handle)
{
    struct plan *plan = plan_of(handle);
    if (plan == NULL) return CUFFT_INVALID_PLAN;
    plan->is_made = false;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetAutoAllocation(cufftHandle handle, int allocates)
{
    struct plan *plan = plan_of(handle);
    if (plan == NULL) return CUFFT_INVALID_PLAN;
    plan->allocates = allocates != 0;
    return CUFFT_SUCCESS;
}

cufftResult cufftMakePlanMany(cufftHandle handle, int rank, int *n, int *in_extents, int in_step,
                              int in_distance, int *out_extents, int out_step, int out_distance,
                              cufftType type, int batch, size_t *workspace_bytes)
{
    struct plan *plan = plan_of(handle);
    if (plan == NULL || plan->transform.n != 0) return CUFFT_INVALID_PLAN;
    if (rank != 1 || type != CUFFT_R2C || in_step != 1 || out_step != 1 || batch < 1 || n[0] < 2 ||
        in_extents == NULL || out_extents == NULL || in_distance < n[0] ||
        out_distance < n[0] / 2 + 1 || plan->allocates)
        return CUFFT_INVALID_VALUE;
    plan->transform = (struct twin_fourier){
        .n = n[0], .count = batch, .row_step = in_distance, .spectrum_step = out_distance};
    plan->workspace_bytes = is("greedy") ? SIZE_MAX / 2 : (size_t)batch * sizeof(float);
    *workspace_bytes = plan->workspace_bytes;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetWorkArea(cufftHandle handle, void *workspace)
{
    struct plan *plan = plan_of(handle);
    if (plan == NULL || workspace == NULL || (uintptr_t)workspace % 256 != 0)
        return CUFFT_INVALID_VALUE;
    plan->workspace = workspace;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetStream(cufftHandle handle, cudaStream_t stream)
{
    struct plan *plan = plan_of(handle);
    if (plan == NULL) return CUFFT_INVALID_PLAN;
    plan->stream = stream;
    return CUFFT_SUCCESS;
}

cufftResult cufftExecR2C(cufftHandle handle, cufftReal *rows, cufftComplex *spectra)
{
    struct plan *plan = plan_of(handle);
    if (plan == NULL || plan->transform.n == 0 || plan->workspace == NULL)
        return CUFFT_INVALID_PLAN;
    if (is("lost")) return CUFFT_EXEC_FAILED;
    /* Kernels run in this thread's own stream, and so does what stands between them. */
    if (plan->stream != cudaStreamPerThread || (uintptr_t)rows % sizeof(cufftComplex) != 0 ||
        (uintptr_t)spectra % sizeof(cufftComplex) != 0)
        return CUFFT_INVALID_VALUE;
    struct twin_fourier transform = plan->transform;
    transform.rows = rows;
    transform.spectra = (float *)spectra;
    transform.workspace = plan->workspace;
    transform.workspace_bytes = plan->workspace_bytes;
    leit_twin_transform(&transform);
    return CUFFT_SUCCESS;
}

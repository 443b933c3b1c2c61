#include "kernels/cufft.h"

#include "core/shared_library.h"

#if __has_include(<cufft.h>)
#include <cufft.h>

#define FUNCTIONS(F)                                                                               \
    F(GetVersion)                                                                                  \
    F(Create)                                                                                      \
    F(Destroy)                                                                                     \
    F(SetAutoAllocation)                                                                           \
    F(MakePlanMany)                                                                                \
    F(SetWorkArea)                                                                                 \
    F(SetStream)                                                                                   \
    F(ExecR2C)

#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

static leit_library fft_file = {"cuFFT", "libcufft.so." TEXT_OF(CUFFT_VER_MAJOR), "LEITMOTIF_CUFFT",
                                nullptr};
static struct {
    bool is_open;
    int version;
#define F(name) decltype(&cufft##name) name;
    FUNCTIONS(F)
#undef F
} fft;

static leit_status open_fft()
{
    if (fft.is_open) return LEIT_OK;
    LEIT_TRY(leit_library_open(&fft_file));
#define F(name) LEIT_TRY(leit_library_find(&fft_file, "cufft" #name, &fft.name));
    FUNCTIONS(F)
#undef F
    LEIT_FAIL_IF(fft.GetVersion(&fft.version) != CUFFT_SUCCESS || fft.version < CUFFT_VERSION,
                 LEIT_DEVICE, "%s is cuFFT %d, and the plugin is made for %d and newer",
                 leit_library_path(&fft_file), fft.version, (int)CUFFT_VERSION);
    fft.is_open = true;
    return LEIT_OK;
}

leit_status leit_cufft_version(int version[3])
{
    LEIT_TRY(open_fft());
    version[0] = fft.version / 1000;
    version[1] = fft.version / 100 % 10;
    version[2] = fft.version % 100;
    return LEIT_OK;
}

static leit_status check_fft(cufftResult status, const char *call, const char *op)
{
    LEIT_FAIL_IF(status != CUFFT_SUCCESS, LEIT_DEVICE, "%s: cuFFT, %s: status %d", op, call,
                 (int)status);
    return LEIT_OK;
}

#define FFT(op, name, ...) LEIT_TRY(check_fft(fft.name(__VA_ARGS__), "cufft" #name, op))

/* Making one takes milliseconds, and is nothing that a recording can hold. */
struct fft_plan {
    int n;
    int64_t count;
    cufftHandle handle;
    size_t workspace_bytes;
};

/* Of the GPU that serves this thread. A program has one or two; the last makes room. */
enum { MOST_PLANS = 8 };
static thread_local fft_plan fft_plans[MOST_PLANS];
static thread_local int n_fft_plans;

static leit_status make_fft(fft_plan *p, const char *op)
{
    int n = p->n, spectrum = p->n / 2 + 1;
    FFT(op, Create, &p->handle);
    FFT(op, SetAutoAllocation, p->handle, 0);
    FFT(op, MakePlanMany, p->handle, 1, &n, &n, 1, n, &spectrum, 1, spectrum, CUFFT_R2C,
        (int)p->count, &p->workspace_bytes);
    return LEIT_OK;
}

static leit_status find_fft(const struct leit_cufft_transform *t, const char *op, fft_plan **found)
{
    for (int i = 0; i < n_fft_plans; i++) {
        *found = &fft_plans[i];
        if (fft_plans[i].n == t->n && fft_plans[i].count == t->count) return LEIT_OK;
    }
    if (n_fft_plans == MOST_PLANS) fft.Destroy(fft_plans[--n_fft_plans].handle);
    fft_plan *p = *found = &fft_plans[n_fft_plans];
    *p = {t->n, t->count, 0, 0};
    LEIT_TRY(make_fft(p, op));
    n_fft_plans++;
    return LEIT_OK;
}

leit_status leit_cufft_run(const leit_exec *exec, const char *op,
                           const struct leit_cufft_transform *transform, void *workspace,
                           size_t workspace_bytes)
{
    fft_plan *p = nullptr;
    LEIT_FAIL_IF(transform->count < 1 || transform->count > INT32_MAX, LEIT_INTERNAL,
                 "%s: %lld rows, expected 1 to 2^31 - 1", op, (long long)transform->count);
    LEIT_TRY(open_fft());
    LEIT_TRY(find_fft(transform, op, &p));
    LEIT_FAIL_IF(p->workspace_bytes > workspace_bytes, LEIT_DEVICE,
                 "%s: cuFFT wants %zu bytes for %lld rows of %d, and %zu are there", op,
                 p->workspace_bytes, (long long)transform->count, transform->n, workspace_bytes);
    /* NULL is this thread's own stream, as it is to the kernels around the transform. */
    const cudaStream_t stream =
        exec->stream == nullptr ? cudaStreamPerThread : static_cast<cudaStream_t>(exec->stream);
    FFT(op, SetStream, p->handle, stream);
    FFT(op, SetWorkArea, p->handle, workspace);
    FFT(op, ExecR2C, p->handle, transform->rows,
        reinterpret_cast<cufftComplex *>(transform->spectra));
    return LEIT_OK;
}

#else /* the plugin is made where cuFFT's header is not */

static leit_status fail_without_fft()
{
    LEIT_FAIL(LEIT_DEVICE, "this plugin is made without cuFFT: build it where cufft.h is");
}

leit_status leit_cufft_version(int *)
{
    return fail_without_fft();
}

leit_status leit_cufft_run(const leit_exec *, const char *, const struct leit_cufft_transform *,
                           void *, size_t)
{
    return fail_without_fft();
}

#endif

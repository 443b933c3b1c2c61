/* Real FFTs by cuFFT, libcufft.so.12 (or the file that LEITMOTIF_CUFFT names), which is opened when one of these
 * functions is called first. What goes wrong is LEIT_DEVICE, with the library, the call and its status in
 * the sentence. Where the plugin is made without cufft.h all of them fail. */
#ifndef LEIT_KERNELS_CUFFT_H
#define LEIT_KERNELS_CUFFT_H

#include "kernels/op.h"

/* spectra[r, k] = sum over i of rows[r, i] exp(-2 pi i k / n), fp32 in device memory. */
struct leit_cufft_transform {
    int n;          /* a power of two */
    int64_t count;  /* rows, at most 2^31 - 1 */
    float *rows;    /* (count, n) */
    float *spectra; /* (count, n / 2 + 1, 2) */
};

/* How arrays and the workspace have to be aligned. */
enum { LEIT_CUFFT_ALIGNMENT = 256 };

#ifdef __cplusplus
extern "C" {
#endif

/* {12, 0, 0}: cuFFT 12.0.0 */
leit_status leit_cufft_version(int version[3]);

/* Queued on exec->stream, or recorded with it, when it has run before: the first call for an n and a count makes a
 * plan, which is kept. A plan that wants more than the workspace is refused. */
leit_status leit_cufft_run(const leit_exec *exec, const char *op,
                           const struct leit_cufft_transform *transform, void *workspace,
                           size_t workspace_bytes);

#ifdef __cplusplus
}
#endif

#endif

/* Dense products by cuBLASLt, libcublasLt.so.13 (or the file that LEITMOTIF_CUBLASLT names), which is opened
 * when one of these functions is called first. What goes wrong is LEIT_DEVICE, with the library, the
 * call and its status in the sentence. Where the plugin is made without cublasLt.h all of them fail. */
#ifndef LEIT_KERNELS_CUBLASLT_H
#define LEIT_KERNELS_CUBLASLT_H

#include <stdbool.h>

#include "kernels/op.h"

/* C (M, N) = A B, operands and C row-major in device memory. */
struct leit_cublaslt_product {
    int64_t M, N, K;
    const float *a; /* (M, K), or (K, M) when a_is_transposed */
    const float *b; /* (K, N), or (N, K) when b_is_transposed */
    bool a_is_transposed, b_is_transposed;
    const float *bias; /* (N), added to every row; NULL: none */
    bool is_rectified; /* what is negative becomes 0 */
    bool is_added;     /* to what c holds; without bias */
    float *c;
    float *row_sums; /* (M), written: the sums of the rows of A; NULL: not wanted; without bias */
};

/* What the library may use beside its operands, and how it is aligned. */
enum { LEIT_CUBLASLT_WORKSPACE_BYTES = 4 << 20, LEIT_CUBLASLT_ALIGNMENT = 256 };

#ifdef __cplusplus
extern "C" {
#endif

/* {13, 1, 0}: cuBLASLt 13.1.0 */
leit_status leit_cublaslt_version(int version[3]);

/* Queued on exec->stream, or recorded with it; operands are rounded to exec->precision. `workspace` is
 * LEIT_CUBLASLT_WORKSPACE_BYTES of device memory. *has_row_sums says whether they were made: the library
 * does not have them for every product. */
leit_status leit_cublaslt_multiply(const leit_exec *exec, const char *op,
                                   const struct leit_cublaslt_product *product, void *workspace,
                                   bool *has_row_sums);

#ifdef __cplusplus
}
#endif

#endif

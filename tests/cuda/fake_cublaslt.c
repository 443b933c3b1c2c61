/* Stands in for libcublasLt.so.13 where there is no GPU: it takes descriptors apart as the manual has them,
 * refuses what the library would, and computes on the emulated device (tests/cuda_on_cpu/library_twins.h).
 * FAKE_CUBLASLT says how it behaves: "old" is an old version, "no_sums" has no algorithm with sums of an
 * operand, "nothing" has none at all, "lost" fails in the product itself. */
#include <cublasLt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_on_cpu/library_twins.h"

static bool is(const char *mood)
{
    const char *now = getenv("FAKE_CUBLASLT");
    return now != NULL && strcmp(now, mood) == 0;
}

/* What lies behind the library's pointers. */
struct description {
    cublasComputeType_t compute;
    cublasOperation_t turn[2];
    uint32_t epilogue;
    void *vector;
};

struct layout {
    int64_t rows, columns, step;
};

struct preference {
    size_t workspace_bytes;
    uint32_t alignment[4]; /* of A, B, C, D */
};

size_t cublasLtGetVersion(void)
{
    return is("old") ? 110000 : CUBLAS_VERSION;
}

const char *cublasLtGetStatusName(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_EXECUTION_FAILED ? "CUBLAS_STATUS_EXECUTION_FAILED"
                                                    : "CUBLAS_STATUS_INVALID_VALUE";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    static int only;
    *handle = (cublasLtHandle_t)(void *)&only;
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t make(void *result, const void *content, size_t bytes)
{
    void *copy = malloc(bytes);
    if (copy == NULL) return CUBLAS_STATUS_ALLOC_FAILED;
    memcpy(copy, content, bytes);
    memcpy(result, &copy, sizeof(void *));
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *result, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
    const struct description one = {.compute = compute, .epilogue = CUBLASLT_EPILOGUE_DEFAULT};
    return scale == CUDA_R_32F ? make(result, &one, sizeof one) : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t one)
{
    free(one);
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t set(void *field, size_t field_bytes, const void *value, size_t bytes)
{
    if (bytes != field_bytes) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(field, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t one,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t bytes)
{
    struct description *d = (void *)one;
    if (attribute == CUBLASLT_MATMUL_DESC_TRANSA)
        return set(&d->turn[0], sizeof(int32_t), value, bytes);
    if (attribute == CUBLASLT_MATMUL_DESC_TRANSB)
        return set(&d->turn[1], sizeof(int32_t), value, bytes);
    if (attribute == CUBLASLT_MATMUL_DESC_EPILOGUE)
        return set(&d->epilogue, sizeof d->epilogue, value, bytes);
    if (attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER)
        return set(&d->vector, sizeof d->vector, value, bytes);
    return CUBLAS_STATUS_INVALID_VALUE;
}

/* Column-major: a column may not be longer than the way to the next one. */
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *result, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t step)
{
    const struct layout one = {(int64_t)rows, (int64_t)columns, step};
    if (type != CUDA_R_32F || rows == 0 || columns == 0 || step < (int64_t)rows)
        return CUBLAS_STATUS_INVALID_VALUE;
    return make(result, &one, sizeof one);
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t one)
{
    free(one);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *result)
{
    const struct preference one = {0, {256, 256, 256, 256}};
    return make(result, &one, sizeof one);
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t one)
{
    free(one);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t one,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t bytes)
{
    struct preference *p = (void *)one;
    const int operand = (int)attribute - (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        return set(&p->workspace_bytes, sizeof p->workspace_bytes, value, bytes);
    if (operand >= 0 && operand < 4)
        return set(&p->alignment[operand], sizeof p->alignment[operand], value, bytes);
    return CUBLAS_STATUS_INVALID_VALUE;
}

/* The algorithm is the preference: it may use the whole workspace and needs the alignments. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t one,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[], int *found)
{
    (void)handle, (void)a, (void)b, (void)c, (void)d;
    const struct description *what = (void *)one;
    *found = 0;
    if (wanted < 1) return CUBLAS_STATUS_INVALID_VALUE;
    if (is("nothing")) return CUBLAS_STATUS_SUCCESS;
    if (is("no_sums") && what->epilogue == CUBLASLT_EPILOGUE_BGRADB)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    memcpy(&results[0].algo, preference, sizeof(struct preference));
    *found = 1;
    return CUBLAS_STATUS_SUCCESS;
}

static enum leit_precision precision_of(cublasComputeType_t compute)
{
    if (compute == CUBLAS_COMPUTE_32F_FAST_16BF) return LEIT_PRECISION_BF16;
    return compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? LEIT_PRECISION_TF32 : LEIT_PRECISION_FP32;
}

/* Puts the epilogue into the product; false where there is none of this kind. */
static bool add_epilogue(const struct description *what, struct twin_product *p)
{
    switch (what->epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT: return true;
    case CUBLASLT_EPILOGUE_BGRADB: p->sums = what->vector; return what->vector != NULL;
    case CUBLASLT_EPILOGUE_RELU: p->is_rectified = true; return true;
    case CUBLASLT_EPILOGUE_RELU_BIAS: p->is_rectified = true; break;
    case CUBLASLT_EPILOGUE_BIAS: break;
    default: return false;
    }
    p->bias = what->vector;
    return what->vector != NULL;
}

static bool is_aligned(const void *array, int64_t step, uint32_t alignment)
{
    return (uintptr_t)array % alignment == 0 && (size_t)step * sizeof(float) % alignment == 0;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t one, const void *alpha,
                              const void *A, cublasLtMatrixLayout_t first, const void *B,
                              cublasLtMatrixLayout_t second, const void *beta, const void *C,
                              cublasLtMatrixLayout_t third, void *D, cublasLtMatrixLayout_t fourth,
                              const cublasLtMatmulAlgo_t *algo, void *workspace,
                              size_t workspace_bytes, cudaStream_t stream)
{
    const struct description *what = (void *)one;
    const struct layout *a = (void *)first, *b = (void *)second, *c = (void *)third;
    const struct layout *d = (void *)fourth;
    struct preference asked;
    memcpy(&asked, algo, sizeof asked);
    if (is("lost")) return CUBLAS_STATUS_EXECUTION_FAILED;
    const bool turns_a = what->turn[0] == CUBLAS_OP_T, turns_b = what->turn[1] == CUBLAS_OP_T;
    struct twin_product p = {.m = d->rows,
                             .n = d->columns,
                             .k = turns_a ? a->rows : a->columns,
                             .a = {A, a->step, turns_a},
                             .b = {B, b->step, turns_b},
                             .c = C,
                             .d = D,
                             .c_step = c->step,
                             .d_step = d->step,
                             .precision = precision_of(what->compute),
                             .workspace = workspace,
                             .workspace_bytes = workspace_bytes};
    memcpy(&p.beta, beta, sizeof p.beta);
    const bool fits = (turns_a ? a->columns : a->rows) == p.m &&
                      (turns_b ? b->columns : b->rows) == p.k &&
                      (turns_b ? b->rows : b->columns) == p.n && c->rows == p.m &&
                      c->columns == p.n && *(const float *)alpha == 1.0F;
    const bool lies_well =
        is_aligned(A, a->step, asked.alignment[0]) && is_aligned(B, b->step, asked.alignment[1]) &&
        is_aligned(C, c->step, asked.alignment[2]) && is_aligned(D, d->step, asked.alignment[3]) &&
        (uintptr_t)workspace % 256 == 0;
    if (!fits || !lies_well || asked.workspace_bytes > workspace_bytes || handle == NULL ||
        stream != cudaStreamPerThread || !add_epilogue(what, &p))
        return CUBLAS_STATUS_INVALID_VALUE;
    leit_twin_multiply(&p);
    return CUBLAS_STATUS_SUCCESS;
}

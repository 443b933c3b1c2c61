#include "kernels/cublaslt.h"

#include "core/shared_library.h"

/* Row-major matrices are the transposed ones of cuBLASLt, which are column-major: C^T = B^T A^T, so our
 * b is its first operand and our a its second. */

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

#define FUNCTIONS(F)                                                                               \
    F(GetVersion)                                                                                  \
    F(GetStatusName)                                                                               \
    F(Create)                                                                                      \
    F(MatmulDescCreate)                                                                            \
    F(MatmulDescDestroy)                                                                           \
    F(MatmulDescSetAttribute)                                                                      \
    F(MatrixLayoutCreate)                                                                          \
    F(MatrixLayoutDestroy)                                                                         \
    F(MatmulPreferenceCreate)                                                                      \
    F(MatmulPreferenceDestroy)                                                                     \
    F(MatmulPreferenceSetAttribute)                                                                \
    F(MatmulAlgoGetHeuristic)                                                                      \
    F(Matmul)

#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

static leit_library blas_file = {"cuBLASLt", "libcublasLt.so." TEXT_OF(CUBLAS_VER_MAJOR),
                                 "LEITMOTIF_CUBLASLT", nullptr};
static struct {
    bool is_open;
    size_t version;
#define F(name) decltype(&cublasLt##name) name;
    FUNCTIONS(F)
#undef F
} blas;

/* Of the GPU that serves this thread; it lives as long as the thread. */
static thread_local cublasLtHandle_t blas_handle;

static leit_status open_blas()
{
    if (blas.is_open) return LEIT_OK;
    LEIT_TRY(leit_library_open(&blas_file));
#define F(name) LEIT_TRY(leit_library_find(&blas_file, "cublasLt" #name, &blas.name));
    FUNCTIONS(F)
#undef F
    blas.version = blas.GetVersion();
    LEIT_FAIL_IF(blas.version < CUBLAS_VERSION, LEIT_DEVICE,
                 "%s is cuBLASLt %zu, and the plugin is made for %d and newer",
                 leit_library_path(&blas_file), blas.version, (int)CUBLAS_VERSION);
    blas.is_open = true;
    return LEIT_OK;
}

leit_status leit_cublaslt_version(int version[3])
{
    LEIT_TRY(open_blas());
    version[0] = (int)(blas.version / 10000);
    version[1] = (int)(blas.version / 100 % 100);
    version[2] = (int)(blas.version % 100);
    return LEIT_OK;
}

static leit_status check_blas(cublasStatus_t status, const char *call, const char *op)
{
    LEIT_FAIL_IF(status != CUBLAS_STATUS_SUCCESS, LEIT_DEVICE, "%s: cuBLASLt, %s: %s (%d)", op,
                 call, blas.GetStatusName(status), (int)status);
    return LEIT_OK;
}

/* A call of the library inside a function that returns leit_status and has a `p`. */
#define BLAS(name, ...) LEIT_TRY(check_blas(blas.name(__VA_ARGS__), "cublasLt" #name, p->op))

/* The library's objects of one product. */
struct blas_plan {
    const char *op;
    cublasLtMatmulDesc_t description;
    cublasLtMatrixLayout_t first, second, result;
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t found;
};

static cublasComputeType_t compute_type(enum leit_precision precision)
{
    if (precision == LEIT_PRECISION_BF16) return CUBLAS_COMPUTE_32F_FAST_16BF;
    return precision == LEIT_PRECISION_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

static leit_status describe(blas_plan *p, cublasLtMatmulDescAttributes_t attribute,
                            const void *value, size_t bytes)
{
    BLAS(MatmulDescSetAttribute, p->description, attribute, value, bytes);
    return LEIT_OK;
}

static leit_status prefer(blas_plan *p, cublasLtMatmulPreferenceAttributes_t attribute,
                          const void *value, size_t bytes)
{
    BLAS(MatmulPreferenceSetAttribute, p->preference, attribute, value, bytes);
    return LEIT_OK;
}

/* A matrix (rows, columns), row-major. */
static leit_status lay_out(blas_plan *p, cublasLtMatrixLayout_t *layout, int64_t rows,
                           int64_t columns)
{
    BLAS(MatrixLayoutCreate, layout, CUDA_R_32F, (uint64_t)columns, (uint64_t)rows, columns);
    return LEIT_OK;
}

static leit_status set_epilogue(blas_plan *p, const struct leit_cublaslt_product *product,
                                bool wants_sums)
{
    uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void *vector = wants_sums ? product->row_sums : product->bias;
    if (wants_sums)
        epilogue = CUBLASLT_EPILOGUE_BGRADB;
    else if (product->bias != nullptr)
        epilogue = product->is_rectified ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
    else if (product->is_rectified)
        epilogue = CUBLASLT_EPILOGUE_RELU;
    LEIT_TRY(describe(p, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
    return describe(p, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &vector, sizeof vector);
}

/* Bytes that divide an array's address and the length of its rows: 16 or 4, so that the same product gets
 * the same algorithm wherever it lies. */
static uint32_t alignment_of(const float *array, int64_t columns)
{
    const uint32_t quad = 16;
    const bool are_quads = reinterpret_cast<uintptr_t>(array) % quad == 0 &&
                           columns * (int64_t)sizeof(float) % quad == 0;
    return are_quads ? quad : (uint32_t)sizeof(float);
}

static leit_status make_plan(blas_plan *p, const struct leit_cublaslt_product *product,
                             enum leit_precision precision)
{
    const int64_t M = product->M, N = product->N, K = product->K;
    const bool turns_a = product->a_is_transposed, turns_b = product->b_is_transposed;
    const cublasOperation_t first = turns_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t second = turns_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const size_t workspace_bytes = LEIT_CUBLASLT_WORKSPACE_BYTES;
    const uint32_t align_a = alignment_of(product->a, turns_a ? M : K);
    const uint32_t align_b = alignment_of(product->b, turns_b ? K : N);
    const uint32_t align_c = alignment_of(product->c, N);
    BLAS(MatmulDescCreate, &p->description, compute_type(precision), CUDA_R_32F);
    LEIT_TRY(describe(p, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first));
    LEIT_TRY(describe(p, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second));
    LEIT_TRY(lay_out(p, &p->first, turns_b ? N : K, turns_b ? K : N));
    LEIT_TRY(lay_out(p, &p->second, turns_a ? K : M, turns_a ? M : K));
    LEIT_TRY(lay_out(p, &p->result, M, N));
    BLAS(MatmulPreferenceCreate, &p->preference);
    LEIT_TRY(prefer(p, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes,
                    sizeof workspace_bytes));
    LEIT_TRY(prefer(p, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &align_b, sizeof align_b));
    LEIT_TRY(prefer(p, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &align_a, sizeof align_a));
    LEIT_TRY(prefer(p, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &align_c, sizeof align_c));
    return prefer(p, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &align_c, sizeof align_c);
}

/* The library's own choice; *is_found is false where it has no algorithm. */
static leit_status choose(blas_plan *p, bool *is_found)
{
    int count = 0;
    const cublasStatus_t status =
        blas.MatmulAlgoGetHeuristic(blas_handle, p->description, p->first, p->second, p->result,
                                    p->result, p->preference, 1, &p->found, &count);
    *is_found = status == CUBLAS_STATUS_SUCCESS && count > 0;
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) return LEIT_OK;
    return check_blas(status, "cublasLtMatmulAlgoGetHeuristic", p->op);
}

static leit_status run(blas_plan *p, const leit_exec *exec,
                       const struct leit_cublaslt_product *product, void *workspace)
{
    const float one = 1.0f, kept = product->is_added ? 1.0f : 0.0f;
    bool is_found = false;
    LEIT_TRY(choose(p, &is_found));
    LEIT_FAIL_IF(!is_found, LEIT_DEVICE, "%s: cuBLASLt has no algorithm for (%lld, %lld, %lld)",
                 p->op, (long long)product->M, (long long)product->N, (long long)product->K);
    /* NULL is this thread's own stream, as it is to the kernels around the product. */
    const cudaStream_t stream =
        exec->stream == nullptr ? cudaStreamPerThread : static_cast<cudaStream_t>(exec->stream);
    BLAS(Matmul, blas_handle, p->description, &one, product->b, p->first, product->a, p->second,
         &kept, product->c, p->result, product->c, p->result, &p->found.algo, workspace,
         LEIT_CUBLASLT_WORKSPACE_BYTES, stream);
    return LEIT_OK;
}

static leit_status plan_and_run(blas_plan *p, const leit_exec *exec,
                                const struct leit_cublaslt_product *product, void *workspace,
                                bool *has_row_sums)
{
    if (blas_handle == nullptr) BLAS(Create, &blas_handle);
    LEIT_TRY(make_plan(p, product, exec->precision));
    if (product->row_sums != nullptr) {
        LEIT_TRY(set_epilogue(p, product, true));
        LEIT_TRY(choose(p, has_row_sums));
    }
    if (!*has_row_sums) LEIT_TRY(set_epilogue(p, product, false));
    return run(p, exec, product, workspace);
}

leit_status leit_cublaslt_multiply(const leit_exec *exec, const char *op,
                                   const struct leit_cublaslt_product *product, void *workspace,
                                   bool *has_row_sums)
{
    *has_row_sums = false;
    LEIT_TRY(open_blas());
    blas_plan plan = {};
    plan.op = op;
    const leit_status status = plan_and_run(&plan, exec, product, workspace, has_row_sums);
    if (plan.preference != nullptr) blas.MatmulPreferenceDestroy(plan.preference);
    if (plan.result != nullptr) blas.MatrixLayoutDestroy(plan.result);
    if (plan.second != nullptr) blas.MatrixLayoutDestroy(plan.second);
    if (plan.first != nullptr) blas.MatrixLayoutDestroy(plan.first);
    if (plan.description != nullptr) blas.MatmulDescDestroy(plan.description);
    return status;
}

#else /* the plugin is made where cuBLASLt's header is not */

static leit_status fail_without_blas()
{
    LEIT_FAIL(LEIT_DEVICE, "this plugin is made without cuBLASLt: build it where cublasLt.h is");
}

leit_status leit_cublaslt_version(int *)
{
    return fail_without_blas();
}

leit_status leit_cublaslt_multiply(const leit_exec *, const char *,
                                   const struct leit_cublaslt_product *, void *, bool *has_row_sums)
{
    *has_row_sums = false;
    return fail_without_blas();
}

#endif

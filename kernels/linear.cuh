/* What linear's backward does before its products, plain or fast: one launch computes dpre = dy *
 * activation'(pre) (dy itself serves when there is no activation) and partial sums of db over
 * ROWS_PER_PARTIAL rows, which another one adds in order. */
#ifndef LEIT_KERNELS_LINEAR_CUH
#define LEIT_KERNELS_LINEAR_CUH

#include "kernels/activation.cuh"
#include "kernels/linear.h"

enum { COLUMN_THREADS = 128, ROWS_PER_PARTIAL = 32 };

/* One thread has one column of the rows of one partial; dpre or partial may be NULL. */
static __global__ void differentiate(struct leit_linear args, int column_blocks, float *dpre,
                                     float *partial)
{
    const int64_t K = args.K, piece = blockIdx.x / (unsigned)column_blocks;
    const int64_t k =
        (int64_t)(blockIdx.x % (unsigned)column_blocks) * COLUMN_THREADS + threadIdx.x;
    const int64_t rows = leit_device_rows(args.n_rows, args.N), begin = piece * ROWS_PER_PARTIAL;
    const int64_t end = begin + ROWS_PER_PARTIAL < rows ? begin + ROWS_PER_PARTIAL : rows;
    if (k < K && begin < end) {
        float db = 0.0f;
        for (int64_t i = begin * K + k; i < end * K; i += K) {
            float gradient = args.dy[i];
            if (dpre != nullptr) {
                gradient = leit_activation_gradient(args.activation, args.pre[i], gradient);
                dpre[i] = gradient;
            }
            db += gradient;
        }
        if (partial != nullptr) partial[piece * K + k] = db;
    }
}

static __global__ void add_partials(struct leit_linear args, const float *partial)
{
    const int64_t K = args.K, k = leit_element();
    const int64_t rows = leit_device_rows(args.n_rows, args.N);
    if (k < K) {
        float db = 0.0f;
        for (int64_t piece = 0; piece * ROWS_PER_PARTIAL < rows; piece++)
            db += partial[piece * K + k];
        args.db[k] += db;
    }
}

static inline int64_t leit_linear_dpre_floats(const struct leit_linear *args)
{
    return args->activation == LEIT_ACTIVATION_NONE ? 0 : args->N * args->K;
}

/* What leit_linear_differentiate takes of the workspace. */
static inline int64_t leit_linear_gradient_floats(const struct leit_linear *args)
{
    return leit_linear_dpre_floats(args) + leit_pieces(args->N, ROWS_PER_PARTIAL) * args->K;
}

/* Launches what completes db; returns dpre, to be read by later launches. */
static inline const float *leit_linear_differentiate(const leit_exec *exec,
                                                     const struct leit_linear *args)
{
    float *workspace = static_cast<float *>(exec->workspace);
    float *dpre = args->activation == LEIT_ACTIVATION_NONE ? nullptr : workspace;
    float *partial = args->db == nullptr ? nullptr : workspace + leit_linear_dpre_floats(args);
    const int column_blocks = (int)leit_pieces(args->K, COLUMN_THREADS);
    if (dpre != nullptr || partial != nullptr)
        LEIT_LAUNCH(differentiate,
                    (unsigned)(leit_pieces(args->N, ROWS_PER_PARTIAL) * column_blocks),
                    COLUMN_THREADS, 0, exec->stream, *args, column_blocks, dpre, partial);
    if (partial != nullptr)
        LEIT_LAUNCH(add_partials, leit_element_blocks(args->K), LEIT_ELEMENT_THREADS, 0,
                    exec->stream, *args, partial);
    return dpre == nullptr ? args->dy : dpre;
}

#endif

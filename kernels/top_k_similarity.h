/* top_k_similarity: the k best of M items for each of N queries, by dot product.
 *   queries     (N, E)
 *   items       (M, E)  normalised by the caller where cosine is meant
 *   scores      (N, k)  descending
 *   indices     (N, k)  i32; equal scores in the order of the index; -1 and -inf behind M
 *   Limits      N >= 0, 0 <= M < 2^31, E >= 1, 1 <= k <= 1024. NaN scores are never chosen.
 *   Method      exact: items stream through in blocks, each query keeps its k best so far.
 *   Error       a score is one dot product of length E in f32 lanes.
 *   Repeatable  bit for bit, for any number of threads.
 */
#ifndef LEIT_KERNELS_TOP_K_SIMILARITY_H
#define LEIT_KERNELS_TOP_K_SIMILARITY_H

#include "kernels/op.h"

struct leit_top_k_similarity {
    int64_t N, M, E, k;
    const float *queries, *items;
    float *scores;
    int32_t *indices;
};

enum { LEIT_TOP_K_MAX = 1024 };

/* The limits, all of them the host's to see, on either backend. */
static inline leit_status leit_top_k_similarity_check(const struct leit_top_k_similarity *args)
{
    LEIT_FAIL_IF(
        args->N < 0 || args->M < 0 || args->M > INT32_MAX || args->E < 1, LEIT_INTERNAL,
        "top_k_similarity: N is %lld, M is %lld, E is %lld; expected N >= 0, 0 <= M < 2^31 "
        "and E >= 1",
        (long long)args->N, (long long)args->M, (long long)args->E);
    LEIT_FAIL_IF(args->k < 1 || args->k > LEIT_TOP_K_MAX, LEIT_INTERNAL,
                 "top_k_similarity: k is %lld, expected 1 to %d", (long long)args->k,
                 LEIT_TOP_K_MAX);
    return LEIT_OK;
}

LEIT_DECLARE_OP_FORWARD(top_k_similarity)

#endif

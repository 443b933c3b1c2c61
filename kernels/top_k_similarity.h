/* top_k_similarity: the k best of M items for each of N queries, by dot product.
 *   queries     (N, E)
 *   items       (M, E)  normalised by the caller where cosine is meant
 *   scores      (N, k)  descending
 *   indices     (N, k)  i32; equal scores in the order of the index; -1 and -inf behind M
 *   Limits      N >= 0, 0 <= M < 2^31, E >= 1, 1 <= k <= 1024. NaN scores are never chosen.
 *   Method      exact: items stream through in blocks, each query keeps a bounded heap of k.
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

LEIT_DECLARE_OP_FORWARD(top_k_similarity)

#endif

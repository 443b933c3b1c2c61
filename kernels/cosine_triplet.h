/* cosine_triplet: losses[n] = max(0, margin - cos(a[n], p[n]) + cos(a[n], p[negative[n]])), for each
 * of up to three pairs of towers.
 *   a, p        (N, E)  anchors and positives; the negatives are rows of p
 *   negative    (N)     i32 row of p, or -1: this anchor has none and its loss is 0
 *   losses      (N)
 *   loss        (1)     mean over all N, anchors without a negative included; 0 when N is 0
 *   dloss       (1)     in
 *   da, dp      (N, E)  written; p gets its share as positive and as negative of others
 *   cos(u, v) = u.v / max(|u| |v|, 1e-8)
 *   Limits      N >= 0, E >= 1, 1 to 3 pairs; negative in [-1, N).
 *   Error       at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable  bit for bit: contributions to a row of dp are added in the order of the anchors.
 *   Source      paper section 3.2.4, equations 1 to 3; torch.nn.CosineSimilarity.
 */
#ifndef LEIT_KERNELS_COSINE_TRIPLET_H
#define LEIT_KERNELS_COSINE_TRIPLET_H

#include "kernels/op.h"

enum { LEIT_TRIPLET_PAIRS = 3 };

struct leit_triplet_pair {
    const float *a, *p;
    const int32_t *negative;
    float *losses, *loss;
    const float *dloss;
    float *da, *dp;
};

struct leit_cosine_triplet {
    int64_t N, E;
    float margin;
    int n_pairs;
    struct leit_triplet_pair pairs[LEIT_TRIPLET_PAIRS];
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_cosine_triplet_check(const struct leit_cosine_triplet *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->E < 1, LEIT_INTERNAL,
                 "cosine_triplet: N is %lld and E is %lld, expected N >= 0 and E >= 1",
                 (long long)args->N, (long long)args->E);
    LEIT_FAIL_IF(args->n_pairs < 1 || args->n_pairs > LEIT_TRIPLET_PAIRS, LEIT_INTERNAL,
                 "cosine_triplet: n_pairs is %d, expected 1 to %d", args->n_pairs,
                 LEIT_TRIPLET_PAIRS);
    return LEIT_OK;
}

LEIT_DECLARE_OP(cosine_triplet)

#endif

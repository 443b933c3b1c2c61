/* triplet_sample: for every anchor one negative out of the batch's positives.
 *   a, p           (N, E)  anchors and positives
 *   anchor_labels  (N)     i32
 *   item_labels    (N)     i32; row j may be a negative of anchor n when item_labels[j] !=
 *                          anchor_labels[n]
 *   negative       (N)     i32 row of p, -1 when nothing is left for this anchor
 *   n_empty        (1)     i32, anchors with nothing left
 *   With u, v the l2-normalised rows (norm at least 1e-12) and s = u.v, a row weighs
 *     LEIT_WEIGHTS_COSINE    w = max((s + 1) / 2, 0), the public code
 *     LEIT_WEIGHTS_DISTANCE  inverse density of distances on the unit sphere of dimension E:
 *                            d = max(sqrt(2 - 2 s), cutoff);
 *                            log w = (2 - E) log d - (E - 3) / 2 log(max(1 - d^2 / 4, 1e-8)), w = 0
 *                            where d >= nonzero_loss_cutoff; the largest of the other log w is
 *                            subtracted before exp
 *   If that leaves no weight, all allowed rows weigh alike.
 *   The draw       r = u0 * sum of the allowed weights, in row order; the first row whose running
 *                  sum exceeds r. u0 is word 0 of the Philox block {0, sample = n, step, stream}
 *                  as a uniform. All in double: one draw costs nothing, and equal embeddings give
 *                  equal draws everywhere.
 *   Limits         0 <= N <= 4096, E >= 1, cutoff > 0 with LEIT_WEIGHTS_DISTANCE; random is given.
 *   NaN            a row whose weight is NaN weighs nothing.
 *   Repeatable     bit for bit.
 *   Source         Wu et al., "Sampling Matters in Deep Embedding Learning" (ICCV 2017),
 *                  equations 4 and 5, named by paper section 3.2.4.
 */
#ifndef LEIT_KERNELS_TRIPLET_SAMPLE_H
#define LEIT_KERNELS_TRIPLET_SAMPLE_H

#include "kernels/op.h"

enum leit_triplet_weights { LEIT_WEIGHTS_DISTANCE, LEIT_WEIGHTS_COSINE };

struct leit_triplet_sample {
    int64_t N, E;
    enum leit_triplet_weights weights;
    float cutoff, nonzero_loss_cutoff;
    uint32_t stream;
    const leit_random *random;
    const float *a, *p;
    const int32_t *anchor_labels, *item_labels;
    int32_t *negative, *n_empty;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_triplet_sample_check(const struct leit_triplet_sample *args)
{
    const int64_t max_N = 4096;
    LEIT_FAIL_IF(args->N < 0 || args->N > max_N || args->E < 1, LEIT_INTERNAL,
                 "triplet_sample: N is %lld and E is %lld, expected 0 to %lld and 1 or more",
                 (long long)args->N, (long long)args->E, (long long)max_N);
    LEIT_FAIL_IF(args->weights == LEIT_WEIGHTS_DISTANCE && !(args->cutoff > 0.0f), LEIT_INTERNAL,
                 "triplet_sample: cutoff is %g, expected more than 0", (double)args->cutoff);
    LEIT_FAIL_IF(args->random == NULL, LEIT_INTERNAL,
                 "triplet_sample: random is NULL, expected a seed and a step");
    return LEIT_OK;
}

LEIT_DECLARE_OP_FORWARD(triplet_sample)

#endif

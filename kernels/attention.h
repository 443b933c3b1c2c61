/* attention: multi-head scaled dot-product attention over packed sequences of any length.
 *
 * Sequence s owns rows q_offsets[s] to q_offsets[s + 1] of q and y and rows k_offsets[s] to
 * k_offsets[s + 1] of k and v; head h owns columns h D/H to (h + 1) D/H. For each pair (s, h),
 *   P = softmax(q k^T / sqrt(D/H)) over the keys of s,   y = dropout(P) v.
 * Padding never exists. With one query per sequence (q_offsets = 0..B) this is the row of the first
 * token alone, draws of dropout included.
 *
 *   q, y             (Nq, D)
 *   k, v             (Nk, D)
 *   q_offsets        (B + 1)   i32, ascending, at most Nq
 *   k_offsets        (B + 1)   i32, ascending, at most Nk
 *   logsumexp        (H, Nq)   of the scaled scores, written forward as y; a backward may read both
 *   dy               (Nq, D)   in
 *   dq, dk, dv       (Nq, D), (Nk, D), (Nk, D)   written; rows of no sequence are not touched
 *   q_step, k_step   floats from row to row of q and dq, and of k, v, dk and dv: D, or more where they
 *                    are columns of a wider array
 *   n_sequences      sequences that hold data, NULL: B
 *   T                the longest sequence that can occur, queries or keys
 *   random           seed and step; may be NULL when dropout is 0
 *   Draws       probability (i, j) of (s, h) is kept, and scaled by 1 / (1 - dropout), when its
 *               uniform >= dropout; the uniform comes from word e % 4 of the Philox block
 *               {e / 4, s H + h, step, stream}, e = i Tk + j with i, j counted inside the sequence
 *               and Tk its number of keys.
 *   Limits      B >= 0, 1 <= T <= 65536, H divides D, D/H <= 1024, 0 <= dropout < 1; steps are D and
 *               more; every sequence has 0 to T queries and 1 to T keys, otherwise LEIT_INTERNAL.
 *   Error       at most 2 x that of the naive fp32 loops, against double.
 *   Repeatable  bit for bit, for any number of threads.
 *   Source      Vaswani et al., "Attention Is All You Need" (2017), section 3.2; the backward
 *               computes P again, as Dao et al., "FlashAttention" (2022), appendix B.
 */
#ifndef LEIT_KERNELS_ATTENTION_H
#define LEIT_KERNELS_ATTENTION_H

#include <stdbool.h>

#include "kernels/op.h"

struct leit_attention {
    int64_t B, T, H, D, Nq, Nk, q_step, k_step;
    float dropout;
    uint32_t stream;
    const leit_random *random;
    const int32_t *n_sequences;
    const int32_t *q_offsets, *k_offsets;
    const float *q, *k, *v;
    float *y, *logsumexp;
    const float *dy;
    float *dq, *dk, *dv;
};

/* The limits that the host can see, on either backend. A workspace is asked for with less: the
 * sizes alone. */
enum { LEIT_ATTENTION_MAX_T = 65536, LEIT_ATTENTION_MAX_WIDTH = 1024 };

static inline bool leit_attention_sizes_are_fine(const struct leit_attention *args)
{
    return args->B >= 0 && args->T >= 1 && args->T <= LEIT_ATTENTION_MAX_T && args->H >= 1 &&
           args->D >= 1 && args->D % args->H == 0 && args->D / args->H <= LEIT_ATTENTION_MAX_WIDTH;
}

static inline leit_status leit_attention_check(const struct leit_attention *args)
{
    LEIT_FAIL_IF(
        !leit_attention_sizes_are_fine(args), LEIT_INTERNAL,
        "attention: B %lld, T %lld, H %lld, D %lld, expected B >= 0, T 1 to %d, H a divisor "
        "of D, D/H at most %d",
        (long long)args->B, (long long)args->T, (long long)args->H, (long long)args->D,
        LEIT_ATTENTION_MAX_T, LEIT_ATTENTION_MAX_WIDTH);
    LEIT_FAIL_IF(args->q_step < args->D || args->k_step < args->D, LEIT_INTERNAL,
                 "attention: rows are %lld and %lld apart, expected %lld and more",
                 (long long)args->q_step, (long long)args->k_step, (long long)args->D);
    LEIT_FAIL_IF(!(args->dropout >= 0.0f && args->dropout < 1.0f), LEIT_INTERNAL,
                 "attention: dropout is %g, expected 0 <= dropout < 1", (double)args->dropout);
    LEIT_FAIL_IF(args->dropout > 0.0f && args->random == NULL, LEIT_INTERNAL,
                 "attention: dropout is %g and random is NULL", (double)args->dropout);
    return LEIT_OK;
}

LEIT_DECLARE_OP(attention)

#endif

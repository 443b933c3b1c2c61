/* Candidates of top_k_similarity: score, then index, as one number. The larger is the better one. */
#ifndef LEIT_KERNELS_TOP_K_SIMILARITY_CUH
#define LEIT_KERNELS_TOP_K_SIMILARITY_CUH

#include <cstring>

#include "kernels/leit_cuda.h"
#include "kernels/top_k_similarity.h"

/* LEIT_NO_CANDIDATE is worse than all. There are no ties: the k best are the same however the items are cut. */
typedef uint64_t leit_candidate;
enum { LEIT_NO_CANDIDATE = 0 };

/* Bits of floats are in order as integers once the negative ones are turned around. A zero is +0, so
 * that both compare equal. */
LEIT_DEVICE_FUNCTION leit_candidate leit_candidate_of(float score, int64_t index)
{
    if (score != score) return LEIT_NO_CANDIDATE;
    const float value = score == 0.0f ? 0.0f : score;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
    return (uint64_t)bits << 32 | (uint32_t) ~(uint32_t)index;
}

LEIT_DEVICE_FUNCTION int32_t leit_index_of(leit_candidate c)
{
    return c == LEIT_NO_CANDIDATE ? -1 : (int32_t) ~(uint32_t)c;
}

LEIT_DEVICE_FUNCTION float leit_score_of(leit_candidate c)
{
    if (c == LEIT_NO_CANDIDATE) return -INFINITY;
    uint32_t bits = (uint32_t)(c >> 32);
    bits = (bits >> 31) != 0 ? bits & 0x7FFFFFFFu : ~bits;
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

#endif

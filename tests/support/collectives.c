#include "support/collectives.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"

const int64_t leit_counts[LEIT_N_COUNTS] = {0, 1, 97, 1025, 70001};

void leit_note(leit_findings *findings, leit_status status)
{
    if (findings->status != LEIT_OK || status == LEIT_OK) return;
    findings->status = status;
    strncpy(findings->sentence, leit_error_message(), sizeof findings->sentence - 1);
}

/* ---- sums ---- */

float leit_whole(int part, int64_t i)
{
    return (float)((part * 7919 + i * 104729) % 262143 - 131071);
}

float leit_uneven(int part, int64_t i)
{
    leit_rng rng = leit_rng_start(41, 1, (uint32_t)part, (uint32_t)i);
    const float size = ldexpf(1.0f + leit_rng_uniform(&rng), (int)leit_rng_below(&rng, 61) - 30);
    return leit_rng_below(&rng, 2) == 0 ? size : -size;
}

void leit_try_sum(leit_dist *dist, const leit_sum_task *task, leit_findings *findings)
{
    const int n_parts = task->V / leit_dist_size(dist);
    const int first = n_parts * leit_dist_rank(dist);
    float *parts[LEIT_MAX_V], *sum = leit_allocate((size_t)task->count, sizeof *sum);
    for (int repeat = 0; repeat < 2; repeat++) { /* scratch is used again */
        for (int k = 0; k < n_parts; k++) {
            parts[k] = leit_allocate((size_t)task->count, sizeof(float));
            for (int64_t i = 0; i < task->count; i++) parts[k][i] = task->value(first + k, i);
        }
        float *to = task->in_place ? parts[0] : sum;
        leit_note(findings, leit_dist_sum(dist, parts, n_parts, task->count, to));
        for (int64_t i = 0; i < task->count; i++)
            findings->n_wrong += !(to[i] == task->expected[i]);
        for (int k = 0; k < n_parts; k++) leit_free(parts[k]);
    }
    leit_free(sum);
}

/* Parts begin .. end - 1, as the definition has it: the left subtree is the largest that is whole. */
static float tree(int begin, int end, int64_t i)
{
    if (end - begin == 1) return leit_uneven(begin, i);
    int left = 1;
    while (2 * left < end - begin) left *= 2;
    return tree(begin, begin + left, i) + tree(begin + left, end, i);
}

void leit_expect_uneven(int V, int64_t count, float *expected)
{
    for (int64_t i = 0; i < count; i++) expected[i] = tree(0, V, i);
}

void leit_expect_whole(int V, int64_t count, float *expected)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t sum = 0;
        for (int part = 0; part < V; part++) sum += (int64_t)leit_whole(part, i);
        expected[i] = sum < 1 << 24 && sum > -(1 << 24) ? (float)sum : NAN;
    }
}

/* ---- the others ---- */

void leit_try_gather(leit_dist *dist, size_t scale, leit_findings *findings)
{
    const int rank = leit_dist_rank(dist), size = leit_dist_size(dist);
    size_t *offsets = leit_allocate((size_t)size + 1, sizeof *offsets);
    for (int r = 0; r < size; r++) /* rank 1 has nothing */
        offsets[r + 1] = offsets[r] + (r == 1 ? 0 : 97 * scale * (size_t)(r + 1));
    unsigned char *all = leit_allocate(offsets[size], 1);
    for (size_t i = offsets[rank]; i < offsets[rank + 1]; i++) all[i] = (unsigned char)(i % 251);
    leit_note(findings, leit_dist_gather(dist, all, offsets));
    for (size_t i = 0; i < offsets[size]; i++) findings->n_wrong += all[i] != i % 251;
    leit_free(all);
    leit_free(offsets);
}

void leit_try_broadcast(leit_dist *dist, leit_findings *findings)
{
    const int rank = leit_dist_rank(dist), size = leit_dist_size(dist);
    for (int root = 0; root < size; root++) {
        int32_t data[1025];
        for (int i = 0; i < 1025; i++) data[i] = rank == root ? root * 10000 + i : -1;
        leit_note(findings, leit_dist_broadcast(dist, root, data, sizeof data));
        for (int i = 0; i < 1025; i++) findings->n_wrong += data[i] != root * 10000 + i;
        leit_note(findings, leit_dist_broadcast(dist, root, data, 0));
    }
}

void leit_try_agree(leit_dist *dist, leit_findings *findings)
{
    const int rank = leit_dist_rank(dist), size = leit_dist_size(dist);
    for (int one = -1; one < size; one++) {
        uint32_t any = 77;
        const uint32_t mine = (rank == one ? 4u : 0u) | (rank == size - 1 ? 1u : 0u);
        leit_note(findings, leit_dist_agree(dist, mine, &any));
        findings->n_wrong += any != (one >= 0 ? 5u : 1u);
        leit_note(findings, leit_dist_barrier(dist));
    }
    leit_note(findings, leit_dist_join(dist, LEIT_OK));
}

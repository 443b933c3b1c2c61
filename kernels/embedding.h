/* embedding: y[n] = words[ids[n]] + position_table[positions[n]].
 *   ids              (N)      i32, 0 <= id < V
 *   positions        (N)      i32, 0 <= position < P; NULL (with position_table): words alone
 *   words            (V, D)
 *   position_table   (P, D)
 *   y                (N, D)
 *   dy               (N, D)   in
 *   dwords           (V, D)   accumulated; rows that no id names are not touched; NULL: not wanted
 *   dposition_table  (P, D)   accumulated, likewise
 *   n_rows           rows that hold data, NULL: N
 *   Limits      N >= 0, D, V, P >= 1 (P only with positions); an id or position out of range is
 *               LEIT_INTERNAL before anything is written.
 *   Error       forward: one addition; gradients: sums in row order, as the naive fp32 loops.
 *   Repeatable  bit for bit, for any number of threads.
 */
#ifndef LEIT_KERNELS_EMBEDDING_H
#define LEIT_KERNELS_EMBEDDING_H

#include "kernels/op.h"

struct leit_embedding {
    int64_t N, D, V, P;
    const int32_t *n_rows;
    const int32_t *ids, *positions;
    const float *words, *position_table;
    float *y;
    const float *dy;
    float *dwords, *dposition_table;
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_embedding_check(const struct leit_embedding *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->D < 1 || args->V < 1, LEIT_INTERNAL,
                 "embedding: N is %lld, D is %lld, V is %lld, expected 0, 1 and 1 or more",
                 (long long)args->N, (long long)args->D, (long long)args->V);
    LEIT_FAIL_IF((args->positions != NULL) != (args->position_table != NULL), LEIT_INTERNAL,
                 "embedding: positions and position_table come together or not at all");
    LEIT_FAIL_IF(args->positions != NULL && args->P < 1, LEIT_INTERNAL,
                 "embedding: P is %lld, expected 1 or more", (long long)args->P);
    LEIT_FAIL_IF(args->dposition_table != NULL && args->positions == NULL, LEIT_INTERNAL,
                 "embedding: dposition_table without positions");
    return LEIT_OK;
}

LEIT_DECLARE_OP(embedding)

#endif

/* A communicator: the ranks that train one model together, and what they say to each other.
 *
 * Every rank makes the same calls in the same order. A call returns when this rank has what it asked
 * for; a rank that does not come within the deadline is named: LEIT_RANK (exit code 6). After such a
 * failure the communicator is of no more use, and says so at once.
 *
 * Sums have one order. A step is cut into V shards, every rank holds V / size of them one after
 * another, and the sum over the V parts is the tree ((0 + 1) + (2 + 3)) + ..., whoever holds them
 * and however they travel: 1, 2 and 4 ranks give the same bits. */
#ifndef LEIT_DIST_DIST_H
#define LEIT_DIST_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/check.h"

typedef struct leit_dist leit_dist;

/* One rank alone: nothing to wait for. */
leit_status leit_dist_create_self(leit_dist **dist);
/* `size` ranks in one process, ranks[0 .. size - 1], each for a thread of its own; close them all.
 */
leit_status leit_dist_create_threads(int size, int64_t deadline_ms, leit_dist **ranks);
void leit_dist_close(leit_dist *dist);

int leit_dist_rank(const leit_dist *dist);
int leit_dist_size(const leit_dist *dist);

/* Returns when all ranks have called it. */
leit_status leit_dist_barrier(leit_dist *dist);

/* sum (count) = the sum of the n_parts * size vectors of all ranks in tree order; rank 0 holds the
 * first n_parts >= 1 of them, and n_parts is the same everywhere. The parts (count each) are
 * overwritten; sum may be parts[0] and no other. */
leit_status leit_dist_sum(leit_dist *dist, float *const *parts, int n_parts, int64_t count,
                          float *sum);

/* Rank r's bytes lie in all[offsets[r] .. offsets[r + 1] - 1]; those of this rank are there before,
 * all are there after. offsets (size + 1) is the same everywhere. */
leit_status leit_dist_gather(leit_dist *dist, void *all, const size_t *offsets);

/* Gives data (bytes) of rank `root` to all. */
leit_status leit_dist_broadcast(leit_dist *dist, int root, void *data, size_t bytes);

/* *any: the bits that any rank has in `mine`. */
leit_status leit_dist_agree(leit_dist *dist, uint32_t mine, uint32_t *any);

/* The end of a part of the work that may have failed on any rank: a rank's own failure comes back
 * with its sentence, and where another failed, LEIT_RANK names it. */
leit_status leit_dist_join(leit_dist *dist, leit_status own);

/* Every rank does the work and joins; ranks of one process one after another, because the libraries
 * that read files (HDF5) are not made for several threads. */
leit_status leit_dist_in_turn(leit_dist *dist, leit_status (*work)(void *context), void *context);

#endif

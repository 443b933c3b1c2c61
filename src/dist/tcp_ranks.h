/* Ranks as processes that talk over TCP: what torchrun starts, which brings an address and no MPI. */
#ifndef LEIT_DIST_TCP_RANKS_H
#define LEIT_DIST_TCP_RANKS_H

#include "dist/dist.h"
#include "dist/launch.h"

/* A connection for each pair of the ranks of `launch`, which has an address (launch.h). They meet at rank 0,
 * whose port they learn from the store (tcp_store.h), and hear there where the others are. LEIT_RANK
 * names those that do not come within the deadline; otherwise as leit_tcp_store_share. What is sent is
 * neither encrypted nor signed: for networks where everybody is a friend. */
leit_status leit_dist_create_tcp(const leit_launch *launch, int64_t deadline_ms, leit_dist **dist);

#endif

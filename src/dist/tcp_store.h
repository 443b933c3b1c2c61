/* A value from rank 0 for all ranks before they have a communicator: NCCL's id, under launchers that
 * bring nothing but an address and a port. */
#ifndef LEIT_DIST_TCP_STORE_H
#define LEIT_DIST_TCP_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "dist/launch.h"

enum { LEIT_TCP_STORE_KEY_BYTES = 64, LEIT_TCP_STORE_MAX_BYTES = 1 << 20 };

/* Rank 0 of `launch` listens at its store_port until each other rank has fetched `value` (bytes); the others
 * connect to master_address, again and again until rank 0 is there. All call it with the same key
 * (shorter than LEIT_TCP_STORE_KEY_BYTES) and the same bytes. LEIT_RANK names the ranks that did not
 * come within the deadline; LEIT_USAGE says who is there with another key, another size or another
 * number of ranks, or that another program answers. Strangers at rank 0's port are sent away with a
 * warning and disturb nobody. Looking up the name of the address alone has no deadline of ours. */
leit_status leit_tcp_store_share(const leit_launch *launch, const char *key, void *value,
                                 size_t bytes, int64_t deadline_ms);

#endif

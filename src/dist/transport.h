/* How bytes go from rank to rank. A transport knows one thing, an exchange; all collectives are made
 * of it in dist.c, so that what they compute cannot depend on the transport. */
#ifndef LEIT_DIST_TRANSPORT_H
#define LEIT_DIST_TRANSPORT_H

#include "dist/dist.h"

/* What this rank gives to another and takes from it in one exchange. */
typedef struct leit_parcel {
    const void *give;
    size_t give_bytes;
    void *take;
    size_t take_bytes; /* what the other gives */
} leit_parcel;

typedef struct leit_transport {
    int rank, size;
    bool is_one_process;
    int64_t deadline_ms; /* of one exchange */
    void *context;
    /* parcels (size): one for each rank, the own one is left alone. Returns when all are taken and
     * what was given may change again. missing (size), all false before: after a failure with
     * LEIT_RANK it is true for the ranks that did not come. */
    leit_status (*exchange)(void *context, const leit_parcel *parcels, int64_t deadline_ms,
                            bool *missing);
    void (*close)(void *context);
} leit_transport;

/* Takes the transport over, in a failure too. */
leit_status leit_dist_create(const leit_transport *transport, leit_dist **dist);

/* LEIT_RANK with the ranks that are missing (of `size`), at least one, after this one has waited for
 * them `place`: "in call 17 (sum)". The sentence speaks of a longer deadline where this one is over.
 */
leit_status leit_dist_fail_missing(int rank, int size, const bool *missing, int64_t deadline_ms,
                                   double waited_seconds, const char *place);

#endif

/* Ranks that are threads of one process. An exchange is a table of pointers: a rank lays its parcels
 * out, copies from the others' as they come,
 * and waits until all have copied from its own. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/memory.h"
#include "dist/transport.h"

enum gate { COME, DONE };

typedef struct seat {
    const leit_parcel *parcels; /* of the exchange it is in */
    uint64_t n_passed[2];       /* exchanges it has come to and is done with */
    struct table *table;
    int rank;
} seat;

typedef struct table {
    pthread_mutex_t mutex; /* held while anything here or in a parcel is touched */
    pthread_cond_t changed;
    int size, n_open;
    bool is_broken; /* somebody has given up: parcels may be gone */
    seat seats[];
} table;

static void close_seat(void *context)
{
    seat *own = context;
    table *t = own->table;
    pthread_mutex_lock(&t->mutex);
    const bool is_last = --t->n_open == 0;
    pthread_mutex_unlock(&t->mutex);
    if (!is_last) return;
    pthread_mutex_destroy(&t->mutex);
    pthread_cond_destroy(&t->changed);
    leit_free(t);
}

static struct timespec time_of(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

static void pass(seat *own, enum gate gate)
{
    own->n_passed[gate]++;
    pthread_cond_broadcast(&own->table->changed);
}

/* Waits until `other` has passed the gate as often as this rank. */
static leit_status wait_for(const seat *own, const seat *other, enum gate gate,
                            const struct timespec *until, bool *missing)
{
    table *t = own->table;
    const uint64_t number = own->n_passed[gate];
    while (!t->is_broken && other->n_passed[gate] < number)
        if (pthread_cond_timedwait(&t->changed, &t->mutex, until) == ETIMEDOUT) break;
    if (!t->is_broken && other->n_passed[gate] >= number) return LEIT_OK;
    for (int r = 0; r < t->size; r++) missing[r] = t->seats[r].n_passed[gate] < number;
    return LEIT_RANK;
}

static leit_status take(const seat *own, const seat *other)
{
    const leit_parcel *given = &other->parcels[own->rank], *wanted = &own->parcels[other->rank];
    LEIT_FAIL_IF(given->give_bytes != wanted->take_bytes, LEIT_INTERNAL,
                 "rank %d gives %zu bytes where rank %d takes %zu: they are at different calls",
                 other->rank, given->give_bytes, own->rank, wanted->take_bytes);
    if (wanted->take_bytes > 0) memcpy(wanted->take, given->give, wanted->take_bytes);
    return LEIT_OK;
}

static leit_status exchange(void *context, const leit_parcel *parcels, int64_t deadline_ms,
                            bool *missing)
{
    seat *own = context;
    table *t = own->table;
    const struct timespec until = time_of(leit_clock_ns() + deadline_ms * 1000000);
    leit_status status = LEIT_OK;
    pthread_mutex_lock(&t->mutex);
    own->parcels = parcels;
    pass(own, COME);
    for (int r = 0; status == LEIT_OK && r < t->size; r++) {
        if (r == own->rank) continue;
        status = wait_for(own, &t->seats[r], COME, &until, missing);
        if (status == LEIT_OK) status = take(own, &t->seats[r]);
    }
    if (status == LEIT_OK) pass(own, DONE);
    for (int r = 0; status == LEIT_OK && r < t->size; r++)
        status = wait_for(own, &t->seats[r], DONE, &until, missing);
    if (status != LEIT_OK) { /* for all: nobody waits for this rank any more */
        t->is_broken = true;
        pthread_cond_broadcast(&t->changed);
    }
    pthread_mutex_unlock(&t->mutex);
    return status;
}

static leit_status create_table(int size, table **result)
{
    table *t = leit_allocate(1, sizeof *t + (size_t)size * sizeof *t->seats);
    if (t == NULL) return LEIT_INTERNAL;
    t->size = t->n_open = size;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    for (int r = 0; r < size; r++) t->seats[r] = (seat){.table = t, .rank = r};
    *result = t;
    return LEIT_OK;
}

leit_status leit_dist_create_threads(int size, int64_t deadline_ms, leit_dist **ranks)
{
    LEIT_FAIL_IF(size < 1, LEIT_INTERNAL, "%d ranks, expected at least 1", size);
    table *t = NULL;
    LEIT_TRY(create_table(size, &t));
    leit_status status = LEIT_OK;
    for (int r = 0; r < size; r++) {
        ranks[r] = NULL;
        const leit_transport transport = {.rank = r,
                                          .size = size,
                                          .is_one_process = true,
                                          .deadline_ms = deadline_ms,
                                          .context = &t->seats[r],
                                          .exchange = exchange,
                                          .close = close_seat};
        if (status == LEIT_OK)
            status = leit_dist_create(&transport, &ranks[r]);
        else
            close_seat(transport.context);
    }
    for (int r = 0; status != LEIT_OK && r < size; r++) {
        leit_dist_close(ranks[r]);
        ranks[r] = NULL;
    }
    return status;
}

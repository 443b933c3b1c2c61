#include "dist/dist.h"

#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/memory.h"
#include "dist/transport.h"

/* A long sum goes in rounds: in each, every rank adds up one piece of this many elements for all. */
enum { PIECE = 16384, BROADCAST_BYTES = 1 << 26 };

struct leit_dist {
    leit_transport transport;
    leit_parcel *parcels; /* (size) of the next exchange */
    bool *missing;        /* (size) */
    size_t *offsets;      /* (size + 1) of small gathers */
    uint32_t *words;      /* (size) what they gather */
    bool is_broken;
    int64_t n_calls;

    /* Scratch of sums, for as many parts as the last one had. */
    int n_parts;
    float **slots; /* (n_parts * size) a root of the tree each, NULL where it is added already */
    float *given;  /* (size, roots here, PIECE) */
    float *taken;  /* (roots elsewhere, PIECE) */
};

/* ---- life ---- */

leit_status leit_dist_create(const leit_transport *transport, leit_dist **result)
{
    leit_dist *dist = NULL;
    leit_status status = LEIT_ALLOC(dist, 1);
    if (status != LEIT_OK) {
        if (transport->close != NULL) transport->close(transport->context);
        return status;
    }
    dist->transport = *transport;
    const size_t size = (size_t)transport->size;
    LEIT_TRY_GOTO(LEIT_ALLOC(dist->parcels, size), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(dist->missing, size), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(dist->offsets, size + 1), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(dist->words, size), failed);
    *result = dist;
    return LEIT_OK;
failed:
    leit_dist_close(dist);
    return status;
}

leit_status leit_dist_create_self(leit_dist **dist)
{
    return leit_dist_create(&(leit_transport){.size = 1}, dist);
}

static void free_scratch(leit_dist *dist)
{
    leit_free(dist->slots);
    leit_free(dist->given);
    leit_free(dist->taken);
    dist->slots = NULL;
    dist->given = dist->taken = NULL;
    dist->n_parts = 0;
}

void leit_dist_close(leit_dist *dist)
{
    if (dist == NULL) return;
    if (dist->transport.close != NULL) dist->transport.close(dist->transport.context);
    free_scratch(dist);
    leit_free(dist->parcels);
    leit_free(dist->missing);
    leit_free(dist->offsets);
    leit_free(dist->words);
    leit_free(dist);
}

int leit_dist_rank(const leit_dist *dist)
{
    return dist->transport.rank;
}

int leit_dist_size(const leit_dist *dist)
{
    return dist->transport.size;
}

/* ---- one exchange ---- */

leit_status leit_dist_fail_missing(int rank, int size, const bool *missing, int64_t deadline_ms,
                                   double waited_seconds, const char *place)
{
    leit_buffer names = {0};
    int n = 0;
    for (int r = 0; r < size; r++) {
        if (!missing[r]) continue;
        if (leit_buffer_printf(&names, "%s%d", n++ == 0 ? "" : ", ", r) != LEIT_OK) break;
    }
    const bool is_over = waited_seconds * 1e3 >= (double)deadline_ms;
    const leit_status status =
        leit_fail(LEIT_RANK, __func__,
                  "rank %d of %d waited %.1f s %s for rank%s %s: see what was said there%s", rank,
                  size, waited_seconds, place, n == 1 ? "" : "s", leit_buffer_text(&names),
                  is_over ? ", or raise run.rank_deadline_seconds" : "");
    leit_buffer_clear(&names);
    return status;
}

static leit_status fail_missing(const leit_dist *dist, double waited_seconds, const char *what)
{
    const leit_transport *transport = &dist->transport;
    bool any = false;
    for (int r = 0; r < transport->size; r++) any |= dist->missing[r];
    LEIT_FAIL_IF(!any, LEIT_RANK,
                 "rank %d of %d came to call %lld (%s) after the others had given it up",
                 transport->rank, transport->size, (long long)dist->n_calls, what);
    char place[128];
    snprintf(place, sizeof place, "in call %lld (%s)", (long long)dist->n_calls, what);
    return leit_dist_fail_missing(transport->rank, transport->size, dist->missing,
                                  transport->deadline_ms, waited_seconds, place);
}

/* Sends the parcels on their way and leaves them empty for the next exchange. */
static leit_status exchange(leit_dist *dist, const char *what)
{
    const leit_transport *transport = &dist->transport;
    LEIT_FAIL_IF(dist->is_broken, LEIT_RANK, "the %d ranks lost each other before this call (%s)",
                 transport->size, what);
    if (transport->size == 1) return LEIT_OK;
    const int64_t begin_ns = leit_clock_ns();
    dist->n_calls++;
    memset(dist->missing, 0, (size_t)transport->size * sizeof *dist->missing);
    leit_status status = transport->exchange(transport->context, dist->parcels,
                                             transport->deadline_ms, dist->missing);
    dist->is_broken = status != LEIT_OK;
    if (status == LEIT_RANK) status = fail_missing(dist, leit_clock_seconds_since(begin_ns), what);
    memset(dist->parcels, 0, (size_t)transport->size * sizeof *dist->parcels);
    return status;
}

static leit_status gather(leit_dist *dist, void *all, const size_t *offsets, const char *what)
{
    const int rank = dist->transport.rank;
    unsigned char *bytes = all;
    for (int r = 0; r < dist->transport.size; r++)
        dist->parcels[r] = (leit_parcel){.give = bytes + offsets[rank],
                                         .give_bytes = offsets[rank + 1] - offsets[rank],
                                         .take = bytes + offsets[r],
                                         .take_bytes = offsets[r + 1] - offsets[r]};
    return exchange(dist, what);
}

leit_status leit_dist_gather(leit_dist *dist, void *all, const size_t *offsets)
{
    return gather(dist, all, offsets, "gather");
}

leit_status leit_dist_broadcast(leit_dist *dist, int root, void *data, size_t bytes)
{
    unsigned char *from = data;
    const bool gives = dist->transport.rank == root;
    LEIT_FAIL_IF(root < 0 || root >= dist->transport.size, LEIT_INTERNAL,
                 "rank %d of %d cannot broadcast", root, dist->transport.size);
    for (size_t done = 0, n; done < bytes; done += n) {
        n = bytes - done < BROADCAST_BYTES ? bytes - done : BROADCAST_BYTES;
        if (!gives) dist->parcels[root] = (leit_parcel){.take = from + done, .take_bytes = n};
        for (int r = 0; gives && r < dist->transport.size; r++)
            dist->parcels[r] = (leit_parcel){.give = from + done, .give_bytes = n};
        LEIT_TRY(exchange(dist, "broadcast"));
    }
    return LEIT_OK;
}

/* Every rank's word; they lie in dist->words. */
static leit_status gather_words(leit_dist *dist, uint32_t mine, const char *what)
{
    for (int r = 0; r <= dist->transport.size; r++)
        dist->offsets[r] = (size_t)r * sizeof *dist->words;
    dist->words[dist->transport.rank] = mine;
    return gather(dist, dist->words, dist->offsets, what);
}

leit_status leit_dist_barrier(leit_dist *dist)
{
    return gather_words(dist, 0, "barrier");
}

leit_status leit_dist_agree(leit_dist *dist, uint32_t mine, uint32_t *any)
{
    LEIT_TRY(gather_words(dist, mine, "agree"));
    *any = 0;
    for (int r = 0; r < dist->transport.size; r++) *any |= dist->words[r];
    return LEIT_OK;
}

leit_status leit_dist_join(leit_dist *dist, leit_status own)
{
    /* A communicator that is lost already has no more to add to the sentence. */
    if (own != LEIT_OK && dist->is_broken) return own;
    char sentence[1024];
    snprintf(sentence, sizeof sentence, "%s", leit_error_message());
    const leit_status status = gather_words(dist, (uint32_t)own, "join");
    if (own != LEIT_OK) return leit_fail(own, __func__, "%s", sentence);
    LEIT_TRY(status);
    for (int r = 0; r < dist->transport.size; r++)
        LEIT_FAIL_IF(dist->words[r] != LEIT_OK, LEIT_RANK,
                     "rank %d of %d has failed (%s): see what "
                     "was said there",
                     r, dist->transport.size, leit_status_text((leit_status)dist->words[r]));
    return LEIT_OK;
}

leit_status leit_dist_in_turn(leit_dist *dist, leit_status (*work)(void *context), void *context)
{
    const int n_turns = dist->transport.is_one_process ? dist->transport.size : 1;
    for (int turn = 0; turn < n_turns; turn++) {
        const bool is_mine = dist->transport.rank % n_turns == turn;
        LEIT_TRY(leit_dist_join(dist, is_mine ? work(context) : LEIT_OK));
    }
    return LEIT_OK;
}

/* ---- sums ---- */

/* The tree over V parts: at stride 1, 2, 4, ... part i + stride is added to part i, for every i that
 * is a multiple of 2 stride. A rank adds alone what it has all of, the rest at the roots that
 * remain. */

static void add(float *sum, const float *x, int64_t n)
{
    for (int64_t e = 0; e < n; e++) sum[e] += x[e];
}

/* Whether the parts below (i, stride) all lie on one rank, each of which has n_parts. */
static bool is_of_one_rank(int i, int stride, int V, int n_parts)
{
    const int last = i + 2 * stride < V ? i + 2 * stride - 1 : V - 1;
    return i / n_parts == last / n_parts;
}

/* Whether part i is a root: not added to another by the rank that has it. */
static bool is_root(int i, int V, int n_parts)
{
    for (int stride = 1; stride < V; stride *= 2)
        if (i % (2 * stride) == stride) return !is_of_one_rank(i - stride, stride, V, n_parts);
    return true;
}

static void add_own(float *const *parts, int first, int n_parts, int V, int64_t count)
{
    for (int stride = 1; stride < V; stride *= 2)
        for (int i = 0; i + stride < V; i += 2 * stride)
            if (i >= first && i < first + n_parts && is_of_one_rank(i, stride, V, n_parts))
                add(parts[i - first], parts[i - first + stride], count);
}

static int count_roots(int first, int n, int V, int n_parts)
{
    int n_roots = 0;
    for (int i = first; i < first + n; i++) n_roots += is_root(i, V, n_parts);
    return n_roots;
}

static leit_status take_scratch(leit_dist *dist, int n_parts)
{
    const int size = dist->transport.size, V = n_parts * size;
    if (dist->n_parts == n_parts) return LEIT_OK;
    free_scratch(dist);
    const int here = count_roots(n_parts * dist->transport.rank, n_parts, V, n_parts);
    LEIT_TRY(LEIT_ALLOC(dist->slots, V));
    LEIT_TRY(LEIT_ALLOC(dist->given, (int64_t)size * here * PIECE));
    LEIT_TRY(LEIT_ALLOC(dist->taken, (int64_t)count_roots(0, V, V, n_parts) * PIECE));
    dist->n_parts = n_parts;
    return LEIT_OK;
}

/* What of [0, count) is rank r's piece in the round that starts at `base`. */
static int64_t piece(int64_t base, int r, int64_t count, int64_t *n)
{
    const int64_t begin = base + (int64_t)r * PIECE < count ? base + (int64_t)r * PIECE : count;
    *n = count - begin < PIECE ? count - begin : PIECE;
    return begin;
}

/* Every rank gets its piece of everybody's roots; dist->slots says where they lie. */
static leit_status scatter_roots(leit_dist *dist, float *const *parts, int64_t base, int64_t count)
{
    const int rank = dist->transport.rank, size = dist->transport.size, n_parts = dist->n_parts;
    const int V = n_parts * size;
    float *given = dist->given, *taken = dist->taken;
    int64_t n_mine;
    const int64_t mine = piece(base, rank, count, &n_mine);
    for (int r = 0; r < size; r++) {
        int64_t n;
        const int64_t begin = piece(base, r, count, &n);
        leit_parcel parcel = {.give = given, .take = taken};
        for (int k = 0; k < n_parts; k++) {
            const int here = rank * n_parts + k, there = r * n_parts + k;
            dist->slots[there] = NULL;
            if (r != rank && is_root(here, V, n_parts)) {
                memcpy(given, parts[k] + begin, (size_t)n * sizeof *given);
                given += n;
            }
            if (!is_root(there, V, n_parts)) continue;
            dist->slots[there] = r == rank ? parts[k] + mine : taken;
            if (r != rank) taken += n_mine;
        }
        parcel.give_bytes = (size_t)(given - (const float *)parcel.give) * sizeof *given;
        parcel.take_bytes = (size_t)(taken - (float *)parcel.take) * sizeof *taken;
        dist->parcels[r] = parcel;
    }
    return exchange(dist, "sum");
}

static leit_status sum_round(leit_dist *dist, float *const *parts, int64_t base, int64_t count,
                             float *sum)
{
    const int rank = dist->transport.rank, size = dist->transport.size;
    const int V = dist->n_parts * size;
    int64_t n_mine;
    const int64_t mine = piece(base, rank, count, &n_mine);
    LEIT_TRY(scatter_roots(dist, parts, base, count));
    for (int stride = 1; stride < V; stride *= 2)
        for (int i = 0; i + stride < V; i += 2 * stride)
            if (dist->slots[i + stride] != NULL)
                add(dist->slots[i], dist->slots[i + stride], n_mine);
    memmove(sum + mine, dist->slots[0], (size_t)n_mine * sizeof *sum);
    for (int r = 0; r < size; r++) {
        int64_t n;
        const int64_t begin = piece(base, r, count, &n);
        dist->parcels[r] = (leit_parcel){.give = sum + mine,
                                         .give_bytes = (size_t)n_mine * sizeof *sum,
                                         .take = sum + begin,
                                         .take_bytes = (size_t)n * sizeof *sum};
    }
    return exchange(dist, "sum");
}

leit_status leit_dist_sum(leit_dist *dist, float *const *parts, int n_parts, int64_t count,
                          float *sum)
{
    const int rank = dist->transport.rank, size = dist->transport.size;
    add_own(parts, rank * n_parts, n_parts, n_parts * size, count);
    if (size == 1) {
        if (sum != parts[0]) memcpy(sum, parts[0], (size_t)count * sizeof *sum);
        return LEIT_OK;
    }
    LEIT_TRY(take_scratch(dist, n_parts));
    for (int64_t base = 0; base < count; base += (int64_t)size * PIECE)
        LEIT_TRY(sum_round(dist, parts, base, count, sum));
    return LEIT_OK;
}

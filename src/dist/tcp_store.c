/* The wire: who comes sends one frame, rank 0 answers with one of its own, and with the value when
 * both say the same. A frame is the magic, then little-endian u32 rank, u32 size, u64 bytes, then the
 * key, padded with zeros. */
#include "dist/tcp_store.h"

#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/memory.h"
#include "dist/tcp.h"
#include "dist/transport.h"

#define MAGIC "leitsto1"
enum { MAGIC_BYTES = 8, FRAME_BYTES = MAGIC_BYTES + 16 + LEIT_TCP_STORE_KEY_BYTES };
enum { RETRY_MS = 50, SPARE_GUESTS = 64 };

typedef struct frame {
    uint32_t rank, size;
    uint64_t bytes;
    char key[LEIT_TCP_STORE_KEY_BYTES];
} frame;

/* What all functions here are about. */
typedef struct share {
    const leit_launch *launch;
    frame own;
    char *value;
    int64_t begin_ns, until_ns, deadline_ms;
    char place[512]; /* "at the store node7:29500 (nccl)" */
} share;

static leit_status fail_missing(const share *s, const bool *missing)
{
    return leit_dist_fail_missing(s->launch->rank, s->launch->size, missing, s->deadline_ms,
                                  leit_clock_seconds_since(s->begin_ns), s->place);
}

/* ---- frames ---- */

static void write_frame(const frame *from, unsigned char bytes[FRAME_BYTES])
{
    const uint32_t rank = htole32(from->rank), size = htole32(from->size);
    const uint64_t value_bytes = htole64(from->bytes);
    memcpy(bytes, MAGIC, MAGIC_BYTES);
    memcpy(bytes + MAGIC_BYTES, &rank, 4);
    memcpy(bytes + MAGIC_BYTES + 4, &size, 4);
    memcpy(bytes + MAGIC_BYTES + 8, &value_bytes, 8);
    memcpy(bytes + MAGIC_BYTES + 16, from->key, sizeof from->key);
}

/* False for what is no frame of ours. */
static bool read_frame(const unsigned char bytes[FRAME_BYTES], frame *to)
{
    if (memcmp(bytes, MAGIC, MAGIC_BYTES) != 0) return false;
    uint32_t numbers[2];
    uint64_t value_bytes;
    memcpy(numbers, bytes + MAGIC_BYTES, sizeof numbers);
    memcpy(&value_bytes, bytes + MAGIC_BYTES + 8, sizeof value_bytes);
    *to = (frame){
        .rank = le32toh(numbers[0]), .size = le32toh(numbers[1]), .bytes = le64toh(value_bytes)};
    memcpy(to->key, bytes + MAGIC_BYTES + 16, sizeof to->key);
    if (memchr(to->key, '\0', sizeof to->key) == NULL) return false;
    for (const char *c = to->key; *c != '\0'; c++)
        if (*c < ' ' || *c > '~') return false; /* it goes into sentences */
    return true;
}

static leit_status check_frame(const share *s, const frame *other)
{
    const frame *own = &s->own;
    LEIT_FAIL_IF(other->size != own->size || other->bytes != own->bytes ||
                     strcmp(other->key, own->key) != 0,
                 LEIT_USAGE,
                 "rank %d of %d wants %llu bytes (%s) %s, where rank %u of %u has %llu bytes (%s): "
                 "start all ranks with the same program and the same recipe",
                 (int)own->rank, (int)own->size, (unsigned long long)own->bytes, own->key, s->place,
                 other->rank, other->size, (unsigned long long)other->bytes, other->key);
    return LEIT_OK;
}

/* ---- rank 0 ---- */

typedef struct guest {
    int fd; /* -1: the chair is free */
    size_t n_read, n_sent;
    unsigned char frame[FRAME_BYTES];
    bool is_welcome; /* gets the value */
    int rank;
} guest;

typedef struct table {
    int listener, capacity, n_missing;
    bool *missing;       /* (size) */
    guest *guests;       /* (capacity) */
    struct pollfd *poll; /* (capacity + 1), the listener last */
    unsigned char answer[FRAME_BYTES];
    leit_status refusal; /* of a rank of ours that wants something else, its sentence kept */
    char sentence[1024];
} table;

static leit_status open_table(const share *s, table *t)
{
    const int port = s->launch->store_port;
    t->capacity = s->launch->size - 1 + SPARE_GUESTS;
    t->listener = -1;
    LEIT_TRY(LEIT_ALLOC(t->missing, s->launch->size));
    LEIT_TRY(LEIT_ALLOC(t->guests, t->capacity));
    LEIT_TRY(LEIT_ALLOC(t->poll, t->capacity + 1));
    for (int i = 0; i < t->capacity; i++) t->guests[i].fd = -1;
    for (int r = 1; r < s->launch->size; r++) t->missing[r] = true;
    t->n_missing = s->launch->size - 1;
    write_frame(&s->own, t->answer);
    t->listener = leit_tcp_listen(port);
    LEIT_FAIL_IF(t->listener < 0, LEIT_USAGE,
                 "rank 0 cannot listen at port %d: %s; name a free one of rank 0's machine in "
                 "LEITMOTIF_STORE_PORT, the same for all ranks",
                 port, strerror(errno));
    return LEIT_OK;
}

static void leave(guest *g)
{
    if (g->fd >= 0) close(g->fd);
    *g = (guest){.fd = -1};
}

static void close_table(table *t)
{
    if (t->listener >= 0) close(t->listener);
    for (int i = 0; t->guests != NULL && i < t->capacity; i++) leave(&t->guests[i]);
    leit_free(t->missing);
    leit_free(t->guests);
    leit_free(t->poll);
}

static void refuse_stranger(const share *s, guest *g)
{
    leit_log(LEIT_LOG_WARNING,
             "somebody came %s who is no rank of Leitmotif and was sent away; is another program "
             "using the port?",
             s->place);
    leave(g);
}

/* What a rank of ours says who is not of this run. It gets rank 0's frame and can say the same. */
static leit_status check_guest(const share *s, const table *t, const frame *other)
{
    LEIT_TRY(check_frame(s, other));
    LEIT_FAIL_IF(other->rank == 0 || other->rank >= other->size || !t->missing[other->rank],
                 LEIT_USAGE, "a second process says %s that it is rank %u of %u: start each once",
                 s->place, other->rank, other->size);
    return LEIT_OK;
}

static void hear(const share *s, table *t, guest *g)
{
    const ssize_t n = recv(g->fd, g->frame + g->n_read, FRAME_BYTES - g->n_read, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) { /* gone: a rank comes again, of others nobody needs to know */
        leave(g);
        return;
    }
    g->n_read += (size_t)n;
    frame other;
    const size_t n_magic = g->n_read < MAGIC_BYTES ? g->n_read : MAGIC_BYTES;
    if (memcmp(g->frame, MAGIC, n_magic) != 0) {
        refuse_stranger(s, g);
    } else if (g->n_read == FRAME_BYTES) {
        if (!read_frame(g->frame, &other)) {
            refuse_stranger(s, g);
            return;
        }
        g->rank = (int)other.rank;
        const leit_status status = check_guest(s, t, &other);
        g->is_welcome = status == LEIT_OK;
        if (status == LEIT_OK || t->refusal != LEIT_OK) return;
        t->refusal = status;
        snprintf(t->sentence, sizeof t->sentence, "%s", leit_error_message());
    }
}

static void answer(const share *s, table *t, guest *g)
{
    const size_t total = FRAME_BYTES + (g->is_welcome ? (size_t)s->own.bytes : 0);
    const char *from = g->n_sent < FRAME_BYTES ? (const char *)t->answer + g->n_sent
                                               : s->value + (g->n_sent - FRAME_BYTES);
    const size_t end = g->n_sent < FRAME_BYTES ? FRAME_BYTES : total;
    const ssize_t n = send(g->fd, from, end - g->n_sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) {
        leave(g);
        return;
    }
    g->n_sent += (size_t)n;
    if (g->n_sent < total) return;
    if (g->is_welcome && t->missing[g->rank]) {
        t->missing[g->rank] = false;
        t->n_missing--;
    }
    leave(g);
}

static void welcome(table *t)
{
    for (int i = 0; i < t->capacity; i++) {
        if (t->guests[i].fd >= 0) continue;
        const int fd = accept4(t->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        t->guests[i] = (guest){.fd = fd};
    }
}

static leit_status look_around(const share *s, table *t)
{
    int n_free = 0;
    for (int i = 0; i < t->capacity; i++) {
        const guest *g = &t->guests[i];
        n_free += g->fd < 0;
        t->poll[i] =
            (struct pollfd){.fd = g->fd, .events = g->n_read < FRAME_BYTES ? POLLIN : POLLOUT};
    }
    t->poll[t->capacity] = (struct pollfd){.fd = n_free > 0 ? t->listener : -1, .events = POLLIN};
    const int n = poll(t->poll, (nfds_t)t->capacity + 1, leit_tcp_left_ms(s->until_ns));
    LEIT_FAIL_IF(n < 0 && errno != EINTR, LEIT_INTERNAL, "poll: %s", strerror(errno));
    for (int i = 0; n > 0 && i < t->capacity; i++) {
        if (t->poll[i].revents == 0) continue;
        guest *g = &t->guests[i];
        if (g->n_read < FRAME_BYTES)
            hear(s, t, g);
        else
            answer(s, t, g);
    }
    if (n > 0 && t->poll[t->capacity].revents != 0) welcome(t);
    return LEIT_OK;
}

/* Whether somebody has not heard the end of the answer yet. */
static bool is_speaking(const table *t)
{
    for (int i = 0; i < t->capacity; i++)
        if (t->guests[i].fd >= 0 && t->guests[i].n_read == FRAME_BYTES) return true;
    return false;
}

static leit_status serve(const share *s)
{
    table t = {.listener = -1};
    leit_status status = open_table(s, &t);
    while (status == LEIT_OK && t.n_missing > 0 && (t.refusal == LEIT_OK || is_speaking(&t))) {
        status = look_around(s, &t);
        if (status == LEIT_OK && t.n_missing > 0 && leit_tcp_is_over(s->until_ns))
            status = fail_missing(s, t.missing);
    }
    if (t.refusal != LEIT_OK) status = leit_fail(t.refusal, __func__, "%s", t.sentence);
    close_table(&t);
    return status;
}

/* ---- the others ---- */

/* Rank 0 is not there yet, or broke off: nobody hears of it before the deadline. */
static const leit_status COME_AGAIN = LEIT_RANK;

static leit_status talk(const share *s, int fd)
{
    unsigned char bytes[FRAME_BYTES];
    frame other;
    size_t n_read = 0;
    write_frame(&s->own, bytes);
    if (!leit_tcp_send(fd, bytes, sizeof bytes, s->until_ns)) return COME_AGAIN;
    const bool has_answered = leit_tcp_receive(fd, bytes, sizeof bytes, s->until_ns, &n_read);
    const size_t n_magic = n_read < MAGIC_BYTES ? n_read : MAGIC_BYTES;
    LEIT_FAIL_IF(memcmp(bytes, MAGIC, n_magic) != 0 ||
                     (n_read == FRAME_BYTES && !read_frame(bytes, &other)),
                 LEIT_USAGE,
                 "another program than rank 0 answers %s: name a free port of rank 0's machine in "
                 "LEITMOTIF_STORE_PORT, the same for all ranks",
                 s->place);
    if (!has_answered) return COME_AGAIN;
    LEIT_TRY(check_frame(s, &other));
    return leit_tcp_receive(fd, s->value, (size_t)s->own.bytes, s->until_ns, &n_read) ? LEIT_OK
                                                                                      : COME_AGAIN;
}

static leit_status visit(const share *s, const struct addrinfo *address)
{
    const int fd = leit_tcp_connect(address, s->until_ns);
    if (fd < 0) return COME_AGAIN;
    const leit_status status = talk(s, fd);
    close(fd);
    return status;
}

static leit_status fetch_from(const share *s, const struct addrinfo *addresses, bool *missing)
{
    for (;;) {
        leit_status status = COME_AGAIN;
        for (const struct addrinfo *a = addresses; status == COME_AGAIN && a != NULL;
             a = a->ai_next)
            status = visit(s, a);
        if (status != COME_AGAIN) return status;
        missing[0] = true;
        if (leit_tcp_is_over(s->until_ns)) return fail_missing(s, missing);
        poll(NULL, 0,
             leit_tcp_left_ms(s->until_ns) < RETRY_MS ? leit_tcp_left_ms(s->until_ns) : RETRY_MS);
    }
}

static leit_status fetch(const share *s)
{
    char service[16];
    snprintf(service, sizeof service, "%d", s->launch->store_port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    const int error = getaddrinfo(s->launch->master_address, service, &hints, &addresses);
    LEIT_FAIL_IF(error != 0, LEIT_USAGE, "MASTER_ADDR is '%s': %s", s->launch->master_address,
                 gai_strerror(error));
    bool *missing = NULL;
    leit_status status = LEIT_ALLOC(missing, s->launch->size);
    if (status == LEIT_OK) status = fetch_from(s, addresses, missing);
    freeaddrinfo(addresses);
    leit_free(missing);
    return status;
}

leit_status leit_tcp_store_share(const leit_launch *launch, const char *key, void *value,
                                 size_t bytes, int64_t deadline_ms)
{
    LEIT_FAIL_IF(strlen(key) >= LEIT_TCP_STORE_KEY_BYTES || bytes > LEIT_TCP_STORE_MAX_BYTES,
                 LEIT_INTERNAL, "%zu bytes under the key '%s' are too many", bytes, key);
    if (launch->size == 1) return LEIT_OK;
    LEIT_FAIL_IF(launch->master_address == NULL, LEIT_INTERNAL, "%s gives no address for a store",
                 leit_launcher_name(launch->launcher));
    const int64_t now = leit_clock_ns();
    share s = {
        .launch = launch,
        .own = {.rank = (uint32_t)launch->rank, .size = (uint32_t)launch->size, .bytes = bytes},
        .value = value,
        .begin_ns = now,
        .until_ns = now + deadline_ms * 1000000,
        .deadline_ms = deadline_ms};
    snprintf(s.own.key, sizeof s.own.key, "%s", key);
    snprintf(s.place, sizeof s.place, "at the store %s:%d (%s)", launch->master_address,
             launch->store_port, key);
    return launch->rank == 0 ? serve(&s) : fetch(&s);
}

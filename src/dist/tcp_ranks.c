/* The wire, after the store: who connects says a greeting. Rank 0 answers with a place for each rank when it
 * has heard them all; the others are connected to by those after them. Then, in each exchange, every
 * rank sends every other one a head and the bytes of its parcel. Numbers are little-endian. */
#include "dist/tcp_ranks.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"
#include "dist/tcp.h"
#include "dist/tcp_store.h"
#include "dist/transport.h"

enum { GREETING_MS = 5000 }; /* for somebody who connects and may be nobody of ours */

/* What the store tells: where rank 0 listens, and a word that no other run knows. */
typedef struct meeting {
    uint64_t word;
    uint32_t port, unused;
} meeting;

typedef struct greeting {
    uint64_t word;
    uint32_t rank, port; /* port: where it listens for the others */
} greeting;

/* An IPv4 address is mapped into IPv6. */
typedef struct place {
    uint8_t is_at_master; /* on rank 0's machine, which others know under MASTER_ADDR */
    uint8_t unused;
    uint16_t port;
    uint8_t address[16];
} place;

/* Before a parcel. A rank that gives up says GIVEN_UP and, in place of the bytes, for whom it has waited. */
typedef struct head {
    uint64_t call, bytes;
} head;
#define GIVEN_UP UINT64_MAX

/* One way to and from another rank in the exchange that is under way; heads count. */
typedef struct lane {
    head out, in;
    size_t n_sent, n_taken;
} lane;

typedef struct mesh {
    int rank, size;
    uint64_t n_calls;
    int *fds; /* (size), -1 where there is no connection */
    lane *lanes;
    struct pollfd *poll; /* (size) */
} mesh;

static void close_mesh(void *context)
{
    mesh *m = context;
    if (m == NULL) return;
    for (int r = 0; m->fds != NULL && r < m->size; r++)
        if (m->fds[r] >= 0) close(m->fds[r]);
    leit_free(m->fds);
    leit_free(m->lanes);
    leit_free(m->poll);
    leit_free(m);
}

/* ---- an exchange ---- */

static bool is_over(const lane *l, const leit_parcel *parcel)
{
    return l->n_sent == sizeof(head) + parcel->give_bytes &&
           l->n_taken == sizeof(head) + parcel->take_bytes;
}

static bool is_for_the_moment(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* As much as the connection takes. False when the other end is gone. */
static bool send_some(int fd, lane *l, const leit_parcel *parcel)
{
    const size_t n_head = l->n_sent < sizeof l->out ? sizeof l->out - l->n_sent : 0;
    const size_t n_given = l->n_sent < sizeof l->out ? 0 : l->n_sent - sizeof l->out;
    struct iovec parts[2] = {
        {(unsigned char *)&l->out + sizeof l->out - n_head, n_head},
        {(unsigned char *)(uintptr_t)parcel->give + n_given, parcel->give_bytes - n_given}};
    if (n_head + parts[1].iov_len == 0) return true;
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = parts[1].iov_len > 0 ? 2 : 1};
    const ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n > 0) l->n_sent += (size_t)n;
    return n >= 0 || is_for_the_moment();
}

static bool take_some(int fd, lane *l, const leit_parcel *parcel)
{
    const bool is_head = l->n_taken < sizeof l->in;
    const size_t at = is_head ? l->n_taken : l->n_taken - sizeof l->in;
    const size_t n_wanted = is_head ? sizeof l->in - at : parcel->take_bytes - at;
    if (n_wanted == 0) return true;
    const ssize_t n =
        recv(fd, (unsigned char *)(is_head ? (void *)&l->in : parcel->take) + at, n_wanted, 0);
    if (n > 0) l->n_taken += (size_t)n;
    return n > 0 || (n < 0 && is_for_the_moment());
}

/* When the head is there, and before anything of the parcel is. */
static leit_status check_head(const mesh *m, int r, const leit_parcel *parcel, bool *missing)
{
    const uint64_t call = le64toh(m->lanes[r].in.call), bytes = le64toh(m->lanes[r].in.bytes);
    if (call == GIVEN_UP && bytes < (uint64_t)m->size) {
        missing[bytes] = true;
        return LEIT_RANK;
    }
    LEIT_FAIL_IF(call != m->n_calls || bytes != parcel->take_bytes, LEIT_INTERNAL,
                 "rank %d gives %llu bytes in its exchange %llu where rank %d takes %zu in its "
                 "exchange %llu: they are at different calls",
                 r, (unsigned long long)bytes, (unsigned long long)call, m->rank,
                 parcel->take_bytes, (unsigned long long)m->n_calls);
    return LEIT_OK;
}

static leit_status move(mesh *m, int r, const leit_parcel *parcel, short events, bool *missing)
{
    lane *l = &m->lanes[r];
    bool is_there = true;
    if (events & (POLLIN | POLLHUP | POLLERR)) {
        const bool had_head = l->n_taken >= sizeof l->in;
        is_there = take_some(m->fds[r], l, parcel);
        if (!had_head && l->n_taken == sizeof l->in) LEIT_TRY(check_head(m, r, parcel, missing));
    }
    if (is_there && events & POLLOUT) is_there = send_some(m->fds[r], l, parcel);
    if (is_there) return LEIT_OK;
    missing[r] = true;
    return LEIT_RANK;
}

/* Others need not wait until they find out; between parcels they can be told. */
static void give_up(const mesh *m, const leit_parcel *parcels, const bool *missing)
{
    int lost = 0;
    while (lost < m->size && !missing[lost]) lost++;
    const head word = {htole64(GIVEN_UP), htole64((uint64_t)lost)};
    for (int r = 0; lost < m->size && r < m->size; r++) {
        const size_t n_sent = m->lanes[r].n_sent;
        const bool is_between = n_sent == 0 || n_sent == sizeof word + parcels[r].give_bytes;
        if (m->fds[r] >= 0 && !missing[r] && is_between)
            (void)send(m->fds[r], &word, sizeof word, MSG_NOSIGNAL);
    }
}

static int list_open(mesh *m, const leit_parcel *parcels)
{
    int n_open = 0;
    for (int r = 0; r < m->size; r++) {
        const lane *l = &m->lanes[r];
        const bool is_open = r != m->rank && !is_over(l, &parcels[r]);
        const bool wants = l->n_taken < sizeof(head) + parcels[r].take_bytes;
        const bool gives = l->n_sent < sizeof(head) + parcels[r].give_bytes;
        m->poll[r] =
            (struct pollfd){.fd = is_open ? m->fds[r] : -1,
                            .events = (short)((wants ? POLLIN : 0) | (gives ? POLLOUT : 0))};
        n_open += is_open;
    }
    return n_open;
}

static leit_status move_all(mesh *m, const leit_parcel *parcels, int64_t until_ns, bool *missing)
{
    while (list_open(m, parcels) > 0) {
        const int n = poll(m->poll, (nfds_t)m->size, leit_tcp_left_ms(until_ns));
        LEIT_FAIL_IF(n < 0 && errno != EINTR, LEIT_INTERNAL, "poll: %s", strerror(errno));
        leit_status status = LEIT_OK;
        for (int r = 0; n > 0 && r < m->size; r++) {
            if (m->poll[r].revents == 0) continue;
            const leit_status own = move(m, r, &parcels[r], m->poll[r].revents, missing);
            if (status == LEIT_OK || own == LEIT_INTERNAL) status = own;
        }
        LEIT_TRY(status);
        if (!leit_tcp_is_over(until_ns)) continue;
        for (int r = 0; r < m->size; r++)
            missing[r] = r != m->rank && !is_over(&m->lanes[r], &parcels[r]);
        return LEIT_RANK;
    }
    return LEIT_OK;
}

static leit_status exchange(void *context, const leit_parcel *parcels, int64_t deadline_ms,
                            bool *missing)
{
    mesh *m = context;
    m->n_calls++;
    for (int r = 0; r < m->size; r++)
        m->lanes[r] =
            (lane){.out = {htole64(m->n_calls), htole64((uint64_t)parcels[r].give_bytes)}};
    const leit_status status =
        move_all(m, parcels, leit_clock_ns() + deadline_ms * 1000000, missing);
    if (status == LEIT_RANK) give_up(m, parcels, missing);
    return status;
}

/* ---- how they meet ---- */

typedef struct arrival {
    const leit_launch *launch;
    mesh *mesh;
    int listener;
    int64_t until_ns;
    uint64_t word;
    bool *missing; /* (size) */
    place *places; /* (size) */
} arrival;

static leit_status miss(arrival *a, int rank)
{
    a->missing[rank] = true;
    return LEIT_RANK;
}

typedef union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} socket_address;

static leit_status open_listener(arrival *a, uint16_t *port)
{
    socket_address own = {0};
    socklen_t length = sizeof own;
    a->listener = leit_tcp_listen(0);
    LEIT_FAIL_IF(a->listener < 0 || getsockname(a->listener, &own.any, &length) != 0, LEIT_INTERNAL,
                 "rank %d cannot listen for the others: %s", a->mesh->rank, strerror(errno));
    *port = ntohs(own.any.sa_family == AF_INET6 ? own.v6.sin6_port : own.v4.sin_port);
    return LEIT_OK;
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

static bool find_place(int fd, uint16_t port, place *found)
{
    socket_address other = {0};
    socklen_t length = sizeof other;
    if (getpeername(fd, &other.any, &length) != 0) return false;
    struct in6_addr address = {0};
    if (other.any.sa_family == AF_INET6) {
        address = other.v6.sin6_addr;
    } else {
        address.s6_addr[10] = address.s6_addr[11] = 0xFF;
        memcpy(address.s6_addr + 12, &other.v4.sin_addr, 4);
    }
    *found = (place){.is_at_master = is_loopback(&address), .port = htole16(port)};
    memcpy(found->address, &address, sizeof found->address);
    return true;
}

static void join(mesh *m, int rank, int fd)
{
    const int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    m->fds[rank] = fd;
}

/* Whether it is a rank after this one that has not been here. */
static bool is_welcome(const arrival *a, const greeting *heard, int *rank)
{
    const uint32_t r = le32toh(heard->rank);
    *rank = (int)r;
    return le64toh(heard->word) == a->word && r > (uint32_t)a->mesh->rank &&
           r < (uint32_t)a->mesh->size && a->mesh->fds[r] < 0;
}

/* The next one who comes; strangers are sent away. */
static leit_status receive_one(arrival *a)
{
    if (!leit_tcp_wait(a->listener, POLLIN, a->until_ns)) return LEIT_RANK;
    const int fd = accept4(a->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return LEIT_OK;
    const int64_t patience_ns = leit_clock_ns() + (int64_t)GREETING_MS * 1000000;
    greeting heard;
    size_t n = 0;
    int rank = 0;
    const bool is_ours =
        leit_tcp_receive(fd, &heard, sizeof heard,
                         patience_ns < a->until_ns ? patience_ns : a->until_ns, &n) &&
        is_welcome(a, &heard, &rank) &&
        find_place(fd, (uint16_t)le32toh(heard.port), &a->places[rank]);
    if (is_ours)
        join(a->mesh, rank, fd);
    else
        close(fd);
    return LEIT_OK;
}

static leit_status receive_others(arrival *a)
{
    const mesh *m = a->mesh;
    leit_status status = LEIT_OK;
    int next = m->rank + 1; /* all before it are there */
    while (status == LEIT_OK) {
        while (next < m->size && m->fds[next] >= 0) next++;
        if (next == m->size) return LEIT_OK;
        status = receive_one(a);
    }
    for (int r = next; r < m->size; r++) a->missing[r] = m->fds[r] < 0;
    return status;
}

static leit_status greet(arrival *a, int rank, int fd, uint16_t port)
{
    const greeting own = {htole64(a->word), htole32((uint32_t)a->mesh->rank), htole32(port)};
    if (fd < 0) return miss(a, rank);
    join(a->mesh, rank, fd);
    return leit_tcp_send(fd, &own, sizeof own, a->until_ns) ? LEIT_OK : miss(a, rank);
}

static leit_status connect_to_master(arrival *a, uint16_t port, int *fd)
{
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    const int error = getaddrinfo(a->launch->master_address, service, &hints, &addresses);
    LEIT_FAIL_IF(error != 0, LEIT_USAGE, "MASTER_ADDR is '%s': %s", a->launch->master_address,
                 gai_strerror(error));
    *fd = -1;
    for (const struct addrinfo *one = addresses; *fd < 0 && one != NULL; one = one->ai_next)
        *fd = leit_tcp_connect(one, a->until_ns);
    freeaddrinfo(addresses);
    return LEIT_OK;
}

static int connect_to_place(const arrival *a, const place *to)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(le16toh(to->port))};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six.sin6_port};
    memcpy(&six.sin6_addr, to->address, sizeof to->address);
    memcpy(&four.sin_addr, to->address + 12, 4);
    const bool is_four = IN6_IS_ADDR_V4MAPPED(&six.sin6_addr);
    const struct addrinfo address = {.ai_family = is_four ? AF_INET : AF_INET6,
                                     .ai_addr = is_four ? (struct sockaddr *)&four
                                                        : (struct sockaddr *)&six,
                                     .ai_addrlen = is_four ? sizeof four : sizeof six};
    return leit_tcp_connect(&address, a->until_ns);
}

static leit_status meet_as_first(arrival *a, uint16_t port, int64_t deadline_ms)
{
    mesh *m = a->mesh;
    const size_t bytes = (size_t)m->size * sizeof *a->places;
    LEIT_FAIL_IF(getrandom(&a->word, sizeof a->word, 0) != sizeof a->word, LEIT_INTERNAL,
                 "getrandom: %s", strerror(errno));
    meeting told = {htole64(a->word), htole32(port), 0};
    LEIT_TRY(leit_tcp_store_share(a->launch, "ranks", &told, sizeof told, deadline_ms));
    LEIT_TRY(receive_others(a));
    for (int r = 1; r < m->size; r++)
        if (!leit_tcp_send(m->fds[r], a->places, bytes, a->until_ns)) return miss(a, r);
    return LEIT_OK;
}

static leit_status meet_as_other(arrival *a, uint16_t port, int64_t deadline_ms)
{
    mesh *m = a->mesh;
    meeting told = {0};
    int fd = -1;
    size_t n = 0;
    LEIT_TRY(leit_tcp_store_share(a->launch, "ranks", &told, sizeof told, deadline_ms));
    a->word = le64toh(told.word);
    LEIT_TRY(connect_to_master(a, (uint16_t)le32toh(told.port), &fd));
    LEIT_TRY(greet(a, 0, fd, port));
    if (!leit_tcp_receive(fd, a->places, (size_t)m->size * sizeof *a->places, a->until_ns, &n))
        return miss(a, 0);
    for (int r = 1; r < m->rank; r++) {
        const place *there = &a->places[r];
        if (there->is_at_master != 0)
            LEIT_TRY(connect_to_master(a, le16toh(there->port), &fd));
        else
            fd = connect_to_place(a, there);
        LEIT_TRY(greet(a, r, fd, port));
    }
    return receive_others(a);
}

static leit_status meet(arrival *a, int64_t deadline_ms)
{
    mesh *m = a->mesh;
    uint16_t port = 0;
    LEIT_TRY(LEIT_ALLOC(m->fds, m->size));
    for (int r = 0; r < m->size; r++) m->fds[r] = -1;
    LEIT_TRY(LEIT_ALLOC(m->lanes, m->size));
    LEIT_TRY(LEIT_ALLOC(m->poll, m->size));
    LEIT_TRY(LEIT_ALLOC(a->missing, m->size));
    LEIT_TRY(LEIT_ALLOC(a->places, m->size));
    LEIT_TRY(open_listener(a, &port));
    const int64_t begin_ns = leit_clock_ns();
    leit_status status =
        m->rank == 0 ? meet_as_first(a, port, deadline_ms) : meet_as_other(a, port, deadline_ms);
    bool any = false;
    for (int r = 0; r < m->size; r++) any |= a->missing[r];
    if (status == LEIT_RANK && any)
        status = leit_dist_fail_missing(m->rank, m->size, a->missing, deadline_ms,
                                        leit_clock_seconds_since(begin_ns), "at the start");
    return status;
}

leit_status leit_dist_create_tcp(const leit_launch *launch, int64_t deadline_ms, leit_dist **dist)
{
    mesh *m = NULL;
    LEIT_TRY(LEIT_ALLOC(m, 1));
    m->rank = launch->rank;
    m->size = launch->size;
    arrival a = {.launch = launch,
                 .mesh = m,
                 .listener = -1,
                 .until_ns = leit_clock_ns() + deadline_ms * 1000000};
    const leit_status status = meet(&a, deadline_ms);
    if (a.listener >= 0) close(a.listener);
    leit_free(a.missing);
    leit_free(a.places);
    if (status != LEIT_OK) {
        close_mesh(m);
        return status;
    }
    const leit_transport transport = {.rank = m->rank,
                                      .size = m->size,
                                      .deadline_ms = deadline_ms,
                                      .context = m,
                                      .exchange = exchange,
                                      .close = close_mesh};
    return leit_dist_create(&transport, dist);
}

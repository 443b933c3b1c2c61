#include "dist/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"

bool leit_tcp_is_over(int64_t until_ns)
{
    return leit_clock_ns() >= until_ns;
}

int leit_tcp_left_ms(int64_t until_ns)
{
    const int64_t left = (until_ns - leit_clock_ns()) / 1000000;
    return left < 0 ? 0 : left > 1000 ? 1000 : (int)left + 1;
}

static int listen_at(int family, int port)
{
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int yes = 1, no = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct addrinfo *any = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    const struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    bool is_bound = getaddrinfo(NULL, service, &hints, &any) == 0;
    if (family == AF_INET6) /* IPv4 too */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    is_bound = is_bound && bind(fd, any->ai_addr, any->ai_addrlen) == 0 && listen(fd, 1024) == 0;
    const int error = errno;
    if (any != NULL) freeaddrinfo(any);
    if (is_bound) return fd;
    close(fd);
    errno = error;
    return -1;
}

int leit_tcp_listen(int port)
{
    const int fd = listen_at(AF_INET6, port);
    return fd < 0 && errno != EADDRINUSE ? listen_at(AF_INET, port) : fd;
}

bool leit_tcp_wait(int fd, short what, int64_t until_ns)
{
    struct pollfd p = {.fd = fd, .events = what};
    while (!leit_tcp_is_over(until_ns))
        if (poll(&p, 1, leit_tcp_left_ms(until_ns)) > 0) return true;
    return false;
}

int leit_tcp_connect(const struct addrinfo *address, int64_t until_ns)
{
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int error = 0;
    socklen_t length = sizeof error;
    bool is_there = connect(fd, address->ai_addr, address->ai_addrlen) == 0;
    if (!is_there && errno == EINPROGRESS)
        is_there = leit_tcp_wait(fd, POLLOUT, until_ns) &&
                   getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
    if (is_there) return fd;
    close(fd);
    return -1;
}

static bool is_for_the_moment(void)
{
    return errno == EAGAIN || errno == EINTR;
}

bool leit_tcp_send(int fd, const void *bytes, size_t n, int64_t until_ns)
{
    for (size_t done = 0; done < n;) {
        if (!leit_tcp_wait(fd, POLLOUT, until_ns)) return false;
        const ssize_t sent = send(fd, (const char *)bytes + done, n - done, MSG_NOSIGNAL);
        if (sent < 0 && !is_for_the_moment()) return false;
        if (sent > 0) done += (size_t)sent;
    }
    return true;
}

bool leit_tcp_receive(int fd, void *bytes, size_t n, int64_t until_ns, size_t *n_received)
{
    for (*n_received = 0; *n_received < n;) {
        if (!leit_tcp_wait(fd, POLLIN, until_ns)) return false;
        const ssize_t got = recv(fd, (char *)bytes + *n_received, n - *n_received, 0);
        if (got == 0 || (got < 0 && !is_for_the_moment())) return false;
        if (got > 0) *n_received += (size_t)got;
    }
    return true;
}

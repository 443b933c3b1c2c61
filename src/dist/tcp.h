/* Sockets that wait no longer than until a time of leit_clock_ns. None of them blocks. */
#ifndef LEIT_DIST_TCP_H
#define LEIT_DIST_TCP_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool leit_tcp_is_over(int64_t until_ns);
/* For poll: at least 1 while there is time, and at most a second. */
int leit_tcp_left_ms(int64_t until_ns);

/* A listener at the port (0: any that is free) of all addresses, -1 with errno. */
int leit_tcp_listen(int port);
/* A connection, -1 where nobody answers. */
int leit_tcp_connect(const struct addrinfo *address, int64_t until_ns);

/* False when the time is over. */
bool leit_tcp_wait(int fd, short what, int64_t until_ns);
/* False when the time is over or the other end is gone; *n_received says how far it came. */
bool leit_tcp_send(int fd, const void *bytes, size_t n, int64_t until_ns);
bool leit_tcp_receive(int fd, void *bytes, size_t n, int64_t until_ns, size_t *n_received);

#endif

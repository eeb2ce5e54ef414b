/*
 * Listening sockets: opened by the control thread before anybody accepts on them, and handed to
 * workers, or to the process that takes this one's place.
 *
 * An address is host:port ([::1]:9000, 127.0.0.1:0 for any free port), unix:/path, or fd:N and fd:NAME
 * for a socket that the service manager handed over (LISTEN_FDS, sd_listen_fds(3)). Of a TCP address
 * there is one socket per worker, and the kernel spreads connections over them (SO_REUSEPORT); others
 * are one socket that all share. No two programs share an address unless one hands it to the other.
 */
#ifndef BL_NET_SOCKET_H
#define BL_NET_SOCKET_H

#include "base/diag.h"
#include "base/result.h"

#define BL_SOCKETS_MAX 64 /* of one address */
#define BL_SOCKET_ADDRESS_MAX 256
#define BL_LISTEN_BACKLOG 1024

struct bl_socket_set {
    char address[BL_SOCKET_ADDRESS_MAX]; /* as it was written */
    int fds[BL_SOCKETS_MAX];
    unsigned count;
};

/* Opens `wanted` (1 to BL_SOCKETS_MAX) sockets, or one where they cannot be more, and listens.
 * Errors: INVALID_REQUEST with message and hint (no such address, taken, not allowed). */
BL_MUST_USE bl_result bl_socket_set_open(const char *address, unsigned wanted,
                                         struct bl_socket_set *out, struct bl_diag *diag);

/* Closes them. The path of a Unix socket stays: another process may have it by now. */
void bl_socket_set_close(struct bl_socket_set *set);

/* A duplicate of the `index`-th socket that worker `number` of `workers` accepts on; -1 = no more. Each
 * socket has a worker, and each worker a socket. */
int bl_socket_set_take(const struct bl_socket_set *set, unsigned number, unsigned workers,
                       unsigned index);

#endif

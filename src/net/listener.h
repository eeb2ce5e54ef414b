/*
 * Listeners: connections that come in at a listening socket (net/socket.h). All functions belong to the
 * loop's thread.
 */
#ifndef BL_NET_LISTENER_H
#define BL_NET_LISTENER_H

#include "base/diag.h"
#include "net/stream.h"

struct bl_listener;

/* A connection was accepted; the callee listens on it, or closes it. */
typedef void (*bl_accept_fn)(void *user, struct bl_stream *stream);

/* Accepts on the socket, which it takes over, also on an error; `address` is what it was opened as.
 * Errors: INVALID_REQUEST with message, RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_listener_create(struct bl_loop *loop, int fd, const char *address,
                                         bl_accept_fn accept, void *user, struct bl_listener **out,
                                         struct bl_diag *diag);

/* Accepts no more; streams live on. NULL is fine. */
void bl_listener_destroy(struct bl_listener *listener);

/* Whether only this machine reaches it: a Unix socket, or a loopback address that it is bound to. */
bool bl_listener_is_local(const struct bl_listener *listener);

/* Where it listens, with the port that was found for 0. */
const char *bl_listener_address(const struct bl_listener *listener);

#endif

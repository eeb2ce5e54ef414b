/*
 * Listeners: where connections come in. An address is host:port ([::1]:9000, 127.0.0.1:0 for any free
 * port), unix:/path, or fd:N for a socket that the service manager or an older process handed over.
 * Several listeners of one address, one per thread, share the connections (SO_REUSEPORT). All
 * functions belong to the loop's thread.
 */
#ifndef BL_NET_LISTENER_H
#define BL_NET_LISTENER_H

#include "base/diag.h"
#include "net/stream.h"

struct bl_listener;

/* A connection was accepted; the callee listens on it, or closes it. */
typedef void (*bl_accept_fn)(void *user, struct bl_stream *stream);

#define BL_LISTEN_BACKLOG 1024

/* Listens at once. Errors: INVALID_REQUEST with message and hint (no such address, taken, not
 * allowed), RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_listener_create(struct bl_loop *loop, const char *address,
                                         bl_accept_fn accept, void *user, struct bl_listener **out,
                                         struct bl_diag *diag);

/* Accepts no more; streams live on. NULL is fine. */
void bl_listener_destroy(struct bl_listener *listener);

/* Whether only this machine reaches it: a Unix socket, or a loopback address that it is bound to. */
bool bl_listener_is_local(const struct bl_listener *listener);

/* Where it listens, with the port that was found for 0. */
const char *bl_listener_address(const struct bl_listener *listener);

#endif

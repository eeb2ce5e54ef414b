/*
 * Watches one descriptor on a loop. The only place of this folder that knows libuv.
 *
 * The poller owns its descriptor, which is why it is given a dup() of libnats' socket: libnats
 * closes that one on any thread, and the number may belong to another socket before this loop
 * hears of it.
 */
#ifndef BL_BUS_POLLER_H
#define BL_BUS_POLLER_H

#include <stdbool.h>

#include "base/result.h"
#include "net/loop.h"

struct bl_poller;

typedef void (*bl_poller_fn)(void *user, bool is_readable, bool is_writable);

/* Waits for nothing yet. Takes `fd` over, also on failure (RESOURCE_EXHAUSTED, INTERNAL). An error
 * on the descriptor is reported as readable. */
BL_MUST_USE bl_result bl_poller_create(struct bl_loop *loop, int fd, bl_poller_fn fn, void *user,
                                       struct bl_poller **out);

/* What to wait for from now on. */
void bl_poller_want(struct bl_poller *poller, bool readable, bool writable);

/* Closes the descriptor; NULL is allowed. May be called from the poller's own callback. */
void bl_poller_destroy(struct bl_poller *poller);

#endif

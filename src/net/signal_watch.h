/*
 * Signals as calls on a loop, outside of signal context: SIGTERM and SIGINT to stop, SIGHUP to read
 * the configuration again. Loop thread only.
 */
#ifndef BL_NET_SIGNAL_WATCH_H
#define BL_NET_SIGNAL_WATCH_H

#include "base/diag.h"
#include "base/result.h"
#include "net/loop.h"

struct bl_signal_watch;

typedef void (*bl_signal_fn)(void *user, int signal_number);

/* Calls back for each arrival of `signal_number`; arrivals close together may be one call. Fails
 * with INTERNAL for a signal that cannot be caught, or RESOURCE_EXHAUSTED. The default action is
 * back when the last watch of a signal is destroyed. */
BL_MUST_USE bl_result bl_signal_watch_create(struct bl_loop *loop, int signal_number,
                                             bl_signal_fn fn, void *user,
                                             struct bl_signal_watch **out, struct bl_diag *diag);

/* NULL is allowed. */
void bl_signal_watch_destroy(struct bl_signal_watch *watch);

#endif

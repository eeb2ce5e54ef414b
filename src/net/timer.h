/*
 * Timers of a loop, for the shells: reconnects, flushes, housekeeping. The many timers of requests
 * are data in a wheel, which one of these advances. Loop thread only.
 */
#ifndef BL_NET_TIMER_H
#define BL_NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "net/loop.h"

struct bl_timer;

/* A stopped timer. Fails with RESOURCE_EXHAUSTED. Ended by bl_timer_destroy. */
BL_MUST_USE bl_result bl_timer_create(struct bl_loop *loop, bl_loop_fn fn, void *user,
                                      struct bl_timer **out);

/* Stops and frees; NULL is allowed. May be called from the timer's own callback. */
void bl_timer_destroy(struct bl_timer *timer);

/* Calls back in `delay_ms`, then every `repeat_ms`; 0 = once. A running timer starts anew. */
void bl_timer_start(struct bl_timer *timer, uint64_t delay_ms, uint64_t repeat_ms);

void bl_timer_stop(struct bl_timer *timer);

bool bl_timer_is_running(const struct bl_timer *timer);

#endif

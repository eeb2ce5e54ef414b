/*
 * A repeating timer finer than the loop's millisecond: a timerfd that the loop polls. For pacing a
 * load; everything else is served by net/timer.h, which costs no descriptor.
 */
#ifndef BL_NET_FINE_TIMER_H
#define BL_NET_FINE_TIMER_H

#include <stdint.h>

#include "base/result.h"
#include "net/loop.h"

struct bl_fine_timer;

/* Calls `fn(user)` on the loop's thread every `interval_us` (≥ 10), once for several intervals
 * that passed during one turn. Fails with RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_fine_timer_start(struct bl_loop *loop, uint32_t interval_us, bl_loop_fn fn,
                                          void *user, struct bl_fine_timer **out);

/* Stops and frees, with the loop's next turn; NULL is allowed. Loop thread. */
void bl_fine_timer_stop(struct bl_fine_timer *timer);

#endif

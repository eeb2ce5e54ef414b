/*
 * The clocks of the shells. Pure folders never call these: they are handed the time.
 *
 * Monotonic time measures durations and deadlines; it never jumps, and its zero means nothing.
 * Wall time is for people and for what leaves the process; it may jump. Any thread.
 */
#ifndef BL_NET_CLOCK_H
#define BL_NET_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t bl_clock_monotonic_ns(void);

/* CLOCK_REALTIME since 1970-01-01 UTC, in nanoseconds and in milliseconds. */
uint64_t bl_clock_wall_ns(void);
uint64_t bl_clock_wall_ms(void);

#endif

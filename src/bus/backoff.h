/*
 * How long to wait before the next attempt to connect.
 *
 * Exponential with full jitter: uniform in [base/2, base·2^attempt], the upper end never above
 * `max`. The jitter keeps a fleet that lost one server from coming back in step; the lower end
 * keeps a refused connection from being retried in a busy loop. Pure.
 */
#ifndef BL_BUS_BACKOFF_H
#define BL_BUS_BACKOFF_H

#include <stdint.h>

/* `attempt` counts from 0; `random` is any 64-bit random number. base ≥ 1, max ≥ base. */
uint32_t bl_backoff_ms(uint32_t attempt, uint32_t base_ms, uint32_t max_ms, uint64_t random);

#endif

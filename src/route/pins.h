/*
 * Session pins: which provider a session stays with when that is not the one that rendezvous
 * hashing gives.
 *
 * One fixed-size table shared by all workers, without locks: a bucket of four slots per hash, each
 * slot two 64-bit atomics. A full bucket gives up the pin that expires first (counted). A reader
 * never sees a half-written pin. Bounded by its capacity, 16 bytes per pin.
 */
#ifndef BL_ROUTE_PINS_H
#define BL_ROUTE_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct bl_pins;

/* `capacity` pins, rounded up to a power of two, at least 64. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_pins_create(size_t capacity, struct bl_pins **out);
void bl_pins_destroy(struct bl_pins *pins); /* NULL is fine */

/* The pin of `session` that has not expired at `now_ms`: sets the provider's 32-bit tag (the low
 * half of its id_hash) and the expiry. Seconds resolution. Any thread. */
bool bl_pins_get(const struct bl_pins *pins, const uint64_t session[2], int64_t now_ms,
                 uint32_t *provider_tag, int64_t *expires_ms);

/* Writes or renews. Any thread; of two writers for one session one wins. */
void bl_pins_put(struct bl_pins *pins, const uint64_t session[2], uint32_t provider_tag,
                 int64_t now_ms, int64_t expires_ms);

struct bl_pins_stats {
    size_t capacity;
    size_t live;        /* approximate: slots in use, expired ones included until reused */
    uint64_t evictions; /* live pins given up for a new one */
};
struct bl_pins_stats bl_pins_stats(const struct bl_pins *pins);

#endif

#include "route/pins.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SLOTS_PER_BUCKET 4
#define MIN_CAPACITY 64
#define CAPACITY_MAX ((size_t)1 << 30)

/*
 * A slot is two words. `check` is the session's second word XORed with `pin`, so that a reader who
 * sees halves of two writes finds that they do not belong together (R. Hyatt, T. Mann, "A Lockless
 * Transposition Table Implementation for Parallel Search Chess Engines", 2002). `pin` holds the
 * provider's tag and the expiry in seconds; 0 = free.
 */
struct slot {
    _Atomic uint64_t check;
    _Atomic uint64_t pin;
};

struct bl_pins {
    size_t bucket_mask;
    _Atomic uint64_t evictions;
    struct slot slots[];
};

static uint64_t make_pin(uint32_t provider_tag, int64_t expires_ms) {
    return (uint64_t)(expires_ms / 1000) << 32 | provider_tag;
}

static int64_t expires_ms_of(uint64_t pin) {
    return (int64_t)(pin >> 32) * 1000;
}

bl_result bl_pins_create(size_t capacity, struct bl_pins **out) {
    size_t rounded = MIN_CAPACITY;

    while (rounded < capacity && rounded < CAPACITY_MAX) {
        rounded *= 2;
    }
    if (rounded < capacity) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    /* calloc maps fresh pages lazily: slots that are never used cost no memory. */
    struct bl_pins *pins = calloc(1, sizeof(*pins) + rounded * sizeof(struct slot));
    if (pins == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    pins->bucket_mask = rounded / SLOTS_PER_BUCKET - 1;
    *out = pins;
    return BL_OK;
}

void bl_pins_destroy(struct bl_pins *pins) {
    free(pins);
}

static size_t bucket_of(const struct bl_pins *pins, const uint64_t session[2]) {
    return (size_t)(session[0] & pins->bucket_mask) * SLOTS_PER_BUCKET;
}

static bool holds(const struct slot *slot, uint64_t session, uint64_t *pin) {
    uint64_t check = atomic_load_explicit(&slot->check, memory_order_relaxed);

    *pin = atomic_load_explicit(&slot->pin, memory_order_relaxed);
    return *pin != 0 && (check ^ *pin) == session;
}

bool bl_pins_get(const struct bl_pins *pins, const uint64_t session[2], int64_t now_ms,
                 uint32_t *provider_tag, int64_t *expires_ms) {
    const struct slot *bucket = &pins->slots[bucket_of(pins, session)];

    for (int i = 0; i < SLOTS_PER_BUCKET; i++) {
        uint64_t pin;
        if (holds(&bucket[i], session[1], &pin) && expires_ms_of(pin) > now_ms) {
            *provider_tag = (uint32_t)pin;
            *expires_ms = expires_ms_of(pin);
            return true;
        }
    }
    return false;
}

/* The session's own slot, else a free or expired one, else the one that expires first. */
static struct slot *slot_for(struct slot *bucket, uint64_t session, int64_t now_ms, bool *evicts) {
    struct slot *best = NULL;
    int64_t best_expiry = INT64_MAX;

    for (int i = 0; i < SLOTS_PER_BUCKET; i++) {
        uint64_t pin;
        if (holds(&bucket[i], session, &pin)) {
            *evicts = false;
            return &bucket[i];
        }
        int64_t expiry = expires_ms_of(pin);
        if (expiry < best_expiry) {
            best = &bucket[i];
            best_expiry = expiry;
        }
    }
    *evicts = best_expiry > now_ms;
    return best;
}

void bl_pins_put(struct bl_pins *pins, const uint64_t session[2], uint32_t provider_tag,
                 int64_t now_ms, int64_t expires_ms) {
    uint64_t pin = make_pin(provider_tag, expires_ms);
    bool evicts;
    struct slot *slot =
        slot_for(&pins->slots[bucket_of(pins, session)], session[1], now_ms, &evicts);

    if (evicts) {
        atomic_fetch_add_explicit(&pins->evictions, 1, memory_order_relaxed);
    }
    atomic_store_explicit(&slot->check, session[1] ^ pin, memory_order_relaxed);
    atomic_store_explicit(&slot->pin, pin, memory_order_relaxed);
}

struct bl_pins_stats bl_pins_stats(const struct bl_pins *pins) {
    struct bl_pins_stats stats = {
        .capacity = (pins->bucket_mask + 1) * SLOTS_PER_BUCKET,
        .evictions = atomic_load_explicit(&pins->evictions, memory_order_relaxed),
    };

    for (size_t i = 0; i < stats.capacity; i++) {
        stats.live += atomic_load_explicit(&pins->slots[i].pin, memory_order_relaxed) != 0;
    }
    return stats;
}

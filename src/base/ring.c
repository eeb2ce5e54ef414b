#include "base/ring.h"

#include <assert.h>
#include <string.h>

/* A record is an 8-byte header (its length), its bytes, and padding to a multiple of 8. A record
 * that would not fit before the end of the storage starts at its beginning instead; the header SKIP
 * says so to the consumer. Everything is a multiple of 8, so there is always room for a SKIP. */
#define SKIP UINT64_MAX

static uint64_t room_of(size_t len) {
    return (BL_RING_RECORD_OVERHEAD + len + 7) & ~(uint64_t)7;
}

static unsigned char *at(const struct bl_ring *ring, uint64_t position) {
    return ring->bytes + (position & (ring->capacity - 1));
}

static void put_header(const struct bl_ring *ring, uint64_t position, uint64_t header) {
    memcpy(at(ring, position), &header, sizeof(header));
}

void bl_ring_init(struct bl_ring *ring, void *storage, size_t capacity) {
    assert(capacity >= 64 && capacity <= (size_t)1 << 30 && (capacity & (capacity - 1)) == 0);
    assert((uintptr_t)storage % 8 == 0);
    ring->bytes = storage;
    ring->capacity = capacity;
    ring->record_max = capacity / 2 - BL_RING_RECORD_OVERHEAD;
    ring->read_seen = 0;
    ring->reserved = 0;
    ring->written_seen = 0;
    ring->peeked = 0;
    atomic_init(&ring->written, 0);
    atomic_init(&ring->read, 0);
    atomic_init(&ring->dropped, 0);
}

/* Whether `needed` bytes from `written` on are free. The other thread's counter is looked at only
 * when the last look does not suffice: its cache line stays with the consumer. */
static bool is_free(struct bl_ring *ring, uint64_t written, uint64_t needed) {
    if (written + needed - ring->read_seen <= ring->capacity) {
        return true;
    }
    /* Acquire: the consumer's reads of that room are over. */
    ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
    return written + needed - ring->read_seen <= ring->capacity;
}

void *bl_ring_reserve(struct bl_ring *ring, size_t len) {
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    uint64_t to_end = ring->capacity - (written & (ring->capacity - 1));

    ring->reserved = 0;
    if (len <= ring->record_max) {
        uint64_t needed = room_of(len);
        uint64_t skipped = needed <= to_end ? 0 : to_end;
        if (is_free(ring, written, skipped + needed)) {
            if (skipped > 0) {
                put_header(ring, written, SKIP);
                written += skipped;
                atomic_store_explicit(&ring->written, written, memory_order_release);
            }
            ring->reserved = needed;
            return at(ring, written) + BL_RING_RECORD_OVERHEAD;
        }
    }
    uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
    atomic_store_explicit(&ring->dropped, dropped + 1, memory_order_relaxed);
    return NULL;
}

void bl_ring_commit(struct bl_ring *ring, size_t len) {
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);

    assert(ring->reserved != 0 && room_of(len) <= ring->reserved);
    put_header(ring, written, len);
    ring->reserved = 0;
    atomic_store_explicit(&ring->written, written + room_of(len), memory_order_release);
}

bool bl_ring_push(struct bl_ring *ring, struct bl_str record) {
    void *room = bl_ring_reserve(ring, record.len);

    if (room == NULL) {
        return false;
    }
    if (record.len > 0) {
        memcpy(room, record.data, record.len);
    }
    bl_ring_commit(ring, record.len);
    return true;
}

bool bl_ring_peek(struct bl_ring *ring, struct bl_str *record) {
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    uint64_t header;

    for (;;) {
        if (read == ring->written_seen) {
            ring->written_seen = atomic_load_explicit(&ring->written, memory_order_acquire);
            if (read == ring->written_seen) {
                return false;
            }
        }
        memcpy(&header, at(ring, read), sizeof(header));
        if (header != SKIP) {
            break;
        }
        read += ring->capacity - (read & (ring->capacity - 1));
        atomic_store_explicit(&ring->read, read, memory_order_release);
    }
    *record = (struct bl_str){(const char *)at(ring, read) + BL_RING_RECORD_OVERHEAD, header};
    ring->peeked = room_of(header);
    return true;
}

void bl_ring_release(struct bl_ring *ring) {
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);

    /* Release: our reads of the record come before its room is free. */
    atomic_store_explicit(&ring->read, read + ring->peeked, memory_order_release);
    ring->peeked = 0;
}

uint64_t bl_ring_dropped(const struct bl_ring *ring) {
    return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}

size_t bl_ring_used(const struct bl_ring *ring) {
    /* `read` first: it never passes `written`, so the difference is never negative. */
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_acquire);
    uint64_t used = atomic_load_explicit(&ring->written, memory_order_acquire) - read;

    return used < ring->capacity ? (size_t)used : ring->capacity;
}

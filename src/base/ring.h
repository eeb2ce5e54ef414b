/*
 * A bounded ring of records from one thread to one other.
 *
 * For what a worker hands to a writer thread: log lines, audit records, spans. The producer never
 * waits: a record that does not fit is dropped and counted. Records are bytes of any length up to
 * a maximum, each in one piece, so the consumer can write it out from where it lies. Memory is the
 * caller's and is never allocated here.
 *
 * Threads: exactly one producer (bl_ring_reserve, bl_ring_commit, bl_ring_push) and exactly one
 * consumer (bl_ring_peek, bl_ring_release). bl_ring_dropped and bl_ring_used may be called by any
 * thread. What the producer wrote before a commit is seen by the consumer after the peek that
 * shows the record. Waking the consumer is the owner's business.
 */
#ifndef BL_BASE_RING_H
#define BL_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Bytes that a record takes beside its own; it is then rounded up to a multiple of 8. */
#define BL_RING_RECORD_OVERHEAD ((size_t)8)

#define BL_RING_LINE 64 /* bytes of a cache line: padding keeps apart what the threads write */

struct bl_ring {
    unsigned char *bytes;
    size_t capacity; /* a power of two */
    size_t record_max;
    unsigned char padding_before_producer[BL_RING_LINE];
    /* Positions count bytes since the start and never wrap (2^64). */
    _Atomic uint64_t written; /* by the producer */
    _Atomic uint64_t dropped;
    uint64_t read_seen; /* the producer's last look at `read` */
    uint64_t reserved;  /* bytes of the open reservation */
    unsigned char padding_before_consumer[BL_RING_LINE];
    _Atomic uint64_t read; /* by the consumer */
    uint64_t written_seen; /* the consumer's last look at `written` */
    uint64_t peeked;       /* bytes to release, 0 = nothing peeked */
    unsigned char padding_after[BL_RING_LINE];
};

/* Uses `storage` (aligned to 8; must outlive the ring) of `capacity` bytes, a power of two from 64
 * to 2^30. Records of up to bl_ring_record_max() bytes can be sent. Before any other call. */
void bl_ring_init(struct bl_ring *ring, void *storage, size_t capacity);

/* The longest record: half of the ring less the overhead, so that one always fits an empty ring. */
static inline size_t bl_ring_record_max(const struct bl_ring *ring) {
    return ring->record_max;
}

/* Producer. Room for a record of up to `len` bytes, aligned to 8, or NULL: then it does not fit,
 * and one drop was counted. Another reservation before the commit takes this one's place. */
void *bl_ring_reserve(struct bl_ring *ring, size_t len);

/* Producer. Makes the reserved record visible with its first `len` bytes, at most as many as were
 * reserved. */
void bl_ring_commit(struct bl_ring *ring, size_t len);

/* Producer. Copies one record in; false if it was dropped. */
bool bl_ring_push(struct bl_ring *ring, struct bl_str record);

/* Consumer. The oldest record, which stays where it is until bl_ring_release; false if there is
 * none. Peeking again without a release gives the same record. */
bool bl_ring_peek(struct bl_ring *ring, struct bl_str *record);

/* Consumer. Gives the peeked record's room back; without one it does nothing. */
void bl_ring_release(struct bl_ring *ring);

/* Records dropped since the start. Any thread. */
uint64_t bl_ring_dropped(const struct bl_ring *ring);

/* Bytes in use, overhead included, as of some recent moment. Any thread. */
size_t bl_ring_used(const struct bl_ring *ring);

#endif

/*
 * Timers as data: a hierarchical wheel of milliseconds.
 *
 * Holds the deadlines of many requests. It reads no clock: it is advanced by the time that it is
 * handed, and says when it wants to be advanced next; the shell keeps one real timer for that.
 * Entries are the caller's (a field of its record), so arming never fails and allocates nothing.
 *
 * Eleven levels of 64 slots, one level for each 6 bits of a deadline: level 0 holds the next 64 ms
 * one by one, level 1 the next 4 s in steps of 64 ms, and so on through all of int64, so no deadline
 * is too far away. An entry is on the level of the highest bit in which its deadline differs from
 * the wheel's time, and moves down when that time comes near: at most ten times in its life. A jump
 * of the clock costs by the entries that it passes, not by the milliseconds. After G. Varghese,
 * T. Lauck, "Hashed and hierarchical timing wheels", 1987.
 *
 * Arm and disarm take constant time. Threads: one at a time.
 */
#ifndef BL_BASE_TIMER_WHEEL_H
#define BL_BASE_TIMER_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BL_WHEEL_SLOT_BITS 6
#define BL_WHEEL_SLOTS (1 << BL_WHEEL_SLOT_BITS)
#define BL_WHEEL_LEVELS 11 /* 63 bits of a non-negative deadline */

struct bl_wheel_link {
    struct bl_wheel_link *next;
    struct bl_wheel_link *previous;
};

/* An entry, owned by the caller, at one address while armed. All zeros = not armed. `deadline_ms`
 * may be read; the rest is the wheel's. */
struct bl_wheel_entry {
    struct bl_wheel_link link; /* next == NULL: not armed */
    int64_t deadline_ms;
    uint8_t level; /* BL_WHEEL_LEVELS = due */
    uint8_t slot;
};

struct bl_wheel {
    int64_t now_ms;
    size_t armed; /* entries, due ones included */
    uint64_t occupied[BL_WHEEL_LEVELS];
    struct bl_wheel_link due;
    struct bl_wheel_link slots[BL_WHEEL_LEVELS][BL_WHEEL_SLOTS];
};

/* An empty wheel (11 KiB) at `now_ms` ≥ 0. It holds its own address: not to be moved. */
void bl_wheel_init(struct bl_wheel *wheel, int64_t now_ms);

/* Arms `entry` for `deadline_ms`; an armed entry is moved. It comes due at the first advance to its
 * deadline or later, and never before the wheel's time has moved on: a deadline that has passed is
 * taken as the next millisecond, so whoever arms again from a due entry cannot spin. */
void bl_wheel_arm(struct bl_wheel *wheel, struct bl_wheel_entry *entry, int64_t deadline_ms);

/* Disarms, due or not; false if it was not armed. */
bool bl_wheel_disarm(struct bl_wheel *wheel, struct bl_wheel_entry *entry);

static inline bool bl_wheel_is_armed(const struct bl_wheel_entry *entry) {
    return entry->link.next != NULL;
}

/* Moves the wheel's time on to `now_ms` and all entries with a deadline up to it to the due list,
 * in order of deadline, and of arming where that is equal. An earlier `now_ms` changes nothing. */
void bl_wheel_advance(struct bl_wheel *wheel, int64_t now_ms);

/* Takes the next due entry off, then disarmed; NULL if there is none. Between two calls any entry
 * may be armed or disarmed. */
struct bl_wheel_entry *bl_wheel_pop(struct bl_wheel *wheel);

/* When the wheel wants to be advanced: never later than the earliest deadline. It may be earlier
 * for one that is more than 64 ms away (that advance only moves entries down). The wheel's own time
 * if entries are due; INT64_MAX if none is armed. */
int64_t bl_wheel_next_due(const struct bl_wheel *wheel);

#endif

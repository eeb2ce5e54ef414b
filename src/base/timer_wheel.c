#include "base/timer_wheel.h"

#include <assert.h>

#define SLOT_MASK ((uint64_t)BL_WHEEL_SLOTS - 1)
#define DUE BL_WHEEL_LEVELS /* level of an entry in the due list */

static void list_init(struct bl_wheel_link *list) {
    list->next = list;
    list->previous = list;
}

static void list_append(struct bl_wheel_link *list, struct bl_wheel_link *link) {
    link->next = list;
    link->previous = list->previous;
    list->previous->next = link;
    list->previous = link;
}

static bool list_is_empty(const struct bl_wheel_link *list) {
    return list->next == list;
}

static void unlink_entry(struct bl_wheel_entry *entry) {
    entry->link.next->previous = entry->link.previous;
    entry->link.previous->next = entry->link.next;
    entry->link.next = NULL;
    entry->link.previous = NULL;
}

static struct bl_wheel_entry *first_of(struct bl_wheel_link *list) {
    /* `link` is the first field. */
    return (struct bl_wheel_entry *)list->next;
}
_Static_assert(offsetof(struct bl_wheel_entry, link) == 0, "first_of relies on it");

void bl_wheel_init(struct bl_wheel *wheel, int64_t now_ms) {
    assert(now_ms >= 0);
    wheel->now_ms = now_ms;
    wheel->armed = 0;
    list_init(&wheel->due);
    for (int level = 0; level < BL_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (int slot = 0; slot < BL_WHEEL_SLOTS; slot++) {
            list_init(&wheel->slots[level][slot]);
        }
    }
}

/* Files an entry by its deadline: into a slot if it lies ahead, else into the due list. */
static void file(struct bl_wheel *wheel, struct bl_wheel_entry *entry) {
    uint64_t deadline = (uint64_t)entry->deadline_ms;

    if (entry->deadline_ms <= wheel->now_ms) {
        entry->level = DUE;
        list_append(&wheel->due, &entry->link);
        return;
    }
    uint64_t different = (deadline ^ (uint64_t)wheel->now_ms) | SLOT_MASK;
    unsigned level = (63u - (unsigned)__builtin_clzll(different)) / BL_WHEEL_SLOT_BITS;
    unsigned slot = (unsigned)(deadline >> (level * BL_WHEEL_SLOT_BITS) & SLOT_MASK);
    entry->level = (uint8_t)level;
    entry->slot = (uint8_t)slot;
    wheel->occupied[level] |= UINT64_C(1) << slot;
    list_append(&wheel->slots[level][slot], &entry->link);
}

void bl_wheel_arm(struct bl_wheel *wheel, struct bl_wheel_entry *entry, int64_t deadline_ms) {
    (void)bl_wheel_disarm(wheel, entry);
    if (deadline_ms <= wheel->now_ms) {
        deadline_ms = wheel->now_ms < INT64_MAX ? wheel->now_ms + 1 : INT64_MAX;
    }
    entry->deadline_ms = deadline_ms;
    wheel->armed++;
    file(wheel, entry);
}

bool bl_wheel_disarm(struct bl_wheel *wheel, struct bl_wheel_entry *entry) {
    if (!bl_wheel_is_armed(entry)) {
        return false;
    }
    unlink_entry(entry);
    wheel->armed--;
    if (entry->level != DUE && list_is_empty(&wheel->slots[entry->level][entry->slot])) {
        wheel->occupied[entry->level] &= ~(UINT64_C(1) << entry->slot);
    }
    return true;
}

/* The occupied slot whose time comes first: false if there is none. Slots at or before the wheel's
 * time are empty on every level, and all of a level come before all of the next. */
static bool next_slot(const struct bl_wheel *wheel, unsigned *level, unsigned *slot,
                      int64_t *starts_ms) {
    for (unsigned l = 0; l < BL_WHEEL_LEVELS; l++) {
        if (wheel->occupied[l] == 0) {
            continue;
        }
        unsigned shift = l * BL_WHEEL_SLOT_BITS;
        unsigned s = (unsigned)__builtin_ctzll(wheel->occupied[l]);
        uint64_t above = shift + BL_WHEEL_SLOT_BITS < 64
                             ? (uint64_t)wheel->now_ms >> (shift + BL_WHEEL_SLOT_BITS)
                                                              << (shift + BL_WHEEL_SLOT_BITS)
                             : 0;
        *level = l;
        *slot = s;
        *starts_ms = (int64_t)(above | (uint64_t)s << shift);
        return true;
    }
    return false;
}

void bl_wheel_advance(struct bl_wheel *wheel, int64_t now_ms) {
    unsigned level;
    unsigned slot;
    int64_t starts_ms;

    while (next_slot(wheel, &level, &slot, &starts_ms) && starts_ms <= now_ms) {
        struct bl_wheel_link *list = &wheel->slots[level][slot];
        wheel->now_ms = starts_ms;
        wheel->occupied[level] &= ~(UINT64_C(1) << slot);
        while (!list_is_empty(list)) {
            struct bl_wheel_entry *entry = first_of(list);
            unlink_entry(entry);
            file(wheel, entry);
        }
    }
    if (now_ms > wheel->now_ms) {
        wheel->now_ms = now_ms;
    }
}

struct bl_wheel_entry *bl_wheel_pop(struct bl_wheel *wheel) {
    if (list_is_empty(&wheel->due)) {
        return NULL;
    }
    struct bl_wheel_entry *entry = first_of(&wheel->due);

    unlink_entry(entry);
    wheel->armed--;
    return entry;
}

int64_t bl_wheel_next_due(const struct bl_wheel *wheel) {
    unsigned level;
    unsigned slot;
    int64_t starts_ms;

    if (!list_is_empty(&wheel->due)) {
        return wheel->now_ms;
    }
    return next_slot(wheel, &level, &slot, &starts_ms) ? starts_ms : INT64_MAX;
}

/*
 * A hash map of fixed capacity.
 *
 * From byte strings to a pointer or a number. All memory is taken at the start and the map never
 * grows: a full map is an error that the caller answers. So its memory is known, no insertion is
 * slow, and a caller who invents keys cannot make it larger. Keys are hashed with XXH3 under a seed
 * that differs at each start (the caller draws it), so collisions cannot be prepared either.
 * Open addressing, linear probing, at most 3/4 full; removal moves the following entries back, so
 * there are no tombstones and look-ups do not slow down with age.
 *
 * Keys are borrowed: their bytes must stay where they are, unchanged, while their entry is in the
 * map. Looking up and removing touch no heap. Threads: one at a time; several may look up while
 * nobody changes it.
 */
#ifndef BL_BASE_MAP_H
#define BL_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"

union bl_map_value {
    void *pointer;
    uint64_t number;
};

struct bl_map_slot;

/* Fields are for this type's functions, except `count` and `capacity`, which may be read. */
struct bl_map {
    struct bl_map_slot *slots;
    size_t mask; /* slots - 1; their number is a power of two */
    size_t count;
    size_t capacity;
    uint64_t seed;
    bool on_heap;
};

#define BL_MAP_MAX_CAPACITY ((size_t)1 << 30)

/* An empty map for up to `capacity` entries (0 to BL_MAP_MAX_CAPACITY), 32 bytes per slot, 1.33 to
 * 2.67 slots per entry. Memory comes from `arena`, or from the heap if it is NULL; a map on the heap
 * is ended by bl_map_fini, one in an arena goes with the arena. Fails with RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_map_init(struct bl_map *map, size_t capacity, uint64_t seed,
                                  struct bl_arena *arena);

void bl_map_fini(struct bl_map *map);

/* Removes all entries; the memory stays. */
void bl_map_clear(struct bl_map *map);

/* The value of `key`, to be read or changed in place, or NULL. Valid until the map changes. */
union bl_map_value *bl_map_find(const struct bl_map *map, struct bl_str key);

/* Adds the entry, or gives an existing one this value and this key's bytes. `key` must be present
 * (it may be empty). Fails with RESOURCE_EXHAUSTED when the key is new and the map is full. */
BL_MUST_USE bl_result bl_map_put(struct bl_map *map, struct bl_str key, union bl_map_value value);

/* Removes the entry; false if there is none. `removed` gets its value, unless it is NULL. */
bool bl_map_remove(struct bl_map *map, struct bl_str key, union bl_map_value *removed);

/* Walks over all entries in no particular order: `*cursor` starts at 0; false at the end. The map
 * must not change during a walk, values excepted. `key` and `value` may be NULL. */
bool bl_map_next(const struct bl_map *map, size_t *cursor, struct bl_str *key,
                 union bl_map_value **value);

#endif

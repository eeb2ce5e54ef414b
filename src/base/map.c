#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct bl_map_slot {
    struct bl_str key; /* absent = free */
    uint64_t hash;
    union bl_map_value value;
};

/* At most 3/4 full, and always one free slot, where a probe ends. */
static size_t slots_for(size_t capacity) {
    size_t least = capacity + capacity / 3 + 1;
    size_t slots = 4;

    while (slots < least) {
        slots *= 2;
    }
    return slots;
}

bl_result bl_map_init(struct bl_map *map, size_t capacity, uint64_t seed, struct bl_arena *arena) {
    assert(capacity <= BL_MAP_MAX_CAPACITY);
    size_t slots = slots_for(capacity);

    *map = (struct bl_map){
        .mask = slots - 1, .capacity = capacity, .seed = seed, .on_heap = arena == NULL};
    map->slots = arena == NULL ? calloc(slots, sizeof(*map->slots))
                               : bl_arena_calloc(arena, slots, sizeof(*map->slots));
    return map->slots != NULL ? BL_OK : BL_FAIL(RESOURCE_EXHAUSTED);
}

void bl_map_fini(struct bl_map *map) {
    if (map->on_heap) {
        free(map->slots);
    }
    *map = (struct bl_map){0};
}

void bl_map_clear(struct bl_map *map) {
    memset(map->slots, 0, (map->mask + 1) * sizeof(*map->slots));
    map->count = 0;
}

static uint64_t hash_of(const struct bl_map *map, struct bl_str key) {
    return XXH3_64bits_withSeed(key.data, key.len, map->seed);
}

/* The slot that holds `key`, or the free one where it would go. */
static struct bl_map_slot *probe(const struct bl_map *map, struct bl_str key, uint64_t hash) {
    for (size_t i = hash & map->mask;; i = (i + 1) & map->mask) {
        struct bl_map_slot *slot = &map->slots[i];
        if (slot->key.data == NULL) {
            return slot;
        }
        if (slot->hash == hash && bl_str_equal(slot->key, key)) {
            return slot;
        }
    }
}

union bl_map_value *bl_map_find(const struct bl_map *map, struct bl_str key) {
    if (!bl_str_is_present(key)) {
        return NULL;
    }
    struct bl_map_slot *slot = probe(map, key, hash_of(map, key));

    return slot->key.data != NULL ? &slot->value : NULL;
}

bl_result bl_map_put(struct bl_map *map, struct bl_str key, union bl_map_value value) {
    assert(bl_str_is_present(key));
    uint64_t hash = hash_of(map, key);
    struct bl_map_slot *slot = probe(map, key, hash);

    if (slot->key.data == NULL) {
        if (map->count == map->capacity) {
            return BL_FAIL(RESOURCE_EXHAUSTED);
        }
        map->count++;
    }
    *slot = (struct bl_map_slot){key, hash, value};
    return BL_OK;
}

bool bl_map_remove(struct bl_map *map, struct bl_str key, union bl_map_value *removed) {
    if (!bl_str_is_present(key)) {
        return false;
    }
    struct bl_map_slot *slot = probe(map, key, hash_of(map, key));

    if (slot->key.data == NULL) {
        return false;
    }
    if (removed != NULL) {
        *removed = slot->value;
    }
    map->count--;
    /* Each entry up to the next free slot that may stand in the gap (its own place is not between
     * the gap and where it is now) moves there, and leaves a new gap. */
    size_t gap = (size_t)(slot - map->slots);
    for (size_t i = (gap + 1) & map->mask; map->slots[i].key.data != NULL;
         i = (i + 1) & map->mask) {
        size_t distance = (i - (map->slots[i].hash & map->mask)) & map->mask;
        if (distance >= ((i - gap) & map->mask)) {
            map->slots[gap] = map->slots[i];
            gap = i;
        }
    }
    map->slots[gap].key = BL_STR_ABSENT;
    return true;
}

bool bl_map_next(const struct bl_map *map, size_t *cursor, struct bl_str *key,
                 union bl_map_value **value) {
    while (*cursor <= map->mask) {
        struct bl_map_slot *slot = &map->slots[(*cursor)++];
        if (slot->key.data != NULL) {
            if (key != NULL) {
                *key = slot->key;
            }
            if (value != NULL) {
                *value = &slot->value;
            }
            return true;
        }
    }
    return false;
}

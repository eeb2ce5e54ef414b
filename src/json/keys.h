/* Duplicate keys. Private to this folder. */
#ifndef BL_JSON_KEYS_H
#define BL_JSON_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "json/json.h"

/*
 * Whether the keys of the object at `nodes[object]`, which is closed, are distinct. If not,
 * `*duplicate` is the index of a key that stood before, or 0 when the arena is full. A handful of
 * keys is compared in pairs; more are sorted, so that no choice of keys makes it quadratic.
 */
bool bl_json_keys_distinct(const struct bl_json_node *nodes, uint32_t object,
                           struct bl_arena *arena, uint32_t *duplicate);

#endif

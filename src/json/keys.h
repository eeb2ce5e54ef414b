/* Keys of an object: whether they are distinct, and their order. Private to this folder. */
#ifndef BL_JSON_KEYS_H
#define BL_JSON_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "json/json.h"

/* Two keys of one object that are the same; indexes of nodes, `first` stands before `second`. */
struct bl_json_duplicate {
    uint32_t first;
    uint32_t second;
};

/*
 * Whether the keys of the closed object `nodes[object]` are distinct; if not, INVALID_REQUEST with
 * one pair in `*duplicate`. A few keys are compared in pairs, more are sorted by a fingerprint and
 * then by their bytes: no choice of keys makes it slower than sorting, so there is no secret seed.
 * RESOURCE_EXHAUSTED when `arena` has no room for 16 bytes per key.
 */
BL_MUST_USE bl_result bl_json_keys_distinct(const struct bl_json_node *nodes, uint32_t object,
                                            struct bl_arena *arena,
                                            struct bl_json_duplicate *duplicate);

/* The key nodes of `nodes[object]` in the order of their bytes, `nodes[object].length` of them, in
 * `arena`; NULL when it is full. Heapsort: in place, and never quadratic. */
const uint32_t *bl_json_keys_sorted(const struct bl_json_node *nodes, uint32_t object,
                                    struct bl_arena *arena);

#endif

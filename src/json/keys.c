#include "json/keys.h"

#include <string.h>

#define PAIRS_MAX 16

static bool same(const struct bl_json_node *a, const struct bl_json_node *b) {
    return a->length == b->length && memcmp(a->value.string, b->value.string, a->length) == 0;
}

/* Of two keys, the order by length, bytes, then place. */
static bool is_before(const struct bl_json_node *nodes, uint32_t a, uint32_t b) {
    if (nodes[a].length != nodes[b].length) {
        return nodes[a].length < nodes[b].length;
    }
    int order = memcmp(nodes[a].value.string, nodes[b].value.string, nodes[a].length);
    return order != 0 ? order < 0 : a < b;
}

static void sift_down(const struct bl_json_node *nodes, uint32_t *keys, uint32_t root,
                      uint32_t count) {
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && is_before(nodes, keys[child], keys[child + 1])) {
            child++;
        }
        if (!is_before(nodes, keys[root], keys[child])) {
            return;
        }
        uint32_t swapped = keys[root];
        keys[root] = keys[child];
        keys[child] = swapped;
        root = child;
    }
}

/* Heapsort: in place, and never quadratic. */
static void sort(const struct bl_json_node *nodes, uint32_t *keys, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;) {
        sift_down(nodes, keys, i, count);
    }
    for (uint32_t end = count - 1; end > 0; end--) {
        uint32_t largest = keys[0];
        keys[0] = keys[end];
        keys[end] = largest;
        sift_down(nodes, keys, 0, end);
    }
}

static bool pairs_distinct(const struct bl_json_node *nodes, const uint32_t *keys, uint32_t count,
                           uint32_t *duplicate) {
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (same(&nodes[keys[i]], &nodes[keys[j]])) {
                *duplicate = keys[i];
                return false;
            }
        }
    }
    return true;
}

static bool neighbours_distinct(const struct bl_json_node *nodes, const uint32_t *keys,
                                uint32_t count, uint32_t *duplicate) {
    for (uint32_t i = 1; i < count; i++) {
        if (same(&nodes[keys[i - 1]], &nodes[keys[i]])) {
            *duplicate = keys[i];
            return false;
        }
    }
    return true;
}

bool bl_json_keys_distinct(const struct bl_json_node *nodes, uint32_t object,
                           struct bl_arena *arena, uint32_t *duplicate) {
    uint32_t count = nodes[object].length;
    uint32_t few[PAIRS_MAX];
    uint32_t *keys = few;

    if (count > PAIRS_MAX) {
        keys = bl_arena_alloc(arena, (size_t)count * sizeof(*keys));
        if (keys == NULL) {
            *duplicate = 0;
            return false;
        }
    }
    uint32_t key = object + 1;
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = key;
        key = nodes[key + 1].next;
    }
    if (count <= PAIRS_MAX) {
        return pairs_distinct(nodes, keys, count, duplicate);
    }
    sort(nodes, keys, count);
    return neighbours_distinct(nodes, keys, count, duplicate);
}

#include "json/keys.h"

#include <string.h>

#define PAIRS_MAX 32
#define RADIX_BITS 8
#define RADIX_SIZE (1u << RADIX_BITS)

static struct bl_str text_of(const struct bl_json_node *key) {
    return (struct bl_str){key->value.string, key->length};
}

/* Of two keys, the order by bytes, then by place. */
static bool is_before(const struct bl_json_node *nodes, uint32_t a, uint32_t b) {
    int order = bl_str_compare(text_of(&nodes[a]), text_of(&nodes[b]));
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

static void sort(const struct bl_json_node *nodes, uint32_t *keys, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;) {
        sift_down(nodes, keys, i, count);
    }
    for (uint32_t end = count; end-- > 1;) {
        uint32_t largest = keys[0];
        keys[0] = keys[end];
        keys[end] = largest;
        sift_down(nodes, keys, 0, end);
    }
}

/* At most 8 bytes, the first or the last ones, as a number. */
static uint64_t load_bytes(const char *data, size_t len) {
    uint64_t word = 0;
    uint32_t half[2] = {0, 0};

    if (len >= 8) {
        memcpy(&word, data, 8);
    } else if (len >= 4) {
        memcpy(&half[0], data, 4);
        memcpy(&half[1], data + len - 4, 4);
        word = (uint64_t)half[1] << 32 | half[0];
    } else if (len > 0) {
        word = (uint64_t)(unsigned char)data[0] | (uint64_t)(unsigned char)data[len / 2] << 8 |
               (uint64_t)(unsigned char)data[len - 1] << 16;
    }
    return word;
}

/* Tells most different keys apart without touching all their bytes. Odd 64-bit constants spread
 * the bits; equal keys have equal fingerprints, which is all that correctness needs. */
static uint32_t fingerprint(const struct bl_json_node *key) {
    size_t len = key->length;
    uint64_t head = load_bytes(key->value.string, len);
    uint64_t tail = len > 8 ? load_bytes(key->value.string + len - 8, 8) : len;
    uint64_t mixed = (head ^ len << 56) * UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ mixed >> 32 ^ tail) * UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(mixed >> 32);
}

static bool same(const struct bl_json_node *a, const struct bl_json_node *b) {
    return a->length == b->length && memcmp(a->value.string, b->value.string, a->length) == 0;
}

/* Few keys: each with each before it. */
static bool pairs_distinct(const struct bl_json_node *nodes, uint32_t object,
                           struct bl_json_duplicate *duplicate) {
    uint32_t prints[PAIRS_MAX];
    uint32_t keys[PAIRS_MAX];
    uint32_t key = object + 1;

    for (uint32_t i = 0; i < nodes[object].length; i++) {
        uint32_t print = fingerprint(&nodes[key]);
        for (uint32_t j = 0; j < i; j++) {
            if (prints[j] == print && same(&nodes[keys[j]], &nodes[key])) {
                *duplicate = (struct bl_json_duplicate){keys[j], key};
                return false;
            }
        }
        prints[i] = print;
        keys[i] = key;
        key = nodes[key + 1].next;
    }
    return true;
}

/* One pass of a radix sort: stable, by the digit at `shift`. */
static void sort_by_digit(const uint64_t *from, uint64_t *to, uint32_t count, unsigned shift) {
    uint32_t starts[RADIX_SIZE] = {0};
    uint32_t start = 0;

    for (uint32_t i = 0; i < count; i++) {
        starts[from[i] >> shift & (RADIX_SIZE - 1)]++;
    }
    for (uint32_t digit = 0; digit < RADIX_SIZE; digit++) {
        uint32_t size = starts[digit];
        starts[digit] = start;
        start += size;
    }
    for (uint32_t i = 0; i < count; i++) {
        to[starts[from[i] >> shift & (RADIX_SIZE - 1)]++] = from[i];
    }
}

/* Keys with one fingerprint: chance, a duplicate, or malice. `room` has a slot for each. */
static bool group_distinct(const struct bl_json_node *nodes, const uint64_t *group, uint32_t count,
                           uint32_t *room, struct bl_json_duplicate *duplicate) {
    for (uint32_t i = 0; i < count; i++) {
        room[i] = (uint32_t)group[i];
    }
    sort(nodes, room, count);
    for (uint32_t i = 1; i < count; i++) {
        if (same(&nodes[room[i - 1]], &nodes[room[i]])) {
            *duplicate = (struct bl_json_duplicate){room[i - 1], room[i]};
            return false;
        }
    }
    return true;
}

/* Many keys: fingerprint and node in one number each, sorted. Without duplicates and malice, the
 * groups of one fingerprint are single keys. */
static bool sorted_distinct(const struct bl_json_node *nodes, uint32_t object, uint64_t *entries,
                            uint64_t *room, struct bl_json_duplicate *duplicate) {
    uint32_t count = nodes[object].length;
    uint32_t key = object + 1;

    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (uint64_t)fingerprint(&nodes[key]) << 32 | key;
        key = nodes[key + 1].next;
    }
    for (unsigned shift = 32; shift < 64; shift += 2 * RADIX_BITS) {
        sort_by_digit(entries, room, count, shift);
        sort_by_digit(room, entries, count, shift + RADIX_BITS);
    }
    for (uint32_t i = 0; i < count;) {
        uint32_t end = i + 1;
        while (end < count && entries[end] >> 32 == entries[i] >> 32) {
            end++;
        }
        if (end - i > 1 &&
            !group_distinct(nodes, entries + i, end - i, (uint32_t *)room, duplicate)) {
            return false;
        }
        i = end;
    }
    return true;
}

bl_result bl_json_keys_distinct(const struct bl_json_node *nodes, uint32_t object,
                                struct bl_arena *arena, struct bl_json_duplicate *duplicate) {
    uint32_t count = nodes[object].length;
    bool distinct;

    if (count <= PAIRS_MAX) {
        distinct = pairs_distinct(nodes, object, duplicate);
    } else {
        uint64_t *room = bl_arena_alloc(arena, (size_t)count * 2 * sizeof(*room));
        if (room == NULL) {
            return BL_FAIL(RESOURCE_EXHAUSTED);
        }
        distinct = sorted_distinct(nodes, object, room, room + count, duplicate);
    }
    return distinct ? BL_OK : BL_FAIL(INVALID_REQUEST);
}

const uint32_t *bl_json_keys_sorted(const struct bl_json_node *nodes, uint32_t object,
                                    struct bl_arena *arena) {
    uint32_t count = nodes[object].length;
    uint32_t *keys = bl_arena_alloc(arena, (size_t)count * sizeof(*keys));
    uint32_t key = object + 1;

    if (keys == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = key;
        key = nodes[key + 1].next;
    }
    sort(nodes, keys, count);
    return keys;
}

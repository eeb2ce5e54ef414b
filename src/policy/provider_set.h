/* Sets of providers of one policy, as bits. Values, copied freely. */
#ifndef BL_POLICY_PROVIDER_SET_H
#define BL_POLICY_PROVIDER_SET_H

#include <stdbool.h>
#include <stdint.h>

#define BL_POLICY_MAX_PROVIDERS 128

struct bl_provider_set {
    uint64_t bits[BL_POLICY_MAX_PROVIDERS / 64];
};

#define BL_PROVIDER_SET_EMPTY ((struct bl_provider_set){{0, 0}})

static inline void bl_provider_set_add(struct bl_provider_set *set, int provider) {
    set->bits[provider >> 6] |= UINT64_C(1) << (provider & 63);
}

static inline void bl_provider_set_remove(struct bl_provider_set *set, int provider) {
    set->bits[provider >> 6] &= ~(UINT64_C(1) << (provider & 63));
}

static inline bool bl_provider_set_has(const struct bl_provider_set *set, int provider) {
    return ((set->bits[provider >> 6] >> (provider & 63)) & 1) != 0;
}

static inline bool bl_provider_set_is_empty(const struct bl_provider_set *set) {
    return (set->bits[0] | set->bits[1]) == 0;
}

static inline int bl_provider_set_count(const struct bl_provider_set *set) {
    return __builtin_popcountll(set->bits[0]) + __builtin_popcountll(set->bits[1]);
}

static inline struct bl_provider_set bl_provider_set_and(struct bl_provider_set a,
                                                         struct bl_provider_set b) {
    return (struct bl_provider_set){{a.bits[0] & b.bits[0], a.bits[1] & b.bits[1]}};
}

static inline struct bl_provider_set bl_provider_set_and_not(struct bl_provider_set a,
                                                             struct bl_provider_set b) {
    return (struct bl_provider_set){{a.bits[0] & ~b.bits[0], a.bits[1] & ~b.bits[1]}};
}

static inline struct bl_provider_set bl_provider_set_or(struct bl_provider_set a,
                                                        struct bl_provider_set b) {
    return (struct bl_provider_set){{a.bits[0] | b.bits[0], a.bits[1] | b.bits[1]}};
}

/* The smallest member ≥ `from`, or -1: for (int p = -1; (p = next(&set, p + 1)) >= 0;) */
static inline int bl_provider_set_next(const struct bl_provider_set *set, int from) {
    for (int word = from >> 6; word < BL_POLICY_MAX_PROVIDERS / 64; word++) {
        uint64_t bits = set->bits[word];
        if (word == from >> 6) {
            bits &= ~UINT64_C(0) << (from & 63);
        }
        if (bits != 0) {
            return word * 64 + __builtin_ctzll(bits);
        }
    }
    return -1;
}

#endif

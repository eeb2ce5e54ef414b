/*
 * Numbers from a seed.
 *
 * A generator whose whole state is in the struct: the same seed gives the same numbers on every
 * machine, so whatever draws from it can be replayed. xoshiro256** (D. Blackman, S. Vigna,
 * "Scrambled linear pseudorandom number generators", 2021), its state filled by splitmix64
 * (G. Steele, D. Lea, C. Flood, 2014) as its authors recommend. Neither is for secrets: who sees
 * outputs can predict the next. Keyed draws come from base/siphash.h.
 *
 * Threads: a generator belongs to one thread at a time.
 */
#ifndef BL_BASE_SEED_H
#define BL_BASE_SEED_H

#include <assert.h>
#include <stdint.h>

struct bl_seed {
    uint64_t state[4];
};

/* The next output of splitmix64; `*state` may start at any value. */
static inline uint64_t bl_splitmix64(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* 53 high bits of `bits` as a double in [0, 1): multiples of 2^-53, all equally likely. */
static inline double bl_unit_from_bits(uint64_t bits) {
    return (double)(bits >> 11) * 0x1p-53;
}

static inline void bl_seed_init(struct bl_seed *seed, uint64_t value) {
    for (int i = 0; i < 4; i++) {
        seed->state[i] = bl_splitmix64(&value);
    }
}

/* The next 64 bits. */
static inline uint64_t bl_seed_next(struct bl_seed *seed) {
    uint64_t *s = seed->state;
    uint64_t five = s[1] * 5;
    uint64_t result = (five << 7 | five >> 57) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

/* A double in [0, 1). */
static inline double bl_seed_unit(struct bl_seed *seed) {
    return bl_unit_from_bits(bl_seed_next(seed));
}

/* An integer in [0, `bound`), `bound` > 0, without bias (D. Lemire, "Fast random integer
 * generation in an interval", 2019). */
static inline uint64_t bl_seed_below(struct bl_seed *seed, uint64_t bound) {
    assert(bound > 0);
    unsigned __int128 product = (unsigned __int128)bl_seed_next(seed) * bound;

    if ((uint64_t)product < bound) {
        uint64_t threshold = (UINT64_C(0) - bound) % bound;
        while ((uint64_t)product < threshold) {
            product = (unsigned __int128)bl_seed_next(seed) * bound;
        }
    }
    return (uint64_t)(product >> 64);
}

#endif

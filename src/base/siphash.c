#include "base/siphash.h"

#include <string.h>

static uint64_t rotate_left(uint64_t x, unsigned bits) {
    return x << bits | x >> (64 - bits);
}

/* Eight bytes, little-endian on every machine. */
static uint64_t load_le64(const uint8_t *bytes) {
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The four words of the state, passed by value so that they stay in registers. */
struct lanes {
    uint64_t a, b, c, d;
};

static inline struct lanes rounds(struct lanes v, int count) {
    for (int i = 0; i < count; i++) {
        v.a += v.b;
        v.c += v.d;
        v.b = rotate_left(v.b, 13) ^ v.a;
        v.d = rotate_left(v.d, 16) ^ v.c;
        v.a = rotate_left(v.a, 32);
        v.c += v.b;
        v.a += v.d;
        v.b = rotate_left(v.b, 17) ^ v.c;
        v.d = rotate_left(v.d, 21) ^ v.a;
        v.c = rotate_left(v.c, 32);
    }
    return v;
}

static inline struct lanes compress(struct lanes v, uint64_t word) {
    v.d ^= word;
    v = rounds(v, 2);
    v.a ^= word;
    return v;
}

static inline struct lanes start(const uint8_t key[BL_SIPHASH_KEY_BYTES]) {
    uint64_t k0 = load_le64(key);
    uint64_t k1 = load_le64(key + 8);

    return (struct lanes){k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                          k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
}

static inline uint64_t folded(struct lanes v) {
    return v.a ^ v.b ^ v.c ^ v.d;
}

/* The digest of 64 bits; `last` holds the bytes that are left and the length. */
static inline uint64_t finish64(struct lanes v, uint64_t last) {
    v = compress(v, last);
    v.c ^= 0xff;
    return folded(rounds(v, 4));
}

static inline void finish128(struct lanes v, uint64_t last, uint64_t out[2]) {
    v = compress(v, last);
    v.c ^= 0xee;
    v = rounds(v, 4);
    out[0] = folded(v);
    v.b ^= 0xdd;
    out[1] = folded(rounds(v, 4));
}

/* All whole words of an input; `*last` gets the bytes that are left and the length. */
static inline struct lanes absorb(struct lanes v, const uint8_t *bytes, size_t len,
                                  uint64_t *last) {
    const uint8_t *end = bytes + (len & ~(size_t)7);
    uint64_t tail = 0;

    for (; bytes != end; bytes += 8) {
        v = compress(v, load_le64(bytes));
    }
    for (size_t i = 0; i < (len & 7); i++) {
        tail |= (uint64_t)end[i] << (8 * i);
    }
    *last = tail | (uint64_t)len << 56;
    return v;
}

uint64_t bl_siphash64(const uint8_t key[BL_SIPHASH_KEY_BYTES], const void *data, size_t len) {
    uint64_t last;
    struct lanes v = absorb(start(key), data, len, &last);

    return finish64(v, last);
}

void bl_siphash128(const uint8_t key[BL_SIPHASH_KEY_BYTES], const void *data, size_t len,
                   uint64_t out[2]) {
    uint64_t last;
    struct lanes v = start(key);

    v.b ^= 0xee;
    v = absorb(v, data, len, &last);
    finish128(v, last, out);
}

static void save(struct bl_siphash *state, struct lanes v) {
    state->v[0] = v.a;
    state->v[1] = v.b;
    state->v[2] = v.c;
    state->v[3] = v.d;
}

static struct lanes saved(const struct bl_siphash *state) {
    return (struct lanes){state->v[0], state->v[1], state->v[2], state->v[3]};
}

void bl_siphash_begin(struct bl_siphash *state, const uint8_t key[BL_SIPHASH_KEY_BYTES]) {
    *state = (struct bl_siphash){.tail = 0};
    save(state, start(key));
}

void bl_siphash_begin128(struct bl_siphash *state, const uint8_t key[BL_SIPHASH_KEY_BYTES]) {
    bl_siphash_begin(state, key);
    state->v[1] ^= 0xee;
}

void bl_siphash_add(struct bl_siphash *state, const void *data, size_t len) {
    const uint8_t *bytes = data;
    struct lanes v = saved(state);
    unsigned filled = 8u * state->tail_len; /* bits */

    state->len += len;
    for (; len >= 8; len -= 8, bytes += 8) {
        uint64_t word = load_le64(bytes);
        v = compress(v, state->tail | word << filled);
        state->tail = filled == 0 ? 0 : word >> (64 - filled);
    }
    for (; len > 0; len--) {
        state->tail |= (uint64_t)*bytes++ << filled;
        filled += 8;
        if (filled == 64) {
            v = compress(v, state->tail);
            state->tail = 0;
            filled = 0;
        }
    }
    state->tail_len = (uint8_t)(filled / 8);
    save(state, v);
}

void bl_siphash_add_piece(struct bl_siphash *state, const void *data, size_t len) {
    uint64_t prefix = len;
    const uint64_t little_endian = load_le64((const uint8_t *)&prefix);

    bl_siphash_add(state, &little_endian, sizeof(little_endian));
    bl_siphash_add(state, data, len);
}

uint64_t bl_siphash_end(struct bl_siphash *state) {
    return finish64(saved(state), state->tail | state->len << 56);
}

void bl_siphash_end128(struct bl_siphash *state, uint64_t out[2]) {
    finish128(saved(state), state->tail | state->len << 56, out);
}

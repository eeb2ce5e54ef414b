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

static void rounds(uint64_t v[4], int count) {
    for (int i = 0; i < count; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate_left(v[1], 13) ^ v[0];
        v[3] = rotate_left(v[3], 16) ^ v[2];
        v[0] = rotate_left(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate_left(v[1], 17) ^ v[2];
        v[3] = rotate_left(v[3], 21) ^ v[0];
        v[2] = rotate_left(v[2], 32);
    }
}

static void compress(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

void bl_siphash_begin(struct bl_siphash *state, const uint8_t key[BL_SIPHASH_KEY_BYTES]) {
    uint64_t k0 = load_le64(key);
    uint64_t k1 = load_le64(key + 8);

    *state = (struct bl_siphash){
        .v = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
              k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)}};
}

void bl_siphash_begin128(struct bl_siphash *state, const uint8_t key[BL_SIPHASH_KEY_BYTES]) {
    bl_siphash_begin(state, key);
    state->v[1] ^= 0xee;
}

void bl_siphash_add(struct bl_siphash *state, const void *data, size_t len) {
    const uint8_t *bytes = data;

    state->len += len;
    while (len > 0 && state->tail_len != 0) {
        state->tail |= (uint64_t)*bytes++ << (8 * state->tail_len);
        len--;
        state->tail_len = (state->tail_len + 1) & 7;
        if (state->tail_len == 0) {
            compress(state->v, state->tail);
            state->tail = 0;
        }
    }
    for (; len >= 8; len -= 8, bytes += 8) {
        compress(state->v, load_le64(bytes));
    }
    for (; len > 0; len--) {
        state->tail |= (uint64_t)*bytes++ << (8 * state->tail_len++);
    }
}

void bl_siphash_add_piece(struct bl_siphash *state, const void *data, size_t len) {
    uint64_t prefix = len;
    const uint64_t little_endian = load_le64((const uint8_t *)&prefix);

    bl_siphash_add(state, &little_endian, sizeof(little_endian));
    bl_siphash_add(state, data, len);
}

static uint64_t folded(const uint64_t v[4]) {
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t bl_siphash_end(struct bl_siphash *state) {
    compress(state->v, state->tail | state->len << 56);
    state->v[2] ^= 0xff;
    rounds(state->v, 4);
    return folded(state->v);
}

void bl_siphash_end128(struct bl_siphash *state, uint64_t out[2]) {
    compress(state->v, state->tail | state->len << 56);
    state->v[2] ^= 0xee;
    rounds(state->v, 4);
    out[0] = folded(state->v);
    state->v[1] ^= 0xdd;
    rounds(state->v, 4);
    out[1] = folded(state->v);
}

uint64_t bl_siphash64(const uint8_t key[BL_SIPHASH_KEY_BYTES], const void *data, size_t len) {
    struct bl_siphash state;

    bl_siphash_begin(&state, key);
    bl_siphash_add(&state, data, len);
    return bl_siphash_end(&state);
}

void bl_siphash128(const uint8_t key[BL_SIPHASH_KEY_BYTES], const void *data, size_t len,
                   uint64_t out[2]) {
    struct bl_siphash state;

    bl_siphash_begin128(&state, key);
    bl_siphash_add(&state, data, len);
    bl_siphash_end128(&state, out);
}

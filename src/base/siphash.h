/*
 * SipHash-2-4: a keyed hash for short inputs.
 *
 * Seeds of draws, digests of sessions and signatures of decision ids: whoever does not have the
 * key can neither predict nor forge them. Own implementation because it runs several times per
 * decision: 20 ns for 16 bytes, where OpenSSL's EVP_MAC takes 110 ns and allocates for its context
 * (docs/decisions/0001-siphash-own.md).
 * Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012; the 128-bit
 * variant is the authors' reference. Pure functions.
 */
#ifndef BL_BASE_SIPHASH_H
#define BL_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define BL_SIPHASH_KEY_BYTES 16

/* Of one input. */
uint64_t bl_siphash64(const uint8_t key[BL_SIPHASH_KEY_BYTES], const void *data, size_t len);

/* out[0] holds the first 8 bytes of the digest, little-endian, out[1] the last 8. */
void bl_siphash128(const uint8_t key[BL_SIPHASH_KEY_BYTES], const void *data, size_t len,
                   uint64_t out[2]);

/* The same over several pieces, as if they were one: begin, add …, then one of the ends. */
struct bl_siphash {
    uint64_t v[4];
    uint64_t tail; /* bytes not yet compressed, little-endian */
    uint64_t len;
    uint8_t tail_len; /* 0..7 */
};

void bl_siphash_begin(struct bl_siphash *state, const uint8_t key[BL_SIPHASH_KEY_BYTES]);
void bl_siphash_begin128(struct bl_siphash *state, const uint8_t key[BL_SIPHASH_KEY_BYTES]);
void bl_siphash_add(struct bl_siphash *state, const void *data, size_t len);
/* A length-prefixed piece, so that ("ab", "c") and ("a", "bc") differ. */
void bl_siphash_add_piece(struct bl_siphash *state, const void *data, size_t len);
uint64_t bl_siphash_end(struct bl_siphash *state);
void bl_siphash_end128(struct bl_siphash *state, uint64_t out[2]);

#endif

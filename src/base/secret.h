/*
 * Secrets: bytes that must not be left lying about.
 *
 * Keys, tokens and passwords live in this type from the moment they are read. It owns its bytes,
 * wipes them before they go back to the heap, and compares in constant time. No function formats
 * one, so that no log line or error message can hold one by accident: whoever needs the bytes says
 * so with bl_secret_bytes. Not thread-safe while changing; any thread may read an unchanging one.
 */
#ifndef BL_BASE_SECRET_H
#define BL_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"
#include "base/str.h"

#define BL_SECRET_MAX_BYTES ((size_t)65536)

/* The fields are for this type's functions only. Not to be copied by assignment. */
struct bl_secret {
    unsigned char *owned; /* NULL = no secret */
    size_t len;
};

#define BL_SECRET_NONE ((struct bl_secret){NULL, 0})

/* Copies `bytes` into memory of its own. An absent view gives no secret. The caller wipes its own
 * copy (bl_wipe). Ended by bl_secret_fini. Fails with RESOURCE_EXHAUSTED when there is no memory or
 * the secret is larger than BL_SECRET_MAX_BYTES; `secret` is then none. */
BL_MUST_USE bl_result bl_secret_init(struct bl_secret *secret, struct bl_str bytes);

/* Wipes and frees. The secret is then none; ending it twice is harmless. */
void bl_secret_fini(struct bl_secret *secret);

/* Moves `from`'s bytes to `into`, which must be none; `from` is then none. */
void bl_secret_move(struct bl_secret *into, struct bl_secret *from);

static inline bool bl_secret_is_present(const struct bl_secret *secret) {
    return secret->owned != NULL;
}

/* Whether both are present and equal. The time depends on the lengths alone. */
bool bl_secret_equal(const struct bl_secret *secret, struct bl_str candidate);

/* The bytes, for the library that needs them; absent for no secret. Live until `secret` ends. Must
 * not be logged, formatted or copied into memory that is not wiped. */
struct bl_str bl_secret_bytes(const struct bl_secret *secret);

/* Overwrites `size` bytes with zeros in a way that the compiler may not leave out. */
void bl_wipe(void *memory, size_t size);

#endif

#include "base/secret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

bl_result bl_secret_init(struct bl_secret *secret, struct bl_str bytes) {
    *secret = BL_SECRET_NONE;
    if (!bl_str_is_present(bytes)) {
        return BL_OK;
    }
    if (bytes.len > BL_SECRET_MAX_BYTES) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    unsigned char *owned = malloc(bytes.len + 1);
    if (owned == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    memcpy(owned, bytes.data, bytes.len);
    owned[bytes.len] = '\0'; /* some libraries read keys as C strings */
    *secret = (struct bl_secret){owned, bytes.len};
    return BL_OK;
}

void bl_secret_fini(struct bl_secret *secret) {
    if (secret->owned != NULL) {
        bl_wipe(secret->owned, secret->len);
        free(secret->owned);
    }
    *secret = BL_SECRET_NONE;
}

void bl_secret_move(struct bl_secret *into, struct bl_secret *from) {
    assert(into->owned == NULL);
    *into = *from;
    *from = BL_SECRET_NONE;
}

bool bl_secret_equal(const struct bl_secret *secret, struct bl_str candidate) {
    if (secret->owned == NULL || !bl_str_is_present(candidate) || candidate.len != secret->len) {
        return false;
    }
    return CRYPTO_memcmp(secret->owned, candidate.data, secret->len) == 0;
}

struct bl_str bl_secret_bytes(const struct bl_secret *secret) {
    return (struct bl_str){(const char *)secret->owned, secret->len};
}

void bl_wipe(void *memory, size_t size) {
    OPENSSL_cleanse(memory, size);
}

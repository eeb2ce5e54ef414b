#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/seed.h"
#include "base/siphash.h"

/* The vectors of the authors' reference: key 00 01 … 0f, input 00 01 … (n-1), for n = 0 to 63.
 * The first, the last and one in the paper's appendix, as 64-bit little-endian numbers; all others
 * are compared with OpenSSL. */
static void test_reference_vectors(void **state) {
    (void)state;
    uint8_t key[BL_SIPHASH_KEY_BYTES];
    uint8_t input[64];
    uint64_t out[2];
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)i;
    }
    assert_true(bl_siphash64(key, input, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(bl_siphash64(key, input, 15) == UINT64_C(0xa129ca6149be45e5));
    assert_true(bl_siphash64(key, input, 63) == UINT64_C(0x958a324ceb064572));
    bl_siphash128(key, input, 0, out);
    assert_true(out[0] == UINT64_C(0xe6a825ba047f81a3));
    assert_true(out[1] == UINT64_C(0x930255c71472f66d));
    bl_siphash128(key, input, 63, out);
    assert_true(out[0] == UINT64_C(0x4a83502f77d15051));
    assert_true(out[1] == UINT64_C(0x7cbd3f979a063e50));
}

/* What OpenSSL makes of it, `size` bytes. */
static void openssl_siphash(const uint8_t *key, const uint8_t *input, size_t len, uint8_t *out,
                            size_t size) {
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                               OSSL_PARAM_construct_end()};
    size_t written = 0;
    assert_non_null(context);
    assert_int_equal(EVP_MAC_init(context, key, BL_SIPHASH_KEY_BYTES, parameters), 1);
    assert_int_equal(EVP_MAC_update(context, input, len), 1);
    assert_int_equal(EVP_MAC_final(context, out, &written, size), 1);
    assert_int_equal(written, size);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

static uint64_t little_endian(const uint8_t *bytes) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) {
        word = word << 8 | bytes[i];
    }
    return word;
}

static void assert_as_openssl(const uint8_t *key, const uint8_t *input, size_t len) {
    uint8_t expected[16];
    uint64_t out[2];
    openssl_siphash(key, input, len, expected, 8);
    assert_true(bl_siphash64(key, input, len) == little_endian(expected));
    openssl_siphash(key, input, len, expected, 16);
    bl_siphash128(key, input, len, out);
    assert_true(out[0] == little_endian(expected));
    assert_true(out[1] == little_endian(expected + 8));
}

static void test_all_lengths_as_openssl(void **state) {
    (void)state;
    uint8_t key[BL_SIPHASH_KEY_BYTES];
    uint8_t input[300];
    struct bl_seed seed;
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)i;
    }
    for (size_t len = 0; len <= sizeof(input); len++) {
        assert_as_openssl(key, input, len);
    }
    bl_seed_init(&seed, 31);
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(key); i++) {
            key[i] = (uint8_t)bl_seed_next(&seed);
        }
        for (size_t i = 0; i < 64; i++) {
            input[i] = (uint8_t)bl_seed_next(&seed);
        }
        assert_as_openssl(key, input, (size_t)bl_seed_below(&seed, 65));
    }
}

/* However an input is cut into pieces, the hash is that of the whole. */
static void test_pieces(void **state) {
    (void)state;
    static const uint8_t key[BL_SIPHASH_KEY_BYTES] = "0123456789abcde";
    uint8_t input[40];
    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)(i * 7);
    }
    for (size_t first = 0; first <= sizeof(input); first++) {
        for (size_t second = first; second <= sizeof(input); second++) {
            struct bl_siphash parts;
            uint64_t whole[2];
            uint64_t out[2];
            bl_siphash_begin(&parts, key);
            bl_siphash_add(&parts, input, first);
            bl_siphash_add(&parts, input + first, second - first);
            bl_siphash_add(&parts, input + second, sizeof(input) - second);
            assert_true(bl_siphash_end(&parts) == bl_siphash64(key, input, sizeof(input)));
            bl_siphash_begin128(&parts, key);
            bl_siphash_add(&parts, input, first);
            bl_siphash_add(&parts, input + first, second - first);
            bl_siphash_add(&parts, input + second, sizeof(input) - second);
            bl_siphash_end128(&parts, out);
            bl_siphash128(key, input, sizeof(input), whole);
            assert_true(out[0] == whole[0] && out[1] == whole[1]);
        }
    }
}

static uint64_t hash_of_two(const char *first, const char *second) {
    static const uint8_t key[BL_SIPHASH_KEY_BYTES] = {1};
    struct bl_siphash state;
    bl_siphash_begin(&state, key);
    bl_siphash_add_piece(&state, first, strlen(first));
    bl_siphash_add_piece(&state, second, strlen(second));
    return bl_siphash_end(&state);
}

static void test_prefixed_pieces_keep_their_boundary(void **state) {
    (void)state;
    assert_true(hash_of_two("ab", "c") != hash_of_two("a", "bc"));
    assert_true(hash_of_two("", "abc") != hash_of_two("abc", ""));
    /* The prefix is the length, 8 bytes, little-endian: the same on every machine. */
    static const uint8_t key[BL_SIPHASH_KEY_BYTES] = {1};
    static const char spelled[] = "\2\0\0\0\0\0\0\0ab\1\0\0\0\0\0\0\0c";
    assert_true(hash_of_two("ab", "c") == bl_siphash64(key, spelled, sizeof(spelled) - 1));
}

static void test_key_matters(void **state) {
    (void)state;
    uint8_t key[BL_SIPHASH_KEY_BYTES] = {0};
    uint64_t plain = bl_siphash64(key, "x", 1);
    for (size_t bit = 0; bit < 128; bit++) {
        key[bit / 8] = (uint8_t)(1u << bit % 8);
        assert_true(bl_siphash64(key, "x", 1) != plain);
        key[bit / 8] = 0;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_vectors),
        cmocka_unit_test(test_all_lengths_as_openssl),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_prefixed_pieces_keep_their_boundary),
        cmocka_unit_test(test_key_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/seed.h"
#include "base/text.h"

/* UTF-8 of a code point without any check; returns its length. */
static size_t encode(uint32_t point, char out[4]) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (char)(lead[len] | point);
    return len;
}

static void test_every_code_point(void **state) {
    (void)state;
    char text[4];
    for (uint32_t point = 0; point < 0x120000; point++) {
        bool valid = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        size_t len = encode(point, text);
        assert_int_equal(bl_utf8_char_len(text, len), valid ? len : 0);
        assert_true(bl_utf8_valid((struct bl_str){text, len}) == valid);
        /* Never reads past the end, never takes a part. */
        for (size_t part = 1; part < len; part++) {
            assert_int_equal(bl_utf8_char_len(text, part), 0);
        }
    }
}

/* All pairs and triples of bytes against a table of the grammar of RFC 3629. */
static bool is_valid_reference(const unsigned char *c, size_t len) {
    static const struct {
        unsigned char low[4];
        unsigned char high[4];
        size_t len;
    } forms[] = {
        {{0x00}, {0x7F}, 1},
        {{0xC2, 0x80}, {0xDF, 0xBF}, 2},
        {{0xE0, 0xA0, 0x80}, {0xE0, 0xBF, 0xBF}, 3},
        {{0xE1, 0x80, 0x80}, {0xEC, 0xBF, 0xBF}, 3},
        {{0xED, 0x80, 0x80}, {0xED, 0x9F, 0xBF}, 3},
        {{0xEE, 0x80, 0x80}, {0xEF, 0xBF, 0xBF}, 3},
        {{0xF0, 0x90, 0x80, 0x80}, {0xF0, 0xBF, 0xBF, 0xBF}, 4},
        {{0xF1, 0x80, 0x80, 0x80}, {0xF3, 0xBF, 0xBF, 0xBF}, 4},
        {{0xF4, 0x80, 0x80, 0x80}, {0xF4, 0x8F, 0xBF, 0xBF}, 4},
    };
    if (len == 0) {
        return true;
    }
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        bool matches = forms[f].len <= len;
        for (size_t i = 0; matches && i < forms[f].len; i++) {
            matches = c[i] >= forms[f].low[i] && c[i] <= forms[f].high[i];
        }
        if (matches) {
            return is_valid_reference(c + forms[f].len, len - forms[f].len);
        }
    }
    return false;
}

static void test_against_the_grammar(void **state) {
    (void)state;
    struct bl_seed seed;
    static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                          0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
                                          0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF, 'a',  'b'};
    size_t accepted = 0;
    bl_seed_init(&seed, 21);
    for (int i = 0; i < 2000000; i++) {
        unsigned char bytes[20];
        size_t len = (size_t)bl_seed_below(&seed, 5);
        size_t before = (size_t)bl_seed_below(&seed, 2) * (size_t)bl_seed_below(&seed, 16);
        memset(bytes, 'x', before); /* across the words of the fast path */
        for (size_t b = before; b < before + len; b++) {
            bytes[b] = edges[bl_seed_below(&seed, sizeof(edges))];
        }
        bool expected = is_valid_reference(bytes, before + len);
        assert_true(bl_utf8_valid((struct bl_str){(char *)bytes, before + len}) == expected);
        accepted += expected ? 1 : 0;
    }
    assert_in_range(accepted, 100000, 1900000);
    assert_true(bl_utf8_valid(BL_STR_ABSENT));
}

static void test_cut(void **state) {
    (void)state;
    struct bl_str text = BL_STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++) {
        struct bl_str kept = bl_utf8_cut(text, max);
        assert_int_equal(kept.len, expected[max]);
        assert_ptr_equal(kept.data, text.data);
    }
    /* A text whose last character is not whole loses it even if all of it fits. */
    assert_int_equal(bl_utf8_cut((struct bl_str){text.data, 9}, 100).len, 6);
    assert_int_equal(bl_utf8_cut(BL_STR("\x80\x80"), 2).len, 0);
    assert_int_equal(bl_utf8_cut(BL_STR(""), 0).len, 0);
}

static void test_hex(void **state) {
    (void)state;
    unsigned char bytes[256];
    unsigned char back[256];
    char storage[512];
    struct bl_buf buf;
    for (size_t i = 0; i < 256; i++) {
        bytes[i] = (unsigned char)i;
    }
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_hex_write(&buf, bytes, 256);
    assert_false(buf.overflowed);
    assert_memory_equal(storage + 2 * 0xab, "ab", 2);
    assert_true(bl_hex_read(bl_buf_view(&buf), back, 256));
    assert_memory_equal(back, bytes, 256);
    assert_true(bl_hex_read(BL_STR("DEADbeef"), back, 4));
    assert_memory_equal(back, "\xde\xad\xbe\xef", 4);
    assert_false(bl_hex_read(BL_STR("DEADbee"), back, 4));
    assert_false(bl_hex_read(BL_STR("DEADbeef0"), back, 4));
    assert_true(bl_hex_read(BL_STR(""), back, 0));
    /* Each byte but the 22 digits is refused, at both places. */
    for (int c = 0; c < 256; c++) {
        char pair[2] = {'0', (char)c};
        char turned[2] = {(char)c, '0'};
        bool digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        assert_true(bl_hex_read((struct bl_str){pair, 2}, back, 1) == digit);
        assert_true(bl_hex_read((struct bl_str){turned, 2}, back, 1) == digit);
    }
}

static void test_base64url_vectors(void **state) {
    (void)state;
    /* RFC 4648 §10, without padding, and the two characters that differ from base64. */
    static const struct {
        struct bl_str bytes;
        const char *text;
    } cases[] = {
        {BL_STR(""), ""},
        {BL_STR("f"), "Zg"},
        {BL_STR("fo"), "Zm8"},
        {BL_STR("foo"), "Zm9v"},
        {BL_STR("foob"), "Zm9vYg"},
        {BL_STR("fooba"), "Zm9vYmE"},
        {BL_STR("foobar"), "Zm9vYmFy"},
        {BL_STR("\xfb\xff\xfe"), "-__-"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char storage[16];
        unsigned char back[16];
        size_t len = 99;
        struct bl_buf buf;
        bl_buf_init(&buf, storage, sizeof(storage));
        bl_base64url_write(&buf, cases[i].bytes.data, cases[i].bytes.len);
        assert_true(bl_str_equal_c(bl_buf_view(&buf), cases[i].text));
        /* Room for exactly the bytes is enough; one less is not. */
        assert_true(
            bl_base64url_read(bl_str_from_c(cases[i].text), back, cases[i].bytes.len, &len));
        assert_int_equal(len, cases[i].bytes.len);
        assert_memory_equal(back, cases[i].bytes.data, len);
        if (len > 0) {
            assert_false(bl_base64url_read(bl_str_from_c(cases[i].text), back, len - 1, &len));
        }
    }
}

static void test_base64url_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"Z",    "Zm9vY", "Zg==", "Zm8=",  "Zh",      "Zm9",
                                        "+/8A", "Zm 9",  "Zm\n", "Zm9v.", "\xc3\xa4"};
    unsigned char bytes[16];
    size_t len;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (bl_base64url_read(bl_str_from_c(texts[i]), bytes, sizeof(bytes), &len)) {
            fail_msg("'%s' was accepted", texts[i]);
        }
    }
}

static void test_base64url_round_trip(void **state) {
    (void)state;
    struct bl_seed seed;
    bl_seed_init(&seed, 22);
    for (size_t n = 0; n < 200; n++) {
        unsigned char bytes[200];
        unsigned char back[200];
        char storage[300];
        size_t len;
        struct bl_buf buf;
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (unsigned char)bl_seed_next(&seed);
        }
        bl_buf_init(&buf, storage, sizeof(storage));
        bl_base64url_write(&buf, bytes, n);
        assert_int_equal(buf.len, (n * 4 + 2) / 3);
        assert_true(bl_base64url_read(bl_buf_view(&buf), back, sizeof(back), &len));
        assert_int_equal(len, n);
        assert_true(n == 0 || memcmp(back, bytes, n) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_against_the_grammar),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64url_vectors),
        cmocka_unit_test(test_base64url_refused),
        cmocka_unit_test(test_base64url_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

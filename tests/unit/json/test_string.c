#include "unit/json/json_fixture.h"

#include "json/plain.h"
#include "json/string.h"

/* Each byte at each place of a block: what is plain is skipped, and nothing else. */
static void test_plain_is_told_byte_by_byte(void **state) {
    (void)state;
    for (size_t len = 1; len <= 17; len++) {
        char *text = malloc(len);
        assert_non_null(text);
        for (size_t place = 0; place < len; place++) {
            for (int byte = 0; byte < 256; byte++) {
                bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
                memset(text, 'x', len);
                text[place] = (char)byte;
                assert_int_equal(bl_json_is_plain((char)byte), plain);
                assert_int_equal(bl_json_skip_plain(text, text + len) - text, plain ? len : place);
            }
        }
        free(text);
    }
}

static struct bl_str read(struct bl_arena *arena, const char *text, size_t len) {
    struct bl_json_decoding decoding = {arena, NULL};
    struct bl_str value;
    const char *problem = NULL;
    const char *at = text;

    assert_true(bl_is_ok(bl_json_string_read(&at, text + len, &decoding, &value, &problem)));
    assert_ptr_equal(at, text + len);
    return value;
}

static void test_views_and_copies(void **state) {
    static const char plain[] = "\"plain \xC3\xA9\"";
    static const char escaped[] = "\"a\\tb\"";
    struct bl_arena arena;
    (void)state;
    bl_arena_init(&arena, 256, 4096);
    assert_ptr_equal(read(&arena, plain, sizeof(plain) - 1).data, plain + 1);
    assert_int_equal(arena.used_bytes, 0);
    struct bl_str value = read(&arena, escaped, sizeof(escaped) - 1);
    assert_str(value, BL_STR("a\tb"));
    assert_true(value.data < escaped || value.data > escaped + sizeof(escaped));
    bl_arena_fini(&arena);
}

/* An escape at each place of strings of each length, with what is before and behind it. */
static void test_escape_at_each_place(void **state) {
    static const struct {
        const char *source;
        const char *value;
    } escapes[] = {{"\\n", "\n"},
                   {"\\\"", "\""},
                   {"\\u20ac", "\xE2\x82\xAC"},
                   {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
                   {"\\\\\\\\", "\\\\"}};
    struct bl_arena arena;
    (void)state;
    bl_arena_init(&arena, 4096, 1024 * 1024);
    for (size_t e = 0; e < sizeof(escapes) / sizeof(escapes[0]); e++) {
        for (size_t before = 0; before < 20; before++) {
            for (size_t behind = 0; behind < 20; behind++) {
                size_t source_len = strlen(escapes[e].source);
                size_t value_len = strlen(escapes[e].value);
                size_t len = before + source_len + behind + 2;
                char *text = malloc(len);
                char expected[64];
                assert_non_null(text);
                memset(text, 'x', len);
                text[0] = text[len - 1] = '"';
                memcpy(text + 1 + before, escapes[e].source, source_len);
                memset(expected, 'x', sizeof(expected));
                memcpy(expected + before, escapes[e].value, value_len);
                bl_arena_reset(&arena);
                assert_str(read(&arena, text, len),
                           (struct bl_str){expected, before + value_len + behind});
                free(text);
            }
        }
    }
    bl_arena_fini(&arena);
}

/* All code points through \u, and all as themselves, agree. */
static void test_every_character(void **state) {
    static const char digits[] = "0123456789abcdef";
    struct bl_arena arena;
    (void)state;
    bl_arena_init(&arena, 4096, 1024 * 1024);
    for (uint32_t code = 0x80; code < 0x110000; code += code < 0x3000 || code > 0x10FF00 ? 1 : 37) {
        uint32_t units[2] = {code, 0};
        char text[16] = {'"'};
        size_t len = 1;
        if (code >= 0xD800 && code < 0xE000) {
            continue;
        }
        if (code > 0xFFFF) {
            units[0] = 0xD800 + ((code - 0x10000) >> 10);
            units[1] = 0xDC00 + ((code - 0x10000) & 0x3FF);
        }
        for (int i = 0; i < 2 && (i == 0 || units[i] != 0); i++) {
            text[len++] = '\\';
            text[len++] = 'u';
            for (int shift = 12; shift >= 0; shift -= 4) {
                text[len++] = digits[units[i] >> shift & 15];
            }
        }
        text[len++] = '"';
        bl_arena_reset(&arena);
        struct bl_str value = read(&arena, text, len);
        char quoted[8] = {'"'};
        assert_true(value.len >= 2 && value.len <= 4);
        memcpy(quoted + 1, value.data, value.len);
        quoted[value.len + 1] = '"';
        assert_str(read(&arena, quoted, value.len + 2), value);
        /* RFC 3629: the bits of the code point, six in each byte behind the first. */
        uint32_t decoded = (unsigned char)value.data[0] & (0x7Fu >> value.len);
        for (size_t i = 1; i < value.len; i++) {
            decoded = decoded << 6 | ((unsigned char)value.data[i] & 0x3F);
        }
        assert_int_equal(decoded, code);
    }
    bl_arena_fini(&arena);
}

/* Strings with escapes lie side by side in one block, no longer than the text. */
static void test_one_block_for_all(void **state) {
    static const char text[] = "\"a\\n\"\"plain\"\"\\u0041b\"\"\\t\"";
    static const struct bl_str values[] = {BL_STR("a\n"), BL_STR("plain"), BL_STR("Ab"),
                                           BL_STR("\t")};
    const char *end = text + sizeof(text) - 1;
    const char *at = text;
    const char *problem = NULL;
    struct bl_str value[4];
    struct bl_arena arena;
    (void)state;
    bl_arena_init(&arena, 256, 4096);
    struct bl_json_decoding decoding = {&arena, NULL};
    for (int i = 0; i < 4; i++) {
        assert_true(bl_is_ok(bl_json_string_read(&at, end, &decoding, &value[i], &problem)));
    }
    for (int i = 0; i < 4; i++) {
        assert_str(value[i], values[i]);
    }
    assert_ptr_equal(at, end);
    assert_ptr_equal(value[2].data, value[0].data + 2);
    assert_ptr_equal(value[3].data, value[2].data + 2);
    assert_true(arena.used_bytes <= sizeof(text) + 4 + 16);
    bl_arena_fini(&arena);
}

static void test_full_arena(void **state) {
    static char text[400];
    struct bl_arena arena;
    struct bl_str value;
    const char *problem = NULL;
    const char *at = text;
    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "\"\\n", 3);
    text[sizeof(text) - 1] = '"';
    bl_arena_init(&arena, 256, 256);
    struct bl_json_decoding decoding = {&arena, NULL};
    bl_result result = bl_json_string_read(&at, text + sizeof(text), &decoding, &value, &problem);
    assert_int_equal(result.error, BL_E_RESOURCE_EXHAUSTED);
    assert_null(problem);
    bl_arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_is_told_byte_by_byte), cmocka_unit_test(test_views_and_copies),
        cmocka_unit_test(test_escape_at_each_place),       cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_one_block_for_all),          cmocka_unit_test(test_full_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

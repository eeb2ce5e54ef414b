#include "unit/json/json_fixture.h"

static struct bl_str scan(struct bl_str text) {
    char *copy = malloc(text.len > 0 ? text.len : 1);
    static char value[64];

    assert_non_null(copy);
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    struct bl_str found =
        bl_json_scan_string((struct bl_str){copy, text.len}, BL_STR("id"), 1000, 8);
    if (bl_str_is_present(found)) {
        assert_true(found.len < sizeof(value));
        memcpy(value, found.data, found.len);
        found.data = value;
    }
    free(copy);
    return found;
}

static void test_finds(void **state) {
    static const struct bl_str texts[] = {
        BL_STR("{\"id\":\"a-1\"}"),
        BL_STR(" \n{ \"id\" : \"a-1\" }"),
        BL_STR("{\"id\":\"a-1\""),
        BL_STR("{\"id\":\"a-1\",,,]["),
        BL_STR("{\"x\":\"y\",\"id\":\"a-1\"}"),
        BL_STR("{\"x\":{\"id\":\"no\"},\"id\":\"a-1\"}"),
        BL_STR("{\"x\":[{\"id\":\"no\"},[\"id\"]],\"id\":\"a-1\"}"),
        BL_STR("{\"x\":\"id\",\"id\":\"a-1\"}"),
        BL_STR("{\"x\":\"{\\\"id\\\":\",\"id\":\"a-1\"}"),
        BL_STR("{\"x\\\"\":\"}]\",\"id\":\"a-1\"}"),
        BL_STR("{\"x\":\xFF\x01nonsense,\"id\":\"a-1\"}"),
        BL_STR("{\"id\":\"a-1\",\"id\":\"a-2\"}"),
        BL_STR("{\"x\":\"long text beyond one word\\\\\",\"id\":\"a-1\"}"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_str(scan(texts[i]), BL_STR("a-1"));
    }
    assert_str(scan(BL_STR("{\"id\":\"\"}")), BL_STR(""));
}

static void test_does_not_find(void **state) {
    static const struct bl_str texts[] = {
        {NULL, 0},
        BL_STR(""),
        BL_STR(" "),
        BL_STR("{"),
        BL_STR("{}"),
        BL_STR("\"id\":\"a\""),
        BL_STR("[\"id\":\"a\"]"),
        BL_STR("[{\"id\":\"a\"}]"),
        BL_STR("{\"id\":1}"),
        BL_STR("{\"id\":null}"),
        BL_STR("{\"id\":{\"id\":\"a\"}}"),
        BL_STR("{\"id\":\"a\\u0062\"}"),
        BL_STR("{\"\\u0069d\":\"a\"}"),
        BL_STR("{\"id\":\"a"),
        BL_STR("{\"id\":\"a\\"),
        BL_STR("{\"id\":\""),
        BL_STR("{\"id\":"),
        BL_STR("{\"id\""),
        BL_STR("{\"id"),
        BL_STR("{\"i\\"),
        BL_STR("{\"ID\":\"a\"}"),
        BL_STR("{\"idx\":\"a\"}"),
        BL_STR("{\"i\":\"a\"}"),
        BL_STR("{\"x\":{\"id\":\"a\"}}"),
        BL_STR("{} {\"id\":\"a\"}"),
        BL_STR("{]\"id\":\"a\"}"),
        BL_STR("{\"id\" \"a\"}"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(bl_str_is_present(scan(texts[i])));
    }
}

static void test_bounds(void **state) {
    const struct bl_str text = BL_STR("{\"id\":\"12345678\"}");
    (void)state;
    assert_str(scan(text), BL_STR("12345678"));
    assert_false(bl_str_is_present(scan(BL_STR("{\"id\":\"123456789\"}"))));
    /* The closing quote is the last byte that has to be seen. */
    for (size_t scan_bytes = 0; scan_bytes < 20; scan_bytes++) {
        struct bl_str found = bl_json_scan_string(text, BL_STR("id"), scan_bytes, 100);
        assert_int_equal(bl_str_is_present(found), scan_bytes >= text.len - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_does_not_find),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
